/* Guards vmm/interrupts/vlapic_registers.c and vmm/interrupts/vlapic_icr.c in xAPIC mode: which
 * bits of a register can be written, what it reads, and what a write does. */
#include "tests/unit/vlapic_alone.h"

static void each_register_keeps_its_own_bits(void **state) {
    static const struct {
        uint32_t offset, bits;
    } kept[] = {
        {APIC_TPR, 0xff},
        {APIC_ID, 0xff000000},
        {APIC_LDR, 0xff000000},
        {APIC_DFR, 0xffffffff},
        {APIC_SVR, 0x3ff},
        {APIC_ICR_LOW, 0x000ccfff},
        {APIC_ICR_HIGH, 0xff000000},
        {APIC_TIMER_INITIAL, 0xffffffff}, /* before the mode becomes TSC-deadline */
        {APIC_LVT_TIMER, 0x000700ff},
        {APIC_LVT_THERMAL, 0x000107ff},
        {APIC_LVT_PERFORMANCE, 0x000107ff},
        {APIC_LVT_LINT0, 0x0001a7ff},
        {APIC_LVT_LINT1, 0x0001a7ff},
        {APIC_LVT_ERROR, 0x000100ff},
        {APIC_TIMER_DIVIDE, 0xb},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        write_page(kept[i].offset, 0xffffffff);
        assert_int_equal(read_page(kept[i].offset), kept[i].bits);
        vlapic_write(&apic, kept[i].offset, 0xffffffff); /* the same for an emulated write */
        assert_int_equal(read_page(kept[i].offset), kept[i].bits);
    }
    write_page(APIC_DFR, 0);
    assert_int_equal(read_page(APIC_DFR), 0x0fffffff);
}

static void read_only_registers_ignore_writes(void **state) {
    static const uint32_t offsets[] = {APIC_VERSION, APIC_APR, APIC_PPR, APIC_RRD,
                                       APIC_ISR,     APIC_TMR, APIC_IRR, APIC_TIMER_CURRENT};

    (void)state;
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        uint32_t before = read_page(offsets[i]);
        vlapic_write(&apic, offsets[i], ~before);
        assert_int_equal(read_page(offsets[i]), before);
    }
    assert_int_equal(read_page(APIC_TIMER_CURRENT), 777);
    assert_int_equal(errors(), 0);
}

static bool exists(uint32_t offset) {
    static const uint32_t offsets[] = {
        APIC_ID,       APIC_VERSION,       APIC_TPR,           APIC_APR,
        APIC_PPR,      APIC_EOI,           APIC_RRD,           APIC_LDR,
        APIC_DFR,      APIC_SVR,           APIC_ESR,           APIC_ICR_LOW,
        APIC_ICR_HIGH, APIC_TIMER_INITIAL, APIC_TIMER_CURRENT, APIC_TIMER_DIVIDE};

    if (offset % 16)
        return false;
    if ((offset >= APIC_ISR && offset < APIC_IRR + 0x80) ||
        (offset >= APIC_LVT_TIMER && offset <= APIC_LVT_ERROR))
        return true;
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        if (offsets[i] == offset)
            return true;
    }
    return false;
}

static void registers_that_do_not_exist_read_0_and_write_nothing(void **state) {
    (void)state;
    for (uint32_t offset = 0; offset < 0x3000; offset += 4) {
        struct apic_page before = page;

        if (exists(offset))
            continue;
        assert_int_equal(read_page(offset), 0);
        vlapic_write(&apic, offset, 0xffffffff);
        assert_memory_equal(&page, &before, sizeof(page));
        assert_int_equal(errors(), APIC_ESR_ILLEGAL_REGISTER);
    }
    write_page(APIC_LVT_CMCI, 0x12345); /* the processor has stored it in the page */
    assert_int_equal(apic_page_read(&page, APIC_LVT_CMCI), 0);
}

static void in_x2apic_mode_the_page_has_no_registers(void **state) {
    (void)state;
    assert_true(vlapic_write_base(&apic, apic.base | APIC_BASE_X2APIC));
    assert_int_equal(read_page(APIC_VERSION), 0);
    vlapic_write(&apic, APIC_TPR, 0x20);
    assert_int_equal(apic_page_read(&page, APIC_TPR), 0);
}

/* ---- identity ---- */

static void invariant_13_only_a_real_change_of_identity_is_announced(void **state) {
    static const struct {
        uint32_t offset, same, other;
    } writes[] = {
        {APIC_ID, (uint32_t)ID << 24 | 0xffffff, 1u << 24},
        {APIC_LDR, 0x00ffffff, 0x01000000},
        {APIC_DFR, 0xf0000000, 0x00000000},
        {APIC_SVR, APIC_SVR_ENABLE | 0x33, 0xff},
    };

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        xapic(NULL);
        write_page(writes[i].offset, writes[i].same);
        assert_int_equal(seen.identity_changes, 0);
        struct apic_identity old = apic.identity;
        write_page(writes[i].offset, writes[i].other);
        assert_int_equal(seen.identity_changes, 1);
        assert_memory_equal(&seen.before, &old, sizeof(old)); /* announced before it is in force */
        write_page(writes[i].offset, writes[i].other);
        assert_int_equal(seen.identity_changes, 1);
    }
}

static void the_identity_is_what_the_registers_say(void **state) {
    (void)state;
    write_page(APIC_ID, 0x7f000000);
    write_page(APIC_LDR, 0x35000000);
    assert_int_equal(apic.identity.id, 0x7f);
    assert_int_equal(apic.identity.logical, 0x35);
    assert_false(apic.identity.cluster);
    write_page(APIC_DFR, 0x0fffffff);
    assert_true(apic.identity.cluster);
}

/* ---- SVR and LVT ---- */

static void software_disable_masks_the_lvt_and_keeps_it_masked(void **state) {
    (void)state;
    for (uint32_t lvt = APIC_LVT_TIMER; lvt <= APIC_LVT_ERROR; lvt += 0x10)
        write_page(lvt, V);
    write_page(APIC_SVR, 0xff);
    for (uint32_t lvt = APIC_LVT_TIMER; lvt <= APIC_LVT_ERROR; lvt += 0x10) {
        assert_int_equal(read_page(lvt), APIC_LVT_MASKED | V);
        write_page(lvt, V + 1);
        assert_int_equal(read_page(lvt), APIC_LVT_MASKED | (V + 1));
    }
    write_page(APIC_SVR, APIC_SVR_ENABLE | 0xff);
    assert_int_equal(read_page(APIC_LVT_TIMER), APIC_LVT_MASKED | (V + 1));
    write_page(APIC_LVT_TIMER, V);
    assert_int_equal(read_page(APIC_LVT_TIMER), V);
}

static void in_tsc_deadline_mode_an_initial_count_is_ignored(void **state) {
    (void)state;
    write_page(APIC_TIMER_INITIAL, 1000);
    write_page(APIC_LVT_TIMER, APIC_LVT_TIMER_TSC_DEADLINE | V);
    assert_int_equal(read_page(APIC_TIMER_INITIAL), 0);
    write_page(APIC_TIMER_INITIAL, 1000);
    assert_int_equal(read_page(APIC_TIMER_INITIAL), 0);
}

static void writes_to_the_timers_registers_are_reported(void **state) {
    (void)state;
    write_page(APIC_TIMER_INITIAL, 500);
    write_page(APIC_TIMER_DIVIDE, 3);
    write_page(APIC_LVT_TIMER, APIC_LVT_TIMER_PERIODIC | V);
    assert_int_equal(seen.timer_changes, 3);
    assert_int_equal(read_page(APIC_TIMER_INITIAL), 500);
    write_page(APIC_LVT_TIMER, APIC_LVT_TIMER_TSC_DEADLINE | V); /* disarms */
    assert_int_equal(read_page(APIC_TIMER_INITIAL), 0);
}

static void suppression_exists_only_if_it_is_offered(void **state) {
    uint32_t pins;
    bool rescan;

    (void)state;
    write_page(APIC_SVR, 0x11ff);
    assert_int_equal(read_page(APIC_SVR), 0x1ff);
    apic.broadcast_suppression = true;
    write_page(APIC_SVR, 0x11ff);
    assert_int_equal(read_page(APIC_SVR), 0x11ff);
    tokens_accept(&apic.tokens, V, 1, false);
    assert_int_equal(vlapic_eoi_exit(&apic, V, &pins, &rescan), VLAPIC_EOI_LIVE);
    assert_int_equal(pins, 0); /* invariant 21: retired, but not broadcast */
    assert_false(vector_set_has(&apic.tokens.inflight, V));
}

/* ---- the ICR ---- */

static void an_ipi_has_the_fields_of_the_icr(void **state) {
    (void)state;
    write_page(APIC_ICR_HIGH, 0x45ffffff);
    assert_int_equal(seen.sent, 0);
    write_page(APIC_ICR_LOW, APIC_ICR_LOGICAL | APIC_ICR_LEVEL | APIC_ICR_ASSERT | V);
    assert_int_equal(seen.sent, 1);
    assert_int_equal(seen.shorthand, APIC_SHORTHAND_NONE);
    assert_int_equal(seen.message.destination, 0x45);
    assert_false(seen.message.wide);
    assert_true(seen.message.logical);
    assert_false(seen.message.level); /* IPIs are edges */
    assert_int_equal(seen.message.vector, V);
    assert_int_equal(seen.message.delivery_mode, APIC_DELIVERY_FIXED);
}

static void the_delivery_status_is_always_idle(void **state) {
    (void)state;
    write_page(APIC_ICR_LOW, 0xffffffff & ~0x700u);
    assert_int_equal(read_page(APIC_ICR_LOW) & APIC_ICR_PENDING, 0);
}

static void invalid_combinations_send_nothing(void **state) {
    (void)state;
    for (uint32_t shorthand = 0; shorthand < 4; shorthand++) {
        for (uint32_t mode = 0; mode < 8; mode++) {
            bool self = shorthand == APIC_SHORTHAND_SELF || shorthand == APIC_SHORTHAND_ALL;
            bool valid = mode == APIC_DELIVERY_FIXED || (mode != 3 && mode != 7 && !self);

            xapic(NULL);
            write_page(APIC_ICR_LOW, shorthand << APIC_ICR_SHORTHAND_SHIFT | mode << 8 | V);
            assert_int_equal(seen.sent, valid);
            assert_true(!valid ||
                        (seen.shorthand == shorthand && seen.message.delivery_mode == mode));
            assert_int_equal(errors(), 0);
        }
    }
}

static void init_level_deassert_does_nothing(void **state) {
    uint32_t init = APIC_DELIVERY_INIT << 8;

    (void)state;
    write_page(APIC_ICR_LOW, init | APIC_ICR_LEVEL);
    assert_int_equal(seen.sent, 0);
    write_page(APIC_ICR_LOW, init | APIC_ICR_LEVEL | APIC_ICR_ASSERT);
    write_page(APIC_ICR_LOW, init | APIC_ICR_ASSERT);
    write_page(APIC_ICR_LOW, init);
    assert_int_equal(seen.sent, 3);
}

static void an_illegal_vector_is_an_error_in_modes_that_use_it(void **state) {
    (void)state;
    write_page(APIC_ICR_LOW, 15);
    assert_int_equal(errors(), APIC_ESR_SEND_ILLEGAL_VECTOR);
    write_page(APIC_ICR_LOW, APIC_DELIVERY_LOWEST_PRIORITY << 8 | 15);
    assert_int_equal(errors(), APIC_ESR_SEND_ILLEGAL_VECTOR);
    assert_int_equal(seen.sent, 0);
    write_page(APIC_ICR_LOW, APIC_DELIVERY_NMI << 8 | 2);
    write_page(APIC_ICR_LOW, APIC_DELIVERY_SIPI << 8 | 8);
    assert_int_equal(errors(), 0);
    assert_int_equal(seen.sent, 2);
}

static void the_esr_shows_the_errors_from_before_its_last_write(void **state) {
    (void)state;
    write_page(APIC_ICR_LOW, 15);
    assert_int_equal(read_page(APIC_ESR), 0);
    write_page(APIC_ESR, 0xffffffff);
    assert_int_equal(read_page(APIC_ESR), APIC_ESR_SEND_ILLEGAL_VECTOR);
    assert_int_equal(read_page(APIC_ESR), APIC_ESR_SEND_ILLEGAL_VECTOR);
    write_page(APIC_ESR, 0);
    assert_int_equal(read_page(APIC_ESR), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_register_keeps_its_own_bits, xapic),
        cmocka_unit_test_setup(read_only_registers_ignore_writes, xapic),
        cmocka_unit_test_setup(registers_that_do_not_exist_read_0_and_write_nothing, xapic),
        cmocka_unit_test_setup(in_x2apic_mode_the_page_has_no_registers, xapic),
        cmocka_unit_test_setup(invariant_13_only_a_real_change_of_identity_is_announced, xapic),
        cmocka_unit_test_setup(the_identity_is_what_the_registers_say, xapic),
        cmocka_unit_test_setup(software_disable_masks_the_lvt_and_keeps_it_masked, xapic),
        cmocka_unit_test_setup(in_tsc_deadline_mode_an_initial_count_is_ignored, xapic),
        cmocka_unit_test_setup(writes_to_the_timers_registers_are_reported, xapic),
        cmocka_unit_test_setup(suppression_exists_only_if_it_is_offered, xapic),
        cmocka_unit_test_setup(an_ipi_has_the_fields_of_the_icr, xapic),
        cmocka_unit_test_setup(the_delivery_status_is_always_idle, xapic),
        cmocka_unit_test_setup(invalid_combinations_send_nothing, xapic),
        cmocka_unit_test_setup(init_level_deassert_does_nothing, xapic),
        cmocka_unit_test_setup(an_illegal_vector_is_an_error_in_modes_that_use_it, xapic),
        cmocka_unit_test_setup(the_esr_shows_the_errors_from_before_its_last_write, xapic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
