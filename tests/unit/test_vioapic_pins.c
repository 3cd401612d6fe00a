/* Guards vmm/interrupts/vioapic.c alone: edges, levels, polarity, masks, and interrupts that no
 * LAPIC accepts. */
#include "tests/unit/vioapic_alone.h"

static void an_edge_delivers_once_per_edge(void **state) {
    (void)state;
    write_entry(3, TO(1) | V);
    vioapic_set_line(&io, 3, true);
    vioapic_set_line(&io, 3, true);
    assert_int_equal(seen.delivered, 1);
    vioapic_set_line(&io, 3, false);
    assert_int_equal(seen.delivered, 1);
    vioapic_set_line(&io, 3, true);
    assert_int_equal(seen.delivered, 2);
    assert_int_equal(read_entry(3), TO(1) | V); /* no Remote IRR */
}

static void polarity_is_honoured(void **state) {
    (void)state;
    vioapic_set_line(&io, 3, true);
    vioapic_set_line(&io, 4, true);
    write_entry(3, TO(1) | RTE_ACTIVE_LOW | RTE_LEVEL | V);
    write_entry(4, TO(1) | RTE_ACTIVE_LOW | V);
    assert_int_equal(seen.delivered, 0);
    vioapic_set_line(&io, 3, false);
    assert_int_equal(seen.delivered, 1);
    vioapic_set_line(&io, 4, false);
    assert_int_equal(seen.delivered, 2);
    vioapic_set_line(&io, 4, true);
    assert_int_equal(seen.delivered, 2);
}

static void a_write_causes_no_edge(void **state) {
    (void)state;
    write_entry(3, TO(1) | V);
    write_entry(3, TO(1) | RTE_ACTIVE_LOW | V);
    write_entry(3, TO(1) | V);
    assert_int_equal(seen.delivered, 0);
}

static void an_edge_that_no_lapic_accepts_stays_pending(void **state) {
    (void)state;
    acceptors = 0;
    write_entry(3, TO(1) | V);
    vioapic_set_line(&io, 3, true);
    vioapic_set_line(&io, 3, false);
    assert_int_equal(read_entry(3), TO(1) | RTE_DELIVERY_STATUS | V);
    vioapic_retry(&io);
    assert_int_equal(seen.delivered, 2);
    acceptors = 1;
    vioapic_retry(&io);
    assert_int_equal(read_entry(3), TO(1) | V);
    vioapic_retry(&io);
    assert_int_equal(seen.delivered, 3);
}

static void masking_or_a_switch_to_level_drops_a_pending_edge(void **state) {
    (void)state;
    acceptors = 0;
    write_entry(3, TO(1) | V);
    write_entry(4, TO(1) | V);
    vioapic_set_line(&io, 3, true);
    vioapic_set_line(&io, 4, true);
    vioapic_set_line(&io, 4, false);
    acceptors = 1;
    write_register(IOAPIC_REG_ENTRY + 6, RTE_MASKED | V);
    write_register(IOAPIC_REG_ENTRY + 6, V);
    write_register(IOAPIC_REG_ENTRY + 8, RTE_LEVEL | V);
    write_register(IOAPIC_REG_ENTRY + 8, V);
    assert_int_equal(seen.delivered, 2); /* the two that were not accepted */
}

static void other_modes_are_edges_whatever_the_trigger_bit_says(void **state) {
    static const uint64_t modes[] = {MODE(SMI), MODE(NMI), MODE(INIT), MODE(EXTINT)};

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        unsigned before = seen.delivered;
        write_entry(i, TO(1) | RTE_LEVEL | modes[i]); /* vector 0 */
        vioapic_set_line(&io, i, true);
        assert_int_equal(seen.delivered, before + 1);
        assert_false(seen.message.level);
        assert_int_equal(seen.message.delivery_mode, apic_delivery_mode(modes[i]));
        vioapic_eoi(&io, 0, 1u << i);
        assert_int_equal(seen.delivered, before + 1);
        assert_false(read_entry(i) & (RTE_REMOTE_IRR | RTE_DELIVERY_STATUS));
    }
    assert_int_equal(seen.reroutes, 0);
}

static void reserved_modes_deliver_nothing(void **state) {
    (void)state;
    write_entry(1, TO(1) | 3ULL << RTE_DELIVERY_SHIFT | V);
    write_entry(2, TO(1) | 6ULL << RTE_DELIVERY_SHIFT | RTE_LEVEL | V);
    vioapic_set_line(&io, 1, true);
    vioapic_set_line(&io, 2, true);
    assert_int_equal(seen.delivered, 0);
    assert_int_equal(io.edge_pending, 0);
}

/* The message is sent to the LAPICs, which record the error; the pin keeps no state. */
static void an_illegal_vector_is_dropped(void **state) {
    (void)state;
    acceptors = 0;
    write_entry(1, TO(1) | 15);
    vioapic_set_line(&io, 1, true);
    assert_int_equal(seen.delivered, 1);
    assert_int_equal(read_entry(1), TO(1) | 15);
    write_entry(2, TO(1) | RTE_LEVEL | 15);
    vioapic_set_line(&io, 2, true);
    assert_false(read_entry(2) & RTE_REMOTE_IRR);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_edge_delivers_once_per_edge, set_up),
        cmocka_unit_test_setup(polarity_is_honoured, set_up),
        cmocka_unit_test_setup(a_write_causes_no_edge, set_up),
        cmocka_unit_test_setup(an_edge_that_no_lapic_accepts_stays_pending, set_up),
        cmocka_unit_test_setup(masking_or_a_switch_to_level_drops_a_pending_edge, set_up),
        cmocka_unit_test_setup(other_modes_are_edges_whatever_the_trigger_bit_says, set_up),
        cmocka_unit_test_setup(reserved_modes_deliver_nothing, set_up),
        cmocka_unit_test_setup(an_illegal_vector_is_dropped, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
