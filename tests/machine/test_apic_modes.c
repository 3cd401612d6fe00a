/* Guards vmm/vcpu/virq.c where the local APIC changes its mode, or is software-disabled and
 * enabled, with interrupts pending and in service: self-IPIs, SVI, and EOIs that are owed to the
 * I/O APIC.
 *
 * SDM Vol. 3A, "Local APIC State After It Has Been Software Disabled", "x2APIC State Transitions";
 * Vol. 3C, "APIC Virtualization and Virtual Interrupts". */
#include "tests/machine/apic_guest.h"

#define V        0x51
#define W        0x62
#define V_PIN    5
#define W_PIN    6
#define MOVED    0xfe000000ULL
#define ENABLED  (APIC_SVR_ENABLE | 0xff)
#define DISABLED 0xff

static int set_up(void **state) {
    set_up_protected_mode(state);
    write_apic(APIC_SVR, ENABLED);
    return 0;
}

/* ---- self-IPIs ---- */

static bool processor_virtualizes_self_ipis(void) {
    uint64_t controls = machine_get(VMCS_SECONDARY_CONTROLS);

    return (controls & SECONDARY_VIRTUALIZE_APIC_ACCESSES) ||
           ((controls & SECONDARY_VIRTUALIZE_X2APIC_MODE) && !write_exits(MSR_X2APIC_SELF_IPI));
}

static void assert_drops_self_ipis_while_disabled(void) {
    self_ipi(V);
    assert_true(pends(V));
    write_apic(APIC_SVR, DISABLED);
    self_ipi(W);
    assert_false(pends(W));
    write_apic(APIC_ICR_LOW, APIC_ICR_SELF | W); /* in x2APIC mode another way to send one */
    assert_false(pends(W));
    assert_int_equal(deliver(), V); /* accepted before, so it is kept */
    write_apic(APIC_EOI, 0);
    assert_field(VMCS_GUEST_INTERRUPT_STATUS, 0);
    write_apic(APIC_SVR, ENABLED);
    assert_false(pends(W));
    self_ipi(W);
    assert_int_equal(deliver(), W);
}

static void a_software_disabled_lapic_drops_self_ipis(void **state) {
    (void)state;
    assert_true(processor_virtualizes_self_ipis());
    assert_drops_self_ipis_while_disabled();
    assert_true(processor_virtualizes_self_ipis()); /* again */
}

static void a_software_disabled_lapic_drops_self_ipis_in_x2apic_mode(void **state) {
    (void)state;
    x2apic();
    assert_true(processor_virtualizes_self_ipis());
    assert_drops_self_ipis_while_disabled();
    assert_true(processor_virtualizes_self_ipis());
}

static void a_lapic_that_was_never_enabled_drops_self_ipis(void **state) {
    set_up_protected_mode(state);
    self_ipi(V);
    assert_false(pends(V));
    x2apic();
    self_ipi(V);
    assert_false(pends(V));
    assert_true(write_exits(MSR_X2APIC_SELF_IPI));
    assert_false(write_exits(MSR_X2APIC_EOI));
}

static void after_init_it_drops_them_again(void **state) {
    (void)state;
    vlapic_init(virq_lapic(self));
    virq_mode_changed(self);
    self_ipi(V);
    assert_false(pends(V));
}

/* A write that changes nothing of the mode costs no flush of the TLB. */
static void only_a_change_of_the_mode_is_written(void **state) {
    (void)state;
    machine_forget();
    write_apic(APIC_SVR, APIC_SVR_ENABLE | 0xef);
    write_apic(APIC_LDR, 2u << 24);
    assert_int_equal(machine_count(MACHINE_INVVPID, MACHINE_ANY), 0);
    write_apic(APIC_SVR, DISABLED);
    assert_int_equal(machine_count(MACHINE_INVVPID, MACHINE_ANY), 1);
    write_apic(APIC_SVR, 0xef);
    assert_int_equal(machine_count(MACHINE_INVVPID, MACHINE_ANY), 1);
}

/* ---- invariants 1 and 5: SVI and the EOIs that are owed ---- */

static void route(unsigned pin, uint8_t vector) {
    routing_ioapic_write(&vm->routing, IOAPIC_INDEX, 4, IOAPIC_REG_ENTRY + 2 * pin);
    routing_ioapic_write(&vm->routing, IOAPIC_DATA, 4, (uint32_t)RTE_LEVEL | vector);
}

static bool waits_for_eoi(unsigned pin) {
    return vm->routing.ioapic.entry[pin] & RTE_REMOTE_IRR;
}

/* A level interrupt on each vector: V in service, and W in service above it, or still pending. */
static void two_levels(bool nested) {
    route(V_PIN, V);
    route(W_PIN, W);
    routing_set_line(&vm->routing, V_PIN, true);
    assert_int_equal(deliver(), V);
    routing_set_line(&vm->routing, W_PIN, true);
    enter();
    if (nested)
        assert_int_equal(deliver(), W);
    routing_set_line(&vm->routing, V_PIN, false);
    routing_set_line(&vm->routing, W_PIN, false);
}

static void software_disable(void) {
    write_apic(APIC_SVR, DISABLED);
}

static void software_disable_and_enable(void) {
    write_apic(APIC_SVR, DISABLED);
    write_apic(APIC_SVR, ENABLED);
}

static void move(void) {
    write_base(MOVED | APIC_BASE_ENABLE);
}

static void move_and_return(void) {
    move();
    write_base(APIC_DEFAULT_BASE | APIC_BASE_ENABLE);
}

static void x2apic_and_software_disable(void) {
    x2apic();
    software_disable();
}

static void software_disable_in_each_mode(void) {
    software_disable();
    x2apic();
    write_apic(APIC_SVR, ENABLED);
}

static void (*const changes[])(void) = {
    software_disable,
    software_disable_and_enable,
    move,
    move_and_return,
    x2apic,
    x2apic_and_software_disable,
    software_disable_in_each_mode,
};
#define CHANGES (sizeof(changes) / sizeof(changes[0]))

static void assert_eois_reach_the_ioapic(bool nested) {
    assert_field(VMCS_GUEST_INTERRUPT_STATUS, (nested ? W : V) << 8 | (nested ? 0 : W));
    if (!nested)
        assert_int_equal(deliver(), W);
    assert_true(waits_for_eoi(W_PIN));
    write_apic(APIC_EOI, 0);
    assert_false(waits_for_eoi(W_PIN));
    assert_true(waits_for_eoi(V_PIN));
    assert_field(VMCS_GUEST_INTERRUPT_STATUS, V << 8);
    write_apic(APIC_EOI, 0);
    assert_false(waits_for_eoi(V_PIN));
    assert_field(VMCS_GUEST_INTERRUPT_STATUS, 0);
}

static void no_change_of_the_mode_loses_an_eoi(void **state) {
    for (unsigned i = 0; i < 2 * CHANGES; i++) {
        set_up(state);
        two_levels(i % 2);
        changes[i / 2]();
        assert_eois_reach_the_ioapic(i % 2);
    }
}

/* Between the two EOIs. */
static void nor_does_one_between_two_eois(void **state) {
    for (unsigned i = 0; i < CHANGES; i++) {
        set_up(state);
        two_levels(true);
        write_apic(APIC_EOI, 0);
        changes[i]();
        assert_false(waits_for_eoi(W_PIN));
        assert_field(VMCS_GUEST_INTERRUPT_STATUS, V << 8);
        write_apic(APIC_EOI, 0);
        assert_false(waits_for_eoi(V_PIN));
        assert_field(VMCS_GUEST_INTERRUPT_STATUS, 0);
    }
}

/* Invariant 20: what was in service is gone, and an EOI afterwards ends nothing. */
static void switched_off_and_on_nothing_is_in_service(void **state) {
    for (unsigned i = 0; i < 2; i++) {
        set_up(state);
        if (i)
            x2apic();
        two_levels(true);
        write_base(APIC_DEFAULT_BASE);
        assert_field(VMCS_GUEST_INTERRUPT_STATUS, 0);
        write_base(APIC_DEFAULT_BASE | APIC_BASE_ENABLE);
        write_apic(APIC_SVR, ENABLED);
        write_apic(APIC_EOI, 0);
        assert_field(VMCS_GUEST_INTERRUPT_STATUS, 0);
        assert_true(waits_for_eoi(V_PIN)); /* as on hardware, until the entry is made an edge */
        routing_ioapic_write(&vm->routing, IOAPIC_INDEX, 4, IOAPIC_REG_ENTRY + 2 * V_PIN);
        routing_ioapic_write(&vm->routing, IOAPIC_DATA, 4, V);
        route(V_PIN, V);
        routing_set_line(&vm->routing, V_PIN, true);
        assert_int_equal(deliver(), V);
        routing_set_line(&vm->routing, V_PIN, false);
        write_apic(APIC_EOI, 0);
        assert_false(waits_for_eoi(V_PIN));
    }
}

/* ---- invariant 24: TMR and self-IPIs ---- */

static bool level(uint8_t vector) {
    return apic_page_has(self->apic_page, APIC_TMR, vector);
}

/* A level interrupt on each vector that has ended; the TMR bits stay set. */
static void two_levels_that_have_ended(void) {
    two_levels(true);
    write_apic(APIC_EOI, 0);
    write_apic(APIC_EOI, 0);
    assert_true(level(V) && level(W));
}

static void invariant_24_in_x2apic_mode_a_self_ipi_clears_its_tmr_bit(void **state) {
    (void)state;
    x2apic();
    two_levels_that_have_ended();
    assert_false(processor_virtualizes_self_ipis());
    self_ipi(V);
    assert_false(level(V));
    assert_true(processor_virtualizes_self_ipis());
    machine_forget();
    assert_int_equal(deliver(), V);
    self_ipi(V);
    write_apic(APIC_EOI, 0);
    assert_int_equal(deliver(), V);
    write_apic(APIC_EOI, 0);
    assert_int_equal(machine_count(MACHINE_VMWRITE, VMCS_MSR_BITMAP), 0);
}

static void invariant_24_while_a_level_interrupt_is_in_flight_self_ipis_exit(void **state) {
    (void)state;
    x2apic();
    two_levels(true);
    for (unsigned i = 0; i < 2; i++) {
        self_ipi(0x71);
        assert_true(level(V) && level(W));
        assert_false(processor_virtualizes_self_ipis());
        assert_int_equal(deliver(), 0x71);
        write_apic(APIC_EOI, 0);
    }
    self_ipi(V); /* behind the level interrupt, whose EOI is owed nevertheless */
    assert_false(level(V));
    write_apic(APIC_EOI, 0);
    write_apic(APIC_EOI, 0);
    assert_false(waits_for_eoi(V_PIN) || waits_for_eoi(W_PIN));
    assert_int_equal(deliver(), V);
    write_apic(APIC_EOI, 0);
    assert_field(VMCS_GUEST_INTERRUPT_STATUS, 0);
}

static void invariant_24_a_change_of_the_mode_keeps_it(void **state) {
    (void)state;
    two_levels_that_have_ended();
    x2apic();
    assert_false(processor_virtualizes_self_ipis());
    write_apic(APIC_SVR, DISABLED);
    self_ipi(V);
    assert_true(level(V));
    write_apic(APIC_SVR, ENABLED);
    assert_false(processor_virtualizes_self_ipis());
    self_ipi(V);
    assert_false(level(V));
    write_base(APIC_DEFAULT_BASE);
    write_base(APIC_DEFAULT_BASE | APIC_BASE_ENABLE);
    x2apic();
    write_apic(APIC_SVR, ENABLED);
    assert_true(processor_virtualizes_self_ipis());
}

/* Here no control makes it exit: the bit stays set until an EOI shows what the processor did. */
static void invariant_24_in_xapic_mode_the_eoi_of_a_self_ipi_clears_the_tmr_bit(void **state) {
    (void)state;
    two_levels_that_have_ended();
    self_ipi(V);
    assert_int_equal(deliver(), V);
    write_apic(APIC_EOI, 0);
    assert_false(level(V));
    assert_true(level(W));
}

static void invariant_24_and_that_of_the_level_interrupt_before_it(void **state) {
    (void)state;
    two_levels(true);
    self_ipi(V);
    self_ipi(W);
    write_apic(APIC_EOI, 0); /* of the level interrupt on W: the edge on W is next */
    assert_false(level(W));
    assert_true(level(V)); /* still in service */
    assert_int_equal(deliver(), W);
    write_apic(APIC_EOI, 0);
    write_apic(APIC_EOI, 0);
    assert_false(level(V));
    assert_int_equal(deliver(), V);
}

/* ---- the timer ---- */

/* Software disable masks the timer, so an expiry that has not been delivered is dropped. */
static void software_disable_masks_the_timer(void **state) {
    (void)state;
    write_apic(APIC_TIMER_DIVIDE, APIC_TIMER_DIVIDE_BY_1);
    write_apic(APIC_LVT_TIMER, V);
    write_apic(APIC_TIMER_INITIAL, 1000);
    assert_int_equal(self->timer_next, machine.tsc + 1000);
    machine.tsc += 1001;
    write_apic(APIC_SVR, DISABLED);
    assert_int_equal(self->timer_next, TIME_NEVER);
    write_apic(APIC_SVR, ENABLED);
    write_apic(APIC_LVT_TIMER, V);
    assert_int_equal(self->timer_next, TIME_NEVER);
    virq_fire_timer(self, machine.tsc);
    assert_false(pends(V));
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_software_disabled_lapic_drops_self_ipis),
        TEST(a_software_disabled_lapic_drops_self_ipis_in_x2apic_mode),
        TEST(a_lapic_that_was_never_enabled_drops_self_ipis),
        TEST(after_init_it_drops_them_again),
        TEST(only_a_change_of_the_mode_is_written),
        TEST(no_change_of_the_mode_loses_an_eoi),
        TEST(nor_does_one_between_two_eois),
        TEST(switched_off_and_on_nothing_is_in_service),
        TEST(invariant_24_in_x2apic_mode_a_self_ipi_clears_its_tmr_bit),
        TEST(invariant_24_while_a_level_interrupt_is_in_flight_self_ipis_exit),
        TEST(invariant_24_a_change_of_the_mode_keeps_it),
        TEST(invariant_24_in_xapic_mode_the_eoi_of_a_self_ipi_clears_the_tmr_bit),
        TEST(invariant_24_and_that_of_the_level_interrupt_before_it),
        TEST(software_disable_masks_the_timer),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
