/* Guards invariants 4, 10 to 13 and 20 to 24: what guests can do to a redirection table entry and
 * to a LAPIC, and devices to a line, while an interrupt is in flight. */
#include "tests/unit/invariants.h"

/* ---- acceptance ---- */

static void invariant_4_without_acceptance_remote_irr_stays_clear(void **state) {
    (void)state;
    level_to(5, V, 9); /* no LAPIC has this ID */
    world_line(&world, 5, true);
    assert_false(waits_for_eoi(5));
    assert_true(world_entry_bit(&world, 5, RTE_DELIVERY_STATUS));
    assert_int_equal(world.deliveries[5], 0);
    level_to(5, V, 1);
    assert_true(waits_for_eoi(5));
    assert_false(world_entry_bit(&world, 5, RTE_DELIVERY_STATUS));
    assert_runs(1, V);
}

static void invariant_4_a_disabled_lapic_accepts_later(void **state) {
    (void)state;
    world_write_apic(&world, 1, APIC_SVR, 0xff);
    level_to(5, V, 1);
    world_line(&world, 5, true);
    assert_false(waits_for_eoi(5));
    world_write_apic(&world, 1, APIC_SVR, APIC_SVR_ENABLE | 0xff);
    assert_true(waits_for_eoi(5));
    assert_runs(1, V);
    assert_eoi(1, WORLD_EOI_LIVE);
}

static void invariant_4_nothing_is_delivered_until_the_eoi(void **state) {
    (void)state;
    in_service_on_0();
    for (int i = 0; i < 10; i++) {
        world_line(&world, 5, false);
        world_line(&world, 5, true);
        level_to(5, V, (uint8_t)(i & 1));
    }
    assert_int_equal(world.deliveries[5], 1);
}

/* ---- writes to the entry ---- */

static void invariant_10_the_eoi_of_the_old_vector_is_orphaned(void **state) {
    (void)state;
    in_service_on_0();
    level_to(5, W, 0);
    world_run(&world, 0);
    world_line(&world, 5, false);
    assert_eoi(0, WORLD_EOI_STALE);
    assert_true(waits_for_eoi(5));
    assert_int_equal(world.traced[TRACE_ORPHANED], 1);
    assert_false(world_in_flight(&world, 0, V)); /* the token is retired nevertheless */
    assert_bit(0, V, false);
    world_line(&world, 5, true);
    assert_runs(0, -1); /* blocked, as on hardware */
}

static void invariant_10_a_switch_to_edge_recovers_it(void **state) {
    (void)state;
    invariant_10_the_eoi_of_the_old_vector_is_orphaned(state);
    world_route(&world, 5, RTE_MASKED, W, 0);
    level_to(5, W, 0);
    assert_runs(0, W);
    assert_eoi(0, WORLD_EOI_LIVE);
}

static void invariant_10_writing_the_vector_back_and_an_eoi_recover_it(void **state) {
    (void)state;
    in_service_on_0();
    level_to(5, W, 0);
    level_to(5, V, 0);
    world_line(&world, 5, false);
    world_run(&world, 0);
    assert_eoi(0, WORLD_EOI_LIVE);
    assert_false(waits_for_eoi(5));
}

static void invariant_11_level_to_edge_clears_remote_irr_at_once(void **state) {
    (void)state;
    in_service_on_0();
    world_route(&world, 5, RTE_MASKED, V, 0); /* mask + edge + restore: an EOI on version 11H */
    assert_false(waits_for_eoi(5));
    level_to(5, V, 0);
    assert_true(waits_for_eoi(5)); /* the line is still active */
    assert_int_equal(world.deliveries[5], 2);
    world_run(&world, 0);
    assert_eoi(0, WORLD_EOI_LIVE); /* both instances are accounted for */
    assert_runs(0, V);
    world_line(&world, 5, false);
    assert_eoi(0, WORLD_EOI_LIVE);
}

static void invariant_11_a_write_never_sets_the_read_only_bits(void **state) {
    (void)state;
    world_route(&world, 5, RTE_LEVEL | RTE_REMOTE_IRR | RTE_DELIVERY_STATUS | RTE_MASKED, V, 0);
    assert_int_equal(world_read_entry(&world, 5), RTE_LEVEL | RTE_MASKED | V);
}

static void invariant_12_masked_in_flight(void **state) {
    (void)state;
    in_service_on_0();
    world_route(&world, 5, RTE_LEVEL | RTE_MASKED, V, 0);
    assert_true(waits_for_eoi(5));
    assert_int_equal(world.notified, 0); /* a mask costs no scan */
    assert_eoi(0, WORLD_EOI_LIVE);
    assert_false(waits_for_eoi(5));
    assert_runs(0, -1);
    assert_int_equal(world.deliveries[5], 1);
    level_to(5, V, 0);
    assert_int_equal(world.deliveries[5], 2);
    level_to(5, V, 0);
    assert_int_equal(world.deliveries[5], 2);
    assert_runs(0, V);
}

static void invariant_12_edges_and_levels_that_end_while_masked_are_lost(void **state) {
    (void)state;
    world_route(&world, 5, RTE_MASKED, V, 0);
    world_route(&world, 6, RTE_MASKED | RTE_LEVEL, W, 0);
    world_line(&world, 5, true);
    world_line(&world, 6, true);
    world_line(&world, 6, false);
    world_write_half(&world, 2 * 5, V); /* unmasks, by a single write */
    level_to(6, W, 0);
    assert_runs(0, -1);
    assert_int_equal(world.deliveries[5] + world.deliveries[6], 0);
}

/* ---- a LAPIC that changes ---- */

static void assert_stale_after(uint32_t offset, uint32_t value, uint64_t flags,
                               uint8_t destination) {
    world_route(&world, 5, RTE_LEVEL | flags, V, destination);
    world_line(&world, 5, true);
    assert_runs(0, V);
    assert_false(world_is_stale(&world, 0, V));
    world_write_apic(&world, 0, offset, value);
    world_line(&world, 5, false);
    world_run(&world, 0);
    assert_true(world_is_stale(&world, 0, V));
    assert_eoi(0, WORLD_EOI_STALE);
    assert_bit(0, V, false);
}

static void invariant_13_a_new_ldr_is_a_reroute(void **state) {
    (void)state;
    assert_stale_after(APIC_LDR, 0x80000000, RTE_LOGICAL, 1);
}

static void invariant_13_a_new_dfr_is_a_reroute(void **state) {
    (void)state;
    world_write_apic(&world, 0, APIC_LDR, 0x13000000); /* flat: bits 0, 1, 4 */
    assert_stale_after(APIC_DFR, 0x0fffffff, RTE_LOGICAL, 1);
}

static void invariant_13_a_new_id_is_a_reroute(void **state) {
    (void)state;
    assert_stale_after(APIC_ID, 7u << 24, 0, 0);
    world_line(&world, 5, true);
    assert_runs(0, -1);
    level_to(5, V, 7);
    assert_runs(0, V);
}

static void invariant_13_software_disable_is_a_reroute(void **state) {
    (void)state;
    assert_stale_after(APIC_SVR, 0xff, 0, 0);
}

static void invariant_13_x2apic_mode_is_a_reroute(void **state) {
    struct vlapic *apic = routing_vlapic(&world.routing, 2);

    (void)state;
    world_write_apic(&world, 2, APIC_ID, 9u << 24);
    world_route(&world, 5, RTE_LEVEL, V, 9);
    world_line(&world, 5, true);
    assert_runs(2, V);
    assert_true(vlapic_write_base(apic, apic->base | APIC_BASE_X2APIC)); /* its ID is 2 again */
    world_line(&world, 5, false);
    world_run(&world, 2);
    assert_true(world_is_stale(&world, 2, V));
    assert_eoi(2, WORLD_EOI_STALE);
    level_to(5, V, 2);
    world_line(&world, 5, true);
    assert_runs(2, V);
}

static void invariant_20_init_drops_the_tokens_and_reports_them(void **state) {
    (void)state;
    in_service_on_0();
    level_to(6, W, 0);
    world_line(&world, 6, true); /* W is in the inbox */
    vlapic_init(routing_vlapic(&world.routing, 0));
    assert_int_equal(world.traced[TRACE_DROPPED], 2);
    assert_false(world_in_flight(&world, 0, V));
    world_enter(&world, 0);
    assert_false(world_exits(&world, 0, V)); /* software-disabled: no route either */
    assert_true(waits_for_eoi(5));
    world_write_apic(&world, 0, APIC_SVR, APIC_SVR_ENABLE | 0xff);
    assert_runs(0, -1);
    world_route(&world, 5, RTE_MASKED, V, 0); /* recovered as by invariant 11 */
    level_to(5, V, 0);
    assert_runs(0, V);
    assert_eoi(0, WORLD_EOI_LIVE);
}

static void invariant_20_global_disable_drops_the_tokens_too(void **state) {
    struct vlapic *apic = routing_vlapic(&world.routing, 0);

    (void)state;
    in_service_on_0();
    assert_true(vlapic_write_base(apic, apic->base & ~APIC_BASE_ENABLE));
    assert_int_equal(world.traced[TRACE_DROPPED], 1);
    world_enter(&world, 0);
    assert_false(world_exits(&world, 0, V));
}

/* It has read the identity before that changed, and posts before it releases the lock. */
static void post_under_the_old_identity(struct world *it) {
    inbox_post_level(&routing_vlapic(&it->routing, 0)->inbox, W, 6);
}

static void invariant_20_what_the_lock_s_holder_posts_meanwhile_is_dropped_too(void **state) {
    struct vlapic *apic = routing_vlapic(&world.routing, 0);

    for (unsigned i = 0; i < 2; i++) {
        set_up(state);
        world.before_lock = post_under_the_old_identity;
        if (i)
            vlapic_init(apic);
        else
            assert_true(vlapic_write_base(apic, apic->base & ~APIC_BASE_ENABLE));
        assert_int_equal(world.traced[TRACE_DROPPED], 1);
        world_enter(&world, 0);
        assert_false(world_in_flight(&world, 0, W));
        assert_runs(0, -1);
    }
}

/* ---- the version 20H I/O APIC ---- */

static void invariant_21_a_suppressed_eoi_waits_for_the_eoi_register(void **state) {
    (void)state;
    world_start(&world, 3, 0x20);
    world_write_apic(&world, 0, APIC_SVR, APIC_SVR_ENABLE | APIC_SVR_SUPPRESS_EOI_BROADCAST | 0xff);
    in_service_on_0();
    world_line(&world, 5, false);
    assert_eoi(0, WORLD_EOI_LIVE);
    assert_true(waits_for_eoi(5));
    assert_false(world_in_flight(&world, 0, V));
    routing_ioapic_write(&world.routing, IOAPIC_EOI, 4, W);
    assert_true(waits_for_eoi(5));
    routing_ioapic_write(&world.routing, IOAPIC_EOI, 4, V);
    assert_false(waits_for_eoi(5));
}

static void invariant_21_version_11h_has_no_suppression_and_no_eoi_register(void **state) {
    (void)state;
    in_service_on_0();
    world_write_apic(&world, 0, APIC_SVR, APIC_SVR_ENABLE | APIC_SVR_SUPPRESS_EOI_BROADCAST | 0xff);
    assert_int_equal(world_read_apic(&world, 0, APIC_SVR), APIC_SVR_ENABLE | 0xff);
    assert_int_equal(world_read_apic(&world, 0, APIC_VERSION) >> 24, 0);
    routing_ioapic_write(&world.routing, IOAPIC_EOI, 4, V);
    assert_true(waits_for_eoi(5));
    world_run(&world, 0);
    assert_eoi(0, WORLD_EOI_LIVE); /* broadcast nevertheless */
    assert_int_equal(world.deliveries[5], 2);
}

/* ---- the line ---- */

/* Handles interrupts until none is pending; returns how many, or gives up after `limit`. */
static unsigned handle_all(unsigned limit) {
    unsigned handled = 0;

    while (handled < limit && world_run(&world, 0) == V) {
        handled++;
        assert_eoi(0, WORLD_EOI_LIVE);
    }
    return handled;
}

static void invariant_22_a_stuck_line_lets_the_guest_make_progress(void **state) {
    (void)state;
    level_to(5, V, 0);
    world_line(&world, 5, true);
    assert_int_equal(handle_all(100000), VIOAPIC_IMMEDIATE_DELIVERIES);
    assert_int_equal(world.traced[TRACE_DEFERRED], 1);
    for (int tick = 0; tick < 5; tick++) {
        routing_tick(&world.routing);
        assert_int_equal(handle_all(100), 1);
    }
    /* Masking and unmasking does not circumvent storm control. */
    world_route(&world, 5, RTE_LEVEL | RTE_MASKED, V, 0);
    level_to(5, V, 0);
    assert_int_equal(handle_all(100), 0);
    routing_tick(&world.routing);
    assert_int_equal(handle_all(100), 1);
}

static void invariant_22_a_line_that_goes_inactive_is_not_a_storm(void **state) {
    (void)state;
    level_to(5, V, 0);
    for (int i = 0; i < 5 * VIOAPIC_IMMEDIATE_DELIVERIES; i++) {
        world_line(&world, 5, true);
        assert_int_equal(world_run(&world, 0), V);
        world_line(&world, 5, false);
        assert_int_equal(world_eoi(&world, 0), WORLD_EOI_LIVE);
    }
    world_line(&world, 5, true);
    assert_int_equal(handle_all(100000), VIOAPIC_IMMEDIATE_DELIVERIES);
    world_line(&world, 5, false);
    routing_tick(&world.routing);
    assert_int_equal(handle_all(100), 0);
    world_line(&world, 5, true);
    assert_int_equal(handle_all(3), 3);
}

static void invariant_23_a_glitch_before_acceptance_is_one_interrupt(void **state) {
    (void)state;
    level_to(5, V, 0);
    world_route(&world, 6, 0, W, 1); /* edge */
    for (int i = 0; i < 2; i++) {
        world_line(&world, 5, true);
        world_line(&world, 6, true);
        world_line(&world, 5, false);
        world_line(&world, 6, false);
    }
    world_line(&world, 5, true);
    assert_int_equal(world.deliveries[5], 1);
    assert_runs(0, V);
    assert_runs(1, W);
    assert_eoi(1, WORLD_EOI_NO_EXIT);
    assert_runs(1, -1);
    assert_eoi(0, WORLD_EOI_LIVE);
    assert_runs(0, V); /* after the EOI it is another interrupt */
    world_line(&world, 5, false);
    assert_eoi(0, WORLD_EOI_LIVE);
    assert_runs(0, -1);
}

static void invariant_24_tmr_changes_at_acceptance_only(void **state) {
    const struct apic_page *page = &world.page[0];

    (void)state;
    level_to(5, V, 0);
    world_run(&world, 0);
    assert_false(apic_page_has(page, APIC_TMR, V)); /* not when the entry is written */
    world_line(&world, 5, true);
    assert_false(apic_page_has(page, APIC_TMR, V)); /* not when it is posted */
    world_enter(&world, 0);
    assert_true(apic_page_has(page, APIC_TMR, V));
    world_route(&world, 5, RTE_MASKED, V, 0);
    world_enter(&world, 0);
    assert_true(apic_page_has(page, APIC_TMR, V)); /* not when the entry becomes edge-triggered */
    assert_int_equal(world_deliver(&world, 0), V);
    assert_eoi(0, WORLD_EOI_STALE);
    world_write_apic(&world, 1, APIC_ICR_LOW, APIC_ICR_OTHERS | V);
    assert_runs(0, V);
    assert_false(apic_page_has(page, APIC_TMR, V)); /* accepted as an edge */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(invariant_4_without_acceptance_remote_irr_stays_clear),
        TEST(invariant_4_a_disabled_lapic_accepts_later),
        TEST(invariant_4_nothing_is_delivered_until_the_eoi),
        TEST(invariant_10_the_eoi_of_the_old_vector_is_orphaned),
        TEST(invariant_10_a_switch_to_edge_recovers_it),
        TEST(invariant_10_writing_the_vector_back_and_an_eoi_recover_it),
        TEST(invariant_11_level_to_edge_clears_remote_irr_at_once),
        TEST(invariant_11_a_write_never_sets_the_read_only_bits),
        TEST(invariant_12_masked_in_flight),
        TEST(invariant_12_edges_and_levels_that_end_while_masked_are_lost),
        TEST(invariant_13_a_new_ldr_is_a_reroute),
        TEST(invariant_13_a_new_dfr_is_a_reroute),
        TEST(invariant_13_a_new_id_is_a_reroute),
        TEST(invariant_13_software_disable_is_a_reroute),
        TEST(invariant_13_x2apic_mode_is_a_reroute),
        TEST(invariant_20_init_drops_the_tokens_and_reports_them),
        TEST(invariant_20_global_disable_drops_the_tokens_too),
        TEST(invariant_20_what_the_lock_s_holder_posts_meanwhile_is_dropped_too),
        TEST(invariant_21_a_suppressed_eoi_waits_for_the_eoi_register),
        TEST(invariant_21_version_11h_has_no_suppression_and_no_eoi_register),
        TEST(invariant_22_a_stuck_line_lets_the_guest_make_progress),
        TEST(invariant_22_a_line_that_goes_inactive_is_not_a_storm),
        TEST(invariant_23_a_glitch_before_acceptance_is_one_interrupt),
        TEST(invariant_24_tmr_changes_at_acceptance_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
