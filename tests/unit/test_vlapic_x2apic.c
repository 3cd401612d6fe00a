/* Guards vmm/interrupts/vlapic_registers.c in x2APIC mode: which MSRs exist, which writes fault. */
#include "tests/unit/vlapic_alone.h"

#define R 1
#define W 2

static unsigned access_of(uint32_t msr) {
    static const struct {
        uint32_t msr;
        unsigned access;
    } map[] = {
        {0x802, R},     {0x803, R},     {0x808, R | W}, {0x80a, R},     {0x80b, W},
        {0x80d, R},     {0x80f, R | W}, {0x828, R | W}, {0x830, R | W}, {0x832, R | W},
        {0x833, R | W}, {0x834, R | W}, {0x835, R | W}, {0x836, R | W}, {0x837, R | W},
        {0x838, R | W}, {0x839, R},     {0x83e, R | W}, {0x83f, W},
    };

    if (msr >= 0x810 && msr < 0x828) /* ISR, TMR, IRR */
        return R;
    for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
        if (map[i].msr == msr)
            return map[i].access;
    }
    return 0;
}

static void exactly_the_msrs_of_the_manual_exist(void **state) {
    (void)state;
    for (uint32_t msr = 0x700; msr < 0xa00; msr++) {
        struct apic_page before = page;
        uint64_t value = 0;

        assert_int_equal(vlapic_read_msr(&apic, msr, &value), (access_of(msr) & R) != 0);
        if (access_of(msr) & W)
            continue;
        assert_false(vlapic_write_msr(&apic, msr, 0));
        assert_memory_equal(&page, &before, sizeof(page));
    }
    assert_false(vlapic_read_msr(&apic, 0xffffff00 | 0x02, &(uint64_t){0}));
    assert_false(vlapic_write_msr(&apic, 0x10808, 0));
}

static void outside_x2apic_mode_all_msrs_fault(void **state) {
    uint64_t value;

    (void)state;
    xapic(NULL);
    for (uint32_t msr = 0x800; msr < 0x900; msr++) {
        assert_false(vlapic_read_msr(&apic, msr, &value));
        assert_false(vlapic_write_msr(&apic, msr, 0));
    }
}

static void each_reserved_bit_faults(void **state) {
    static const struct {
        uint32_t offset;
        uint64_t legal;
    } map[] = {
        {APIC_TPR, 0xff},
        {APIC_EOI, 0},
        {APIC_SVR, 0x3ff},
        {APIC_ESR, 0},
        {APIC_ICR_LOW, 0xffffffff000cdfff},
        {APIC_LVT_TIMER, 0x000710ff},
        {APIC_LVT_THERMAL, 0x000117ff},
        {APIC_LVT_PERFORMANCE, 0x000117ff},
        {APIC_LVT_LINT0, 0x0001f7ff},
        {APIC_LVT_LINT1, 0x0001f7ff},
        {APIC_LVT_ERROR, 0x000110ff},
        {APIC_TIMER_INITIAL, 0xffffffff},
        {APIC_TIMER_DIVIDE, 0xb},
        {APIC_SELF_IPI, 0xff},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
        for (unsigned bit = 0; bit < 64; bit++)
            assert_int_equal(write_msr(map[i].offset, 1ULL << bit), map[i].legal >> bit & 1);
    }
}

static void a_write_that_faults_changes_nothing(void **state) {
    struct apic_page before;

    (void)state;
    write_msr(APIC_LVT_TIMER, V);
    before = page;
    assert_false(write_msr(APIC_LVT_TIMER, 0x80000055));
    assert_false(write_msr(APIC_SVR, 0x100000000));
    assert_false(write_msr(APIC_ICR_LOW, 1ULL << 40 | 1u << 13 | V));
    assert_memory_equal(&page, &before, sizeof(page));
    assert_int_equal(seen.sent + seen.identity_changes, 0);
}

static void read_only_bits_of_the_lvt_are_ignored(void **state) {
    (void)state;
    assert_true(write_msr(APIC_LVT_LINT0, 0x5000 | V));
    assert_int_equal(read_msr(APIC_LVT_LINT0), V);
}

static void the_ids_have_32_bits_and_are_derived(void **state) {
    (void)state;
    assert_int_equal(read_msr(APIC_ID), ID);
    assert_int_equal(read_msr(APIC_LDR), 0x00020008);
    assert_int_equal(apic.identity.id, ID);
    assert_int_equal(read_msr(APIC_TIMER_CURRENT), 777);
}

static void the_icr_is_one_register_of_64_bits(void **state) {
    (void)state;
    assert_true(write_msr(APIC_ICR_LOW, 0x12345678000c4000 | APIC_ICR_PENDING | V));
    assert_int_equal(seen.sent, 1);
    assert_int_equal(seen.shorthand, APIC_SHORTHAND_OTHERS);
    assert_int_equal(read_msr(APIC_ICR_LOW), 0x12345678000c4000 | V);
    assert_true(write_msr(APIC_ICR_LOW, 0x1234567800000800 | V));
    assert_int_equal(seen.message.destination, 0x12345678);
    assert_true(seen.message.wide);
    assert_true(seen.message.logical);
}

static void a_self_ipi_is_sent_to_its_sender(void **state) {
    (void)state;
    assert_true(write_msr(APIC_SELF_IPI, V));
    assert_int_equal(seen.shorthand, APIC_SHORTHAND_SELF);
    assert_int_equal(vlapic_sync(&apic), V);
    assert_true(write_msr(APIC_SELF_IPI, 15));
    assert_int_equal(seen.sent, 1);
    assert_true(write_msr(APIC_ESR, 0));
    assert_int_equal(read_msr(APIC_ESR), APIC_ESR_SEND_ILLEGAL_VECTOR);
}

/* The processor virtualizes self-IPIs with a legal vector; others cause an APIC-write exit. */
static void a_self_ipi_with_an_illegal_vector_is_an_error(void **state) {
    uint64_t errors;

    (void)state;
    apic_page_write(&page, APIC_SELF_IPI, 0x0f);
    vlapic_written(&apic, APIC_SELF_IPI);
    assert_int_equal(apic_page_read(&page, APIC_SELF_IPI), 0);
    assert_int_equal(seen.sent, 0);
    assert_true(vlapic_write_msr(&apic, MSR(APIC_ESR), 0));
    assert_true(vlapic_read_msr(&apic, MSR(APIC_ESR), &errors));
    assert_int_equal(errors, APIC_ESR_SEND_ILLEGAL_VECTOR);
}

static void an_eoi_by_msr_is_a_software_eoi(void **state) {
    (void)state;
    apic_page_add(&page, APIC_ISR, V);
    assert_false(write_msr(APIC_EOI, V));
    assert_true(apic_page_has(&page, APIC_ISR, V));
    assert_true(write_msr(APIC_EOI, 0));
    assert_false(apic_page_has(&page, APIC_ISR, V));
}

static void suppression_is_reserved_unless_offered(void **state) {
    (void)state;
    assert_false(write_msr(APIC_SVR, 0x11ff));
    apic.broadcast_suppression = true;
    assert_true(write_msr(APIC_SVR, 0x11ff));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(exactly_the_msrs_of_the_manual_exist, x2apic),
        cmocka_unit_test_setup(outside_x2apic_mode_all_msrs_fault, x2apic),
        cmocka_unit_test_setup(each_reserved_bit_faults, x2apic),
        cmocka_unit_test_setup(a_write_that_faults_changes_nothing, x2apic),
        cmocka_unit_test_setup(read_only_bits_of_the_lvt_are_ignored, x2apic),
        cmocka_unit_test_setup(the_ids_have_32_bits_and_are_derived, x2apic),
        cmocka_unit_test_setup(the_icr_is_one_register_of_64_bits, x2apic),
        cmocka_unit_test_setup(a_self_ipi_is_sent_to_its_sender, x2apic),
        cmocka_unit_test_setup(a_self_ipi_with_an_illegal_vector_is_an_error, x2apic),
        cmocka_unit_test_setup(an_eoi_by_msr_is_a_software_eoi, x2apic),
        cmocka_unit_test_setup(suppression_is_reserved_unless_offered, x2apic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
