/* Guards invariants 14 to 19: vectors that several vCPUs, several pins, or level and edge
 * interrupts share; spurious EOIs; requests that coalesce. */
#include "tests/unit/invariants.h"

static void invariant_14_every_target_has_the_bit_and_the_first_eoi_counts(void **state) {
    (void)state;
    world_route(&world, 5, RTE_LEVEL | RTE_LOGICAL, V, 0x7);
    world_line(&world, 5, true);
    for (unsigned vcpu = 0; vcpu < 3; vcpu++)
        assert_runs(vcpu, V);
    world_line(&world, 5, false);
    assert_eoi(1, WORLD_EOI_LIVE);
    assert_false(waits_for_eoi(5));
    assert_eoi(0, WORLD_EOI_LIVE);
    assert_eoi(2, WORLD_EOI_LIVE);
    assert_int_equal(world.deliveries[5], 1);
    assert_int_equal(world.traced[TRACE_REMOTE_IRR], 2);
}

static void invariant_14_lowest_priority_has_one_token_and_takes_turns(void **state) {
    unsigned chosen[3] = {0};

    (void)state;
    world_route(&world, 5,
                RTE_LEVEL | RTE_LOGICAL |
                    (uint64_t)APIC_DELIVERY_LOWEST_PRIORITY << RTE_DELIVERY_SHIFT,
                V, 0x5);
    for (int i = 0; i < 10; i++) {
        world_line(&world, 5, true);
        world_line(&world, 5, false);
        assert_int_equal(world.accepted[5], 1);
        for (unsigned vcpu = 0; vcpu < 3; vcpu++) {
            if (world_run(&world, vcpu) == V) {
                assert_eoi(vcpu, WORLD_EOI_LIVE);
                chosen[vcpu]++;
            }
        }
    }
    assert_int_equal(chosen[0], 5);
    assert_int_equal(chosen[1], 0);
    assert_int_equal(chosen[2], 5);
}

/* How Linux makes a stale EOI: docs/book/10-linux.md, "Moving interrupts under load". */
static void
the_same_vector_on_two_vcpus_and_a_route_written_when_remote_irr_is_clear(void **state) {
    (void)state;
    in_service_on_0();
    level_to(6, V, 1);
    world_line(&world, 6, true);
    assert_runs(1, V);
    world_line(&world, 6, false);
    assert_eoi(1, WORLD_EOI_LIVE); /* clears pin 5's Remote IRR, too; its line is active */
    assert_int_equal(world.deliveries[5], 2);
    world_run(&world, 0); /* accepts it behind the instance in service */
    world_line(&world, 5, false);
    assert_eoi(0, WORLD_EOI_LIVE);
    assert_false(waits_for_eoi(5));
    level_to(5, W, 2);
    assert_runs(0, V);
    assert_eoi(0, WORLD_EOI_STALE);
    assert_bit(0, V, false);
    assert_int_equal(world.eoi_exits[0][V], 2);
}

static void after_one_stale_eoi(void) {
    in_service_on_0();
    level_to(5, V, 1);
    world_line(&world, 5, false);
    world_run(&world, 0);
    assert_eoi(0, WORLD_EOI_STALE);
    world_run(&world, 0);
}

static void invariant_15_no_exit_in_a_million_edges_after_the_stale_eoi(void **state) {
    (void)state;
    after_one_stale_eoi();
    world_posted_interrupt(&world, 0, V);
    for (int i = 0; i < 1000000; i++) {
        assert_int_equal(world_deliver(&world, 0), V);
        world_posted_interrupt(&world, 0, V); /* in the IRR at every EOI */
        assert_int_equal(world_eoi(&world, 0), WORLD_EOI_NO_EXIT);
    }
    assert_int_equal(world.eoi_exits[0][V], 1);
}

static void invariant_15_ipis_and_entries_do_not_set_the_bit_again(void **state) {
    (void)state;
    after_one_stale_eoi();
    for (int i = 0; i < 2000; i++) {
        world_write_apic(&world, 1, APIC_ICR_LOW, APIC_ICR_OTHERS | V);
        assert_int_equal(world_run(&world, 0), V);
        level_to(6, (uint8_t)(W + i % 2), 0); /* scans while V is in service, as an edge */
        world_run(&world, 0);
        assert_int_equal(world_eoi(&world, 0), WORLD_EOI_NO_EXIT);
    }
    assert_int_equal(world.eoi_exits[0][V], 1);
}

static void without_the_rescan_every_later_eoi_exits(void **state) {
    (void)state;
    world.routing.stale_rescan = false;
    after_one_stale_eoi();
    for (int i = 0; i < 100; i++) {
        world_posted_interrupt(&world, 0, V);
        world_run(&world, 0);
        assert_eoi(0, WORLD_EOI_COINCIDENTAL);
    }
    assert_int_equal(world.routing.counters[0].eoi_stale[V], 1);
    assert_int_equal(world.routing.counters[0].eoi_coincidental[V], 100);
    assert_int_equal(routing_scans(&world.routing.counters[0], SCAN_STALE), 0);
}

static void invariant_16_an_edge_accepted_while_the_level_is_in_service(void **state) {
    (void)state;
    in_service_on_0();
    world_line(&world, 5, false);
    world_write_apic(&world, 1, APIC_ICR_LOW, APIC_ICR_OTHERS | V);
    world_run(&world, 0);
    assert_eoi(0, WORLD_EOI_LIVE);
    assert_false(waits_for_eoi(5));
    assert_runs(0, V);
    assert_eoi(0, WORLD_EOI_COINCIDENTAL); /* still routed here */
}

static void invariant_16_a_level_accepted_while_the_edge_is_in_service(void **state) {
    (void)state;
    level_to(5, V, 0);
    world_run(&world, 0);
    world_write_apic(&world, 1, APIC_ICR_LOW, APIC_ICR_OTHERS | V);
    assert_runs(0, V);
    world_line(&world, 5, true);
    world_line(&world, 5, false);
    world_run(&world, 0);
    assert_eoi(0, WORLD_EOI_COINCIDENTAL);
    assert_true(waits_for_eoi(5));
    assert_runs(0, V);
    assert_eoi(0, WORLD_EOI_LIVE);
    assert_false(waits_for_eoi(5));
}

/* The sender need not be notified: its own IPI is in the IRR before the next entry. */
static void an_ipi_to_all_is_in_its_senders_irr_at_once(void **state) {
    (void)state;
    world.notified = 0;
    world_write_apic(&world, 0, APIC_ICR_LOW, APIC_ICR_ALL | V);
    assert_true(apic_page_has(&world.page[0], APIC_IRR, V));
    assert_false(apic_page_has(&world.page[1], APIC_IRR, V));
    assert_int_equal(world.notified & 1, 0);
    assert_int_equal(world.notified & 2, 2);
    assert_runs(0, V);
    assert_runs(1, V);
    assert_eoi(0, WORLD_EOI_NO_EXIT);
    world_write_apic(&world, 0, APIC_ICR_HIGH, 0);
    world_write_apic(&world, 0, APIC_ICR_LOW, V); /* to its own APIC ID */
    assert_true(apic_page_has(&world.page[0], APIC_IRR, V));
    assert_int_equal(world.notified & 1, 0);
}

static void invariant_17_a_spurious_eoi_changes_nothing(void **state) {
    (void)state;
    level_to(5, V, 0);
    world_route(&world, 6, RTE_LEVEL, 0, 0); /* a spurious EOI has vector 0 */
    world_write_apic(&world, 0, APIC_TPR, 0xf0);
    world_line(&world, 5, true);
    world_run(&world, 0);
    assert_eoi(0, WORLD_EOI_NO_EXIT);
    assert_true(waits_for_eoi(5));
    assert_true(world_in_flight(&world, 0, V));
    assert_int_equal(world.notified & 1, 0);
    assert_int_equal(vlapic_eoi(routing_vlapic(&world.routing, 0)), -1);
    assert_int_equal(world.notified & 1, 0);
}

static void invariant_18_any_number_of_requests_cost_one_scan(void **state) {
    uint64_t before;

    (void)state;
    in_service_on_0();
    world_line(&world, 5, false);
    before = routing_scans(&world.routing.counters[0], ~0u);
    for (unsigned i = 0; i < 100; i++)
        level_to(5, V, (uint8_t)(i % 2 ? 0 : 1));
    level_to(5, V, 1);
    world_enter(&world, 0);
    assert_int_equal(routing_scans(&world.routing.counters[0], ~0u), before + 1);
    assert_eoi(0, WORLD_EOI_STALE);
    level_to(7, W, 0);
    world_enter(&world, 0);
    world_enter(&world, 0);
    assert_int_equal(routing_scans(&world.routing.counters[0], ~0u), before + 2);
}

static void invariant_19_one_eoi_serves_two_pins_of_one_vector(void **state) {
    (void)state;
    level_to(5, V, 0);
    level_to(6, V, 0);
    world_line(&world, 5, true);
    world_line(&world, 6, true);
    assert_runs(0, V);
    world_line(&world, 5, false);
    world_line(&world, 6, false);
    level_to(5, V, 1);
    assert_bit(0, V, true);
    assert_false(world_is_stale(&world, 0, V)); /* pin 6 still routes here */
    level_to(6, V, 1);
    assert_bit(0, V, true);
    assert_true(world_is_stale(&world, 0, V));
    assert_eoi(0, WORLD_EOI_STALE);
    assert_false(waits_for_eoi(5));
    assert_false(waits_for_eoi(6));
    assert_runs(0, -1); /* each has delivered once; both are inactive */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(invariant_14_every_target_has_the_bit_and_the_first_eoi_counts),
        TEST(invariant_14_lowest_priority_has_one_token_and_takes_turns),
        TEST(the_same_vector_on_two_vcpus_and_a_route_written_when_remote_irr_is_clear),
        TEST(invariant_15_no_exit_in_a_million_edges_after_the_stale_eoi),
        TEST(invariant_15_ipis_and_entries_do_not_set_the_bit_again),
        TEST(without_the_rescan_every_later_eoi_exits),
        TEST(invariant_16_an_edge_accepted_while_the_level_is_in_service),
        TEST(invariant_16_a_level_accepted_while_the_edge_is_in_service),
        TEST(an_ipi_to_all_is_in_its_senders_irr_at_once),
        TEST(invariant_17_a_spurious_eoi_changes_nothing),
        TEST(invariant_18_any_number_of_requests_cost_one_scan),
        TEST(invariant_19_one_eoi_serves_two_pins_of_one_vector),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
