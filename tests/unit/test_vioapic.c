/* Guards vmm/interrupts/vioapic.c alone: its registers, the messages it sends, which writes are
 * reroutes, and EOIs, as in the 82093AA data sheet. Lines are in test_vioapic_pins.c. */
#include "tests/unit/vioapic_alone.h"

static void after_reset_every_pin_is_masked(void **state) {
    (void)state;
    assert_int_equal(read_register(IOAPIC_REG_ID), 0);
    assert_int_equal(read_register(IOAPIC_REG_VERSION), 0x00170011);
    for (unsigned pin = 0; pin < IOAPIC_PIN_COUNT; pin++)
        assert_int_equal(read_entry(pin), RTE_MASKED);
}

static void the_id_has_four_bits_and_loads_the_arbitration_id(void **state) {
    (void)state;
    write_register(IOAPIC_REG_ID, 0xffffffff);
    assert_int_equal(read_register(IOAPIC_REG_ID), 0x0f000000);
    assert_int_equal(read_register(IOAPIC_REG_ARBITRATION), 0x0f000000);
    write_register(IOAPIC_REG_ARBITRATION, 0);
    write_register(IOAPIC_REG_VERSION, 0);
    assert_int_equal(read_register(IOAPIC_REG_ARBITRATION), 0x0f000000);
    assert_int_equal(read_register(IOAPIC_REG_VERSION), 0x00170011);
}

static void reserved_and_read_only_bits_of_an_entry_read_0(void **state) {
    (void)state;
    write_entry(7, ~0ULL);
    assert_int_equal(read_entry(7), 0xff0000000001afff);
    assert_int_equal(read_entry(6), RTE_MASKED);
    assert_int_equal(read_entry(8), RTE_MASKED);
}

static void indices_that_do_not_exist_read_0_and_write_nothing(void **state) {
    struct vioapic before;

    (void)state;
    for (uint32_t index = 0; index < 0x200; index++) {
        uint32_t low = index & 0xff; /* IOREGSEL has 8 bits */
        if (low <= 2 || (low >= 0x10 && low < 0x40))
            continue;
        vioapic_write(&io, IOAPIC_INDEX, 4, index);
        before = io;
        assert_int_equal(vioapic_read(&io, IOAPIC_DATA, 4), 0);
        vioapic_write(&io, IOAPIC_DATA, 4, 0xffffffff);
        assert_memory_equal(&io, &before, sizeof(io));
    }
    assert_int_equal(read_register(0x101), 0x00170011);
}

static void only_aligned_32_bit_accesses_have_an_effect(void **state) {
    static const unsigned sizes[] = {1, 2, 8};
    struct vioapic before;

    (void)state;
    vioapic_write(&io, IOAPIC_INDEX, 4, IOAPIC_REG_VERSION);
    before = io;
    for (uint32_t offset = 0; offset < 4096; offset++) {
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(vioapic_read(&io, offset, sizes[i]), 0);
            vioapic_write(&io, offset, sizes[i], 0x12);
        }
        if (offset == IOAPIC_INDEX || offset == IOAPIC_DATA)
            continue;
        assert_int_equal(vioapic_read(&io, offset, 4), 0);
        vioapic_write(&io, offset, 4, 0x12);
    }
    assert_memory_equal(&io, &before, sizeof(io));
}

static void a_pin_that_does_not_exist_changes_nothing(void **state) {
    struct vioapic before = io;

    (void)state;
    vioapic_set_line(&io, 24, true);
    vioapic_set_line(&io, 31, true);
    vioapic_set_line(&io, 0xffffffff, true);
    assert_memory_equal(&io, &before, sizeof(io));
}

static void the_message_has_the_fields_of_the_entry(void **state) {
    (void)state;
    write_entry(23, TO(0x84) | RTE_LOGICAL | RTE_LEVEL | MODE(LOWEST_PRIORITY) | V);
    vioapic_set_line(&io, 23, true);
    assert_int_equal(seen.delivered, 1);
    assert_int_equal(seen.pin, 23);
    assert_int_equal(seen.message.destination, 0x84);
    assert_false(seen.message.wide);
    assert_true(seen.message.logical);
    assert_true(seen.message.level);
    assert_int_equal(seen.message.vector, V);
    assert_int_equal(seen.message.delivery_mode, APIC_DELIVERY_LOWEST_PRIORITY);
}

/* ---- reroutes ---- */

static void a_change_of_a_level_route_is_a_reroute(void **state) {
    static const uint64_t changes[] = {V ^ 0x52, TO(3), RTE_LOGICAL, RTE_LEVEL, MODE(NMI)};

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        uint64_t old = TO(1) | RTE_LEVEL | RTE_MASKED | V;

        set_up(NULL);
        write_entry(2, old);
        seen.reroutes = 0;
        write_entry(2, old ^ changes[i]);
        assert_int_equal(seen.reroutes, 1);
        assert_int_equal(seen.old_entry, old);
        assert_int_equal(seen.new_entry, old ^ changes[i]);
        write_entry(2, old); /* and back */
        assert_int_equal(seen.reroutes, 2);
    }
}

static void other_changes_are_not_reroutes(void **state) {
    (void)state;
    write_entry(2, TO(1) | RTE_LEVEL | V);
    seen.reroutes = 0;
    write_entry(2, TO(1) | RTE_LEVEL | V);
    write_entry(2, TO(1) | RTE_LEVEL | RTE_MASKED | V);
    write_entry(2, TO(1) | RTE_LEVEL | RTE_ACTIVE_LOW | V);
    write_entry(2, TO(1) | RTE_LEVEL | RTE_REMOTE_IRR | V);
    write_entry(3, TO(1) | V);
    write_entry(3, TO(2) | (V + 1));
    assert_int_equal(seen.reroutes, 0);
}

static void each_half_is_a_separate_write(void **state) {
    (void)state;
    write_entry(2, TO(1) | RTE_LEVEL | V);
    seen.reroutes = 0;
    write_entry(2, TO(2) | RTE_LEVEL | (V + 1));
    assert_int_equal(seen.reroutes, 2);
    assert_int_equal(seen.old_entry, TO(2) | RTE_LEVEL | V);
}

static void invariant_2_the_reroute_is_announced_before_it_delivers(void **state) {
    (void)state;
    vioapic_set_line(&io, 2, true);
    write_entry(2, TO(1) | RTE_LEVEL | V);
    assert_int_equal(seen.delivered, 1);
    assert_true(seen.rerouted_at < seen.delivered_at);
}

/* ---- EOI ---- */

static void invariant_5_an_eoi_delivers_each_active_pin_of_the_vector_once(void **state) {
    (void)state;
    for (unsigned pin = 0; pin < 3; pin++) {
        write_entry(pin, TO(1) | RTE_LEVEL | (pin < 2 ? V : V + 1));
        vioapic_set_line(&io, pin, true);
    }
    vioapic_set_line(&io, 1, false);
    seen.delivered = 0;
    vioapic_eoi(&io, V, 1);
    assert_int_equal(seen.delivered, 1);
    assert_int_equal(seen.pin, 0);
    assert_true(read_entry(0) & RTE_REMOTE_IRR);
    assert_false(read_entry(1) & RTE_REMOTE_IRR);
    assert_true(read_entry(2) & RTE_REMOTE_IRR);
}

static void invariant_14_a_second_eoi_changes_nothing(void **state) {
    struct vioapic before;

    (void)state;
    write_entry(0, TO(1) | RTE_LEVEL | V);
    vioapic_set_line(&io, 0, true);
    vioapic_set_line(&io, 0, false);
    vioapic_eoi(&io, V, 1);
    before = io;
    vioapic_eoi(&io, V, 1);
    assert_memory_equal(&io, &before, sizeof(io));
}

static void invariant_10_only_what_is_left_set_is_orphaned(void **state) {
    (void)state;
    write_entry(0, TO(1) | RTE_LEVEL | V);
    write_entry(1, TO(1) | RTE_LEVEL | V);
    vioapic_set_line(&io, 0, true);
    vioapic_set_line(&io, 1, true);
    write_entry(0, TO(1) | RTE_LEVEL | (V + 1));
    write_entry(1, TO(1) | RTE_MASKED);
    vioapic_eoi(&io, V, 3);
    assert_int_equal(seen.traced[TRACE_ORPHANED], 1);
    assert_true(read_entry(0) & RTE_REMOTE_IRR);
}

static void invariant_21_only_version_20h_has_the_eoi_register(void **state) {
    (void)state;
    for (uint32_t version = 0x11; version <= 0x20; version += 0xf) {
        vioapic_reset(&io, version);
        assert_int_equal(read_register(IOAPIC_REG_VERSION), 0x00170000 | version);
        write_entry(0, TO(1) | RTE_LEVEL | V);
        vioapic_set_line(&io, 0, true);
        vioapic_set_line(&io, 0, false);
        vioapic_write(&io, IOAPIC_EOI, 4, V);
        assert_int_equal((read_entry(0) & RTE_REMOTE_IRR) != 0, version == 0x11);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(after_reset_every_pin_is_masked, set_up),
        cmocka_unit_test_setup(the_id_has_four_bits_and_loads_the_arbitration_id, set_up),
        cmocka_unit_test_setup(reserved_and_read_only_bits_of_an_entry_read_0, set_up),
        cmocka_unit_test_setup(indices_that_do_not_exist_read_0_and_write_nothing, set_up),
        cmocka_unit_test_setup(only_aligned_32_bit_accesses_have_an_effect, set_up),
        cmocka_unit_test_setup(a_pin_that_does_not_exist_changes_nothing, set_up),
        cmocka_unit_test_setup(the_message_has_the_fields_of_the_entry, set_up),
        cmocka_unit_test_setup(a_change_of_a_level_route_is_a_reroute, set_up),
        cmocka_unit_test_setup(other_changes_are_not_reroutes, set_up),
        cmocka_unit_test_setup(each_half_is_a_separate_write, set_up),
        cmocka_unit_test_setup(invariant_2_the_reroute_is_announced_before_it_delivers, set_up),
        cmocka_unit_test_setup(invariant_5_an_eoi_delivers_each_active_pin_of_the_vector_once,
                               set_up),
        cmocka_unit_test_setup(invariant_14_a_second_eoi_changes_nothing, set_up),
        cmocka_unit_test_setup(invariant_10_only_what_is_left_set_is_orphaned, set_up),
        cmocka_unit_test_setup(invariant_21_only_version_20h_has_the_eoi_register, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
