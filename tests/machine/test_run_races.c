/* Guards the order of work in vmm/vcpu/run.c against other CPUs: one of them acts at every point of
 * a turn, before each of its instructions. docs/interrupts.md, "The order of work before an entry".
 */
#include "drivers/lapic.h"
#include "tests/machine/turns.h"

static bool sent;

static void act_and_note(void (*act)(void)) {
    act();
    sent = true;
}

/* Until no instruction is left: `act` before instruction 0, 1, 2 and so on of a turn. */
static void at_every_point(void (*prepare)(void), void (*act)(void), void (*turn)(void)) {
    unsigned points = 0;

    for (;; points++) {
        set_up_turn(NULL);
        sent = false;
        prepare();
        machine.meanwhile = act;
        machine.meanwhile_at = points;
        machine.instructions = 0;
        turn();
        if (machine.meanwhile)
            break; /* the turn has fewer instructions */
    }
    assert_true(points > 2);
    tear_down(NULL);
}

static void nothing(void) {
}

/* Invariant 18: what was posted is in the IRR before the guest executes anything. */
static void check_delivered(struct vmx_context *context) {
    assert_int_equal(apic_page_has(self->apic_page, APIC_IRR, VECTOR), sent);
    assert_int_equal(machine_get(VMCS_GUEST_INTERRUPT_STATUS), sent ? VECTOR : 0);
    pause(context);
}

static void send_vector(void) {
    act_and_note(post_vector);
}

static void turn_with_vector(void) {
    run(check_delivered);
    if (sent && !apic_page_has(self->apic_page, APIC_IRR, VECTOR))
        assert_true(atomic_load(self->requests) & (REQUEST_INTERRUPTS | REQUEST_POSTED));
}

static void an_interrupt_at_any_time_precedes_the_guests_next_instruction(void **state) {
    (void)state;
    at_every_point(nothing, send_vector, turn_with_vector);
}

/* The level interrupt of an I/O APIC pin; another CPU would wait for the lock. */
static void raise_line(void) {
    struct spinlock *lock = &vm->interrupt_lock;

    if (atomic_load(&lock->next) != atomic_load(&lock->owner)) {
        machine.meanwhile = raise_line;
        machine.meanwhile_at = machine.instructions;
        return;
    }
    routing_set_line(&vm->routing, 5, true);
    sent = true;
}

static void prepare_route(void) {
    vm->routing.ioapic.entry[5] = RTE_LEVEL | VECTOR;
    atomic_fetch_add(&self->routed->generation, 1); /* as a write of the entry does */
    vcpu_request(self, REQUEST_INTERRUPTS);
}

/* Invariants 1 and 2, in the VMCS. */
static void check_exit_bit(struct vmx_context *context) {
    uint64_t bitmap = machine_get(VMCS_EOI_EXIT_BITMAP0 + 2 * (VECTOR / 64));

    assert_int_equal(bitmap, 1ULL << VECTOR % 64);
    assert_int_equal(apic_page_has(self->apic_page, APIC_IRR, VECTOR), sent);
    pause(context);
}

static void turn_with_line(void) {
    run(check_exit_bit);
}

static void a_level_interrupt_at_any_time_has_its_exit_bit(void **state) {
    (void)state;
    at_every_point(prepare_route, raise_line, turn_with_line);
}

/* An NMI for the guest. */
static void send_nmi(void) {
    vcpu_send_nmi(self);
    sent = true;
}

static void check_nmi(struct vmx_context *context) {
    assert_int_equal(!!(machine_get(VMCS_GUEST_INTERRUPTIBILITY) & INTERRUPTIBILITY_NMI), sent);
    pause(context);
}

static void turn_with_nmi(void) {
    run(check_nmi);
}

static void an_nmi_at_any_time_precedes_the_guests_next_instruction(void **state) {
    (void)state;
    at_every_point(nothing, send_nmi, turn_with_nmi);
}

/* Two NMIs, also if the second comes when the first is injected by a first entry. */
static void iret(struct vmx_context *context) {
    (void)context;
    machine_set(VMCS_GUEST_INTERRUPTIBILITY, 0);
    execute(EXIT_REASON_PAUSE);
}

static void turns_with_two_nmis(void) {
    unsigned nmis = 0;

    do {
        run(iret);
    } while (atomic_load(&self->nmis) || self->nmi_pending);
    for (unsigned i = 0; i < machine.records; i++)
        nmis += machine.record[i].action == MACHINE_ENTER &&
                machine.record[i].value == (INTERRUPTION_VALID | INTERRUPTION_NMI | VECTOR_NMI);
    assert_int_equal(nmis, sent ? 2 : 1);
}

static void send_first_nmi(void) {
    vcpu_send_nmi(self);
}

static void a_second_nmi_at_any_time_is_injected_too(void **state) {
    (void)state;
    at_every_point(send_first_nmi, send_nmi, turns_with_two_nmis);
}

/* The end. A late kick must not write to a VMCS that was cleared. */
static void stop(void) {
    vcpu_request(self, REQUEST_STOP);
}

static void kick(void) {
    lapic_send_nmi(self->host->cpu.apic_id);
}

static void turn_to_the_end(void) {
    run(pause);
    while (self->state != VCPU_ENDED && (atomic_load(self->requests) & REQUEST_STOP))
        run_turn(self);
    assert_false(self->host->cpu.entry_armed);
    if (self->state == VCPU_ENDED) {
        assert_int_equal(machine_count(MACHINE_VMCLEAR, self->vmcs_physical), 1);
        assert_null(self->host->loaded);
    }
}

static void a_stop_at_any_time_ends_the_vcpu(void **state) {
    (void)state;
    at_every_point(nothing, stop, turn_to_the_end);
    at_every_point(stop, kick, turn_to_the_end);
}

/* A guest that waits for the interrupt in HLT. */
static void hlt_unless_delivered(struct vmx_context *context) {
    (void)context;
    execute(apic_page_has(self->apic_page, APIC_IRR, VECTOR) ? EXIT_REASON_PAUSE : EXIT_REASON_HLT);
}

static void turn_that_halts(void) {
    run(hlt_unless_delivered);
    if (self->state == VCPU_HALTED && sent) {
        assert_true(atomic_load(self->requests) & (REQUEST_INTERRUPTS | REQUEST_POSTED));
        run(check_delivered);
        assert_int_equal(self->state, VCPU_RUNNABLE);
    }
}

static void an_interrupt_at_any_time_ends_a_hlt(void **state) {
    (void)state;
    at_every_point(nothing, send_vector, turn_that_halts);
}

static int without(void **state) {
    (void)state;
    with_posted_interrupts = false;
    return 0;
}

static int with(void **state) {
    (void)state;
    with_posted_interrupts = true;
    return 0;
}

/* Without posted interrupts, and with them. */
#define TESTS(function)                                                                            \
    {#function, function, without, NULL, NULL}, {                                                  \
#function ", posted", function, with, NULL, NULL                                           \
    }

int main(void) {
    const struct CMUnitTest tests[] = {
        TESTS(an_interrupt_at_any_time_precedes_the_guests_next_instruction),
        TESTS(a_level_interrupt_at_any_time_has_its_exit_bit),
        TESTS(an_nmi_at_any_time_precedes_the_guests_next_instruction),
        TESTS(a_second_nmi_at_any_time_is_injected_too),
        TESTS(a_stop_at_any_time_ends_the_vcpu),
        TESTS(an_interrupt_at_any_time_ends_a_hlt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
