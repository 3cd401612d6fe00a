/* Guards invariants 1 to 3 and 5 to 9: which EOIs exit, for how long, and which pins receive them.
 * The others are in test_invariants_shared.c and test_invariants_ioapic.c. */
#include "tests/unit/invariants.h"

static void invariant_1_a_level_eoi_exits_and_reaches_the_ioapic(void **state) {
    (void)state;
    in_service_on_0();
    assert_true(waits_for_eoi(5));
    world_line(&world, 5, false);
    assert_eoi(0, WORLD_EOI_LIVE);
    assert_false(waits_for_eoi(5));
}

/* Between the first sync of an entry and its scan another CPU posts a level interrupt and reroutes
 * the pin. The scan must not run before that interrupt is accepted. */
static void post_and_reroute(struct world *w) {
    world_line(w, 5, true);
    world_route(w, 5, RTE_LEVEL, V, 1);
}

static void invariant_1_posted_and_rerouted_between_sync_and_scan(void **state) {
    (void)state;
    level_to(5, V, 0);
    world_run(&world, 0);
    level_to(6, W, 0); /* requests a scan */
    world.before_lock = post_and_reroute;
    world_enter(&world, 0);
    assert_bit(0, V, true);
    assert_eoi(0, WORLD_EOI_STALE);
    assert_runs(1, V); /* the line is still active */
}

static void invariant_2_a_route_kicks_its_vcpu_before_it_can_deliver(void **state) {
    (void)state;
    world.notified = 0;
    level_to(5, V, 1);
    assert_true(world.notified & 1u << 1);
    assert_false(world.notified & 1u << 2);
    world_line(&world, 5, true);
    assert_runs(1, V); /* the world checks that the bit was set */
}

static void raise_line_5(struct world *w) {
    world_line(w, 5, true);
}

/* A vCPU has its new logical ID before it announces it. What is posted to it in between is not yet
 * in its bitmap: it scans before it enters. */
static void invariant_2_a_line_rises_while_a_vcpu_writes_its_ldr(void **state) {
    (void)state;
    world_route(&world, 5, RTE_LEVEL | RTE_LOGICAL, V, 8);
    world.before_lock = raise_line_5;
    world_write_apic(&world, 2, APIC_LDR, 8u << 24);
    assert_int_equal(world.deliveries[5], 1);
    assert_runs(2, V);
    assert_true(world_exits(&world, 2, V));
    assert_eoi(2, WORLD_EOI_LIVE);
}

static void invariant_3_a_removed_route_clears_its_bit(void **state) {
    (void)state;
    level_to(5, V, 0);
    assert_bit(0, V, true);
    level_to(5, V, 1);
    assert_bit(0, V, false);
    assert_bit(1, V, true);
    world_route(&world, 5, 0, V, 1); /* edge */
    assert_bit(1, V, false);
}

static void invariant_5_an_eoi_delivers_again_to_the_current_destination(void **state) {
    (void)state;
    in_service_on_0();
    level_to(5, V, 1);
    assert_runs(0, -1);
    assert_int_equal(world.deliveries[5], 1);
    assert_eoi(0, WORLD_EOI_STALE); /* the line is still active */
    assert_int_equal(world.deliveries[5], 2);
    assert_true(waits_for_eoi(5));
    assert_runs(0, -1);
    assert_runs(1, V);
}

static void invariant_6_destination_changed_in_service(void **state) {
    (void)state;
    in_service_on_0();
    level_to(5, V, 1);
    world_line(&world, 5, false);
    assert_bit(0, V, true);
    assert_true(world_is_stale(&world, 0, V));
    assert_eoi(0, WORLD_EOI_STALE);
    assert_false(waits_for_eoi(5));
    assert_bit(0, V, false);
    world_line(&world, 5, true);
    assert_runs(1, V);
    assert_eoi(1, WORLD_EOI_LIVE);
    assert_int_equal(world.eoi_exits[0][V], 1);
}

static void invariant_7_destination_changed_while_in_the_irr(void **state) {
    (void)state;
    level_to(5, V, 0);
    world_run(&world, 0);
    world_write_apic(&world, 0, APIC_TPR, 0xf0); /* accepted, but not delivered */
    world_line(&world, 5, true);
    assert_runs(0, -1);
    level_to(5, V, 1);
    assert_bit(0, V, true);
    world_write_apic(&world, 0, APIC_TPR, 0);
    assert_runs(0, V);
    assert_eoi(0, WORLD_EOI_STALE);
    assert_bit(0, V, false);
}

static void invariant_7_destination_changed_while_in_the_inbox(void **state) {
    (void)state;
    level_to(5, V, 0);
    world_run(&world, 0);
    world_line(&world, 5, true);
    level_to(5, V, 1); /* vCPU 0 has been in guest mode all the time */
    assert_runs(0, V);
    assert_true(world_is_stale(&world, 0, V));
    assert_eoi(0, WORLD_EOI_STALE);
    assert_bit(0, V, false);
}

/* V and W are nested on vCPU 0, and both are rerouted to vCPU 1. */
static void two_stale_vectors(void) {
    level_to(5, V, 0);
    level_to(6, W, 0);
    world_line(&world, 5, true);
    assert_runs(0, V);
    world_line(&world, 6, true);
    assert_runs(0, W);
    level_to(5, V, 1);
    level_to(6, W, 1);
    world_line(&world, 5, false);
    world_line(&world, 6, false);
    assert_runs(0, -1);
    assert_true(world_is_stale(&world, 0, V) && world_is_stale(&world, 0, W));
}

static void invariant_8_a_second_stale_vector_keeps_its_own_bit(void **state) {
    (void)state;
    two_stale_vectors();
    assert_eoi(0, WORLD_EOI_STALE); /* W, the higher */
    assert_bit(0, W, false);
    assert_bit(0, V, true);
    assert_eoi(0, WORLD_EOI_STALE);
    assert_bit(0, V, false);
}

/* The EOI of the lower vector comes first: its bit is dropped at once, although the higher vector
 * is stale as well. */
static void invariant_8_the_lower_stale_bit_does_not_wait_for_the_higher(void **state) {
    (void)state;
    level_to(5, V, 0);
    level_to(6, W, 0);
    world_line(&world, 5, true);
    assert_runs(0, V);
    world_write_apic(&world, 0, APIC_TPR, 0x70);
    world_line(&world, 6, true);
    assert_runs(0, -1); /* W waits in the IRR */
    level_to(5, V, 1);
    level_to(6, W, 1);
    world_line(&world, 5, false);
    world_line(&world, 6, false);
    assert_runs(0, -1);
    assert_eoi(0, WORLD_EOI_STALE);
    assert_bit(0, V, false);
    assert_bit(0, W, true);
    world_write_apic(&world, 0, APIC_TPR, 0);
    assert_runs(0, W);
    assert_eoi(0, WORLD_EOI_STALE);
    assert_bit(0, W, false);
}

/* One instance in service and one behind it: exactly two stale exits. */
static void invariant_9_stale_exits_are_bounded_by_what_is_in_flight(void **state) {
    (void)state;
    in_service_on_0();
    level_to(6, V, 0);
    world_line(&world, 6, true);
    world_run(&world, 0); /* pin 6 waits behind pin 5 */
    level_to(5, V, 1);
    level_to(6, V, 1);
    world_line(&world, 5, false);
    world_line(&world, 6, false);
    world_run(&world, 0);
    assert_eoi(0, WORLD_EOI_STALE);
    assert_runs(0, V);
    assert_bit(0, V, true);
    assert_eoi(0, WORLD_EOI_STALE);
    assert_bit(0, V, false);
    for (int i = 0; i < 100; i++) {
        world_posted_interrupt(&world, 0, V);
        assert_int_equal(world_deliver(&world, 0), V);
        assert_eoi(0, WORLD_EOI_NO_EXIT);
    }
    assert_int_equal(world.eoi_exits[0][V], 2);
}

/* An edge instance is ahead of the level instance in flight: one coincidental exit, then one stale.
 */
static void invariant_9_coincidental_exits_are_bounded_by_what_is_ahead(void **state) {
    (void)state;
    world_posted_interrupt(&world, 0, V);
    assert_int_equal(world_deliver(&world, 0), V);
    level_to(5, V, 0);
    world_line(&world, 5, true);
    world_run(&world, 0);
    level_to(5, V, 1);
    world_line(&world, 5, false);
    world_run(&world, 0);
    assert_eoi(0, WORLD_EOI_COINCIDENTAL);
    assert_true(waits_for_eoi(5));
    assert_runs(0, V);
    assert_eoi(0, WORLD_EOI_STALE);
    assert_false(waits_for_eoi(5));
    assert_bit(0, V, false);
    assert_int_equal(world.eoi_exits[0][V], 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(invariant_1_a_level_eoi_exits_and_reaches_the_ioapic),
        TEST(invariant_1_posted_and_rerouted_between_sync_and_scan),
        TEST(invariant_2_a_route_kicks_its_vcpu_before_it_can_deliver),
        TEST(invariant_2_a_line_rises_while_a_vcpu_writes_its_ldr),
        TEST(invariant_3_a_removed_route_clears_its_bit),
        TEST(invariant_5_an_eoi_delivers_again_to_the_current_destination),
        TEST(invariant_6_destination_changed_in_service),
        TEST(invariant_7_destination_changed_while_in_the_irr),
        TEST(invariant_7_destination_changed_while_in_the_inbox),
        TEST(invariant_8_a_second_stale_vector_keeps_its_own_bit),
        TEST(invariant_8_the_lower_stale_bit_does_not_wait_for_the_higher),
        TEST(invariant_9_stale_exits_are_bounded_by_what_is_in_flight),
        TEST(invariant_9_coincidental_exits_are_bounded_by_what_is_ahead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
