/* Guards vmm/interrupts/routing_messages.c: which LAPICs accept a message, and what reaches one
 * that is software-disabled. SDM Vol. 3A, "Local APIC State After It Has Been Software Disabled".
 */
#include "tests/unit/invariants.h"

#define TO_ALL 0x7 /* logical destination: each vCPU of the world */

/* The errors that a LAPIC has detected since the last call. */
static uint32_t errors(unsigned vcpu) {
    world_run(&world, vcpu);
    world_write_apic(&world, vcpu, APIC_ESR, 0);
    return world_read_apic(&world, vcpu, APIC_ESR);
}

static void software_disable(unsigned vcpu) {
    world_write_apic(&world, vcpu, APIC_SVR, 0xff);
}

static void software_enable(unsigned vcpu) {
    world_write_apic(&world, vcpu, APIC_SVR, APIC_SVR_ENABLE | 0xff);
}

static unsigned send(enum apic_delivery_mode mode, uint8_t vector) {
    const struct apic_message message = {
        .destination = TO_ALL, .logical = true, .vector = vector, .delivery_mode = (uint8_t)mode};

    return routing_send(&world.routing, &message);
}

static unsigned all_signals(enum apic_delivery_mode mode) {
    return world.signals[0][mode] + world.signals[1][mode] + world.signals[2][mode];
}

/* ---- illegal vectors ---- */

static void a_fixed_message_with_an_illegal_vector_is_an_error_of_each_that_it_names(void **state) {
    (void)state;
    assert_int_equal(send(APIC_DELIVERY_FIXED, 15), 0);
    for (unsigned vcpu = 0; vcpu < 3; vcpu++)
        assert_int_equal(errors(vcpu), APIC_ESR_RECEIVE_ILLEGAL_VECTOR);
}

/* Lowest priority chooses one LAPIC, which is the only one that receives the message. */
static void a_lowest_priority_message_with_an_illegal_vector_is_an_error_of_one(void **state) {
    unsigned chosen[3] = {0};

    (void)state;
    for (unsigned i = 0; i < 9; i++) {
        unsigned sum = 0;
        assert_int_equal(send(APIC_DELIVERY_LOWEST_PRIORITY, (uint8_t)i), 0);
        for (unsigned vcpu = 0; vcpu < 3; vcpu++) {
            bool error = errors(vcpu) == APIC_ESR_RECEIVE_ILLEGAL_VECTOR;
            chosen[vcpu] += error;
            sum += error;
        }
        assert_int_equal(sum, 1);
    }
    for (unsigned vcpu = 0; vcpu < 3; vcpu++)
        assert_int_equal(chosen[vcpu], 3); /* they take turns */
}

static void lowest_priority_does_not_choose_a_disabled_lapic(void **state) {
    (void)state;
    software_disable(0);
    software_disable(2);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(send(APIC_DELIVERY_LOWEST_PRIORITY, 3), 0);
        assert_int_equal(errors(1), APIC_ESR_RECEIVE_ILLEGAL_VECTOR);
        assert_int_equal(send(APIC_DELIVERY_LOWEST_PRIORITY, V), 1);
        assert_runs(1, V);
        assert_eoi(1, WORLD_EOI_NO_EXIT);
    }
    software_disable(1);
    assert_int_equal(send(APIC_DELIVERY_LOWEST_PRIORITY, 3), 0);
    assert_int_equal(send(APIC_DELIVERY_LOWEST_PRIORITY, V), 0);
    for (unsigned vcpu = 0; vcpu < 3; vcpu++) {
        software_enable(vcpu);
        assert_int_equal(errors(vcpu), 0);
        assert_runs(vcpu, -1);
    }
}

/* ---- a software-disabled LAPIC ---- */

static void a_disabled_lapic_drops_interrupts_and_accepts_other_messages(void **state) {
    static const enum apic_delivery_mode accepted[] = {APIC_DELIVERY_SMI, APIC_DELIVERY_NMI,
                                                       APIC_DELIVERY_INIT, APIC_DELIVERY_SIPI};

    (void)state;
    for (unsigned vcpu = 0; vcpu < 3; vcpu++)
        software_disable(vcpu);
    assert_int_equal(send(APIC_DELIVERY_FIXED, V), 0);
    assert_int_equal(send(APIC_DELIVERY_LOWEST_PRIORITY, V), 0);
    assert_int_equal(send(APIC_DELIVERY_EXTINT, 0), 0);
    assert_int_equal(all_signals(APIC_DELIVERY_EXTINT), 0);
    for (unsigned i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
        assert_int_equal(send(accepted[i], 0x9a), 3);
        assert_int_equal(all_signals(accepted[i]), 3);
    }
    for (unsigned vcpu = 0; vcpu < 3; vcpu++)
        assert_runs(vcpu, -1);
}

static void an_extint_reaches_those_that_are_enabled(void **state) {
    (void)state;
    software_disable(1);
    assert_int_equal(send(APIC_DELIVERY_EXTINT, 0), 2);
    assert_int_equal(world.signals[0][APIC_DELIVERY_EXTINT], 1);
    assert_int_equal(world.signals[1][APIC_DELIVERY_EXTINT], 0);
    assert_int_equal(world.signals[2][APIC_DELIVERY_EXTINT], 1);
}

/* Like every edge that no LAPIC has accepted: it stays pending at the I/O APIC. */
static void an_extint_of_a_pin_waits_until_a_lapic_is_enabled(void **state) {
    (void)state;
    software_disable(0);
    world_write_entry(&world, 0, APIC_DELIVERY_EXTINT << RTE_DELIVERY_SHIFT);
    world_line(&world, 0, true);
    assert_int_equal(all_signals(APIC_DELIVERY_EXTINT), 0);
    assert_true(world_entry_bit(&world, 0, RTE_DELIVERY_STATUS));
    software_enable(0);
    assert_int_equal(world.signals[0][APIC_DELIVERY_EXTINT], 1);
    assert_false(world_entry_bit(&world, 0, RTE_DELIVERY_STATUS));
}

static void a_disabled_lapic_sends_ipis_but_not_to_itself(void **state) {
    (void)state;
    software_disable(0);
    world_write_apic(&world, 0, APIC_ICR_LOW, APIC_ICR_ALL | V);
    assert_runs(0, -1);
    assert_runs(1, V);
    assert_runs(2, V);
    world_write_apic(&world, 0, APIC_ICR_LOW, APIC_ICR_SELF | W);
    world_write_apic(&world, 0, APIC_ICR_HIGH, 0);
    world_write_apic(&world, 0, APIC_ICR_LOW, W);
    assert_runs(0, -1);
    world_write_apic(&world, 0, APIC_ICR_LOW, 5);
    assert_int_equal(errors(0), APIC_ESR_SEND_ILLEGAL_VECTOR);
    software_enable(0);
    assert_runs(0, -1);
    assert_int_equal(errors(0), 0);
}

static void a_shorthand_to_all_is_not_accepted_by_disabled_ones(void **state) {
    (void)state;
    software_disable(1);
    world_write_apic(&world, 0, APIC_ICR_LOW, APIC_ICR_ALL | V);
    assert_runs(0, V);
    assert_runs(1, -1);
    assert_runs(2, V);
    software_enable(1);
    assert_runs(1, -1);
}

/* What was accepted, or posted, before is delivered; its EOI works as before. */
static void what_a_lapic_has_accepted_before_it_is_disabled_is_kept(void **state) {
    (void)state;
    in_service_on_0();
    level_to(6, W, 0);
    world_run(&world, 0);
    world_line(&world, 6, true);
    world_line(&world, 5, false);
    world_line(&world, 6, false);
    software_disable(0); /* W is in the inbox, V in service */
    assert_runs(0, W);
    assert_eoi(0, WORLD_EOI_STALE);
    world_run(&world, 0);
    assert_eoi(0, WORLD_EOI_STALE);
    assert_false(waits_for_eoi(5));
    assert_false(waits_for_eoi(6));
    assert_bit(0, V, false);
    assert_bit(0, W, false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_fixed_message_with_an_illegal_vector_is_an_error_of_each_that_it_names),
        TEST(a_lowest_priority_message_with_an_illegal_vector_is_an_error_of_one),
        TEST(lowest_priority_does_not_choose_a_disabled_lapic),
        TEST(a_disabled_lapic_drops_interrupts_and_accepts_other_messages),
        TEST(an_extint_reaches_those_that_are_enabled),
        TEST(an_extint_of_a_pin_waits_until_a_lapic_is_enabled),
        TEST(a_disabled_lapic_sends_ipis_but_not_to_itself),
        TEST(a_shorthand_to_all_is_not_accepted_by_disabled_ones),
        TEST(what_a_lapic_has_accepted_before_it_is_disabled_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
