/* Guards vmm/vcpu/posted.c: which interrupts are posted, who is notified and how, and that no TMR
 * bit is wrong afterwards. The machine processes posted interrupts as the SDM says. SDM Vol. 3C,
 * "Posted-Interrupt Processing". The races with the order of work are in test_run_races.c. */
#include "arch/idt.h"
#include "drivers/lapic.h"
#include "tests/machine/turns.h"
#include "vmm/vcpu/posted.h"

#define PIN   5
#define LEVEL 0x55

static int set_up(void **state) {
    with_posted_interrupts = true;
    return set_up_turn(state);
}

static void post(uint8_t vector) {
    const struct apic_message message = {.vector = vector, .wide = true, .destination = 0};

    routing_send(&vm->routing, &message);
}

/* From vCPU 1's CPU. */
static void post_from_afar(uint8_t vector) {
    machine_run_on(1);
    post(vector);
    machine_run_on(0);
}

static bool requested(uint8_t vector) {
    return apic_page_has(self->apic_page, APIC_IRR, vector);
}

static unsigned sent(enum machine_action action) {
    unsigned count = 0;

    for (unsigned i = 0; i < machine.records; i++)
        count += machine.record[i].action == action;
    return count;
}

static bool posting(void) {
    return machine_get(VMCS_PIN_BASED_CONTROLS) & PIN_PROCESS_POSTED_INTERRUPTS;
}

/* ---- the set-up ---- */

static void the_fields_name_the_inbox_and_the_vector(void **state) {
    (void)state;
    assert_field(VMCS_POSTED_VECTOR, VECTOR_POSTED);
    assert_ptr_equal(machine_memory(machine_get(VMCS_POSTED_DESCRIPTOR)),
                     &self->routed->apic.inbox);
    assert_ptr_equal(self->requests, (uint8_t *)&self->routed->apic.inbox + 32);
    assert_true(posting());
    assert_true(machine_get(VMCS_EXIT_CONTROLS) & VM_EXIT_CONTROL_ACKNOWLEDGE_INTERRUPT);
}

static void without_posted_interrupts_neither_field_is_written(void **state) {
    with_posted_interrupts = false;
    set_up_turn(state); /* this processor lacks them: an access to one of them ends the test */
    assert_false(posting());
    assert_false(machine_get(VMCS_EXIT_CONTROLS) & VM_EXIT_CONTROL_ACKNOWLEDGE_INTERRUPT);
    post_from_afar(VECTOR);
    assert_int_equal(atomic_load(self->requests), REQUEST_INTERRUPTS);
}

/* ---- a running vCPU ---- */

static void guest_that_receives(struct vmx_context *context) {
    post(VECTOR);
    assert_true(requested(VECTOR));
    assert_field(VMCS_GUEST_INTERRUPT_STATUS, VECTOR);
    post(VECTOR + 16);
    assert_field(VMCS_GUEST_INTERRUPT_STATUS, VECTOR + 16);
    post(VECTOR - 16);
    assert_true(requested(VECTOR - 16));
    assert_field(VMCS_GUEST_INTERRUPT_STATUS, VECTOR + 16);
    assert_int_equal(atomic_load(self->requests), 0);
    pause(context);
}

static void an_edge_reaches_a_running_vcpu_without_an_exit(void **state) {
    (void)state;
    run(guest_that_receives);
    assert_int_equal(entries, 1);
    assert_int_equal(sent(MACHINE_FIXED), 3);
    assert_int_equal(sent(MACHINE_NMI), 0);
    assert_int_equal(self->exits_by_reason[EXIT_REASON_EXTERNAL_INTERRUPT], 0);
}

/* The vCPU counts as in guest mode, and the notification has not arrived there. */
static void while_one_is_outstanding_no_other_is_sent(void **state) {
    (void)state;
    atomic_store(&self->in_guest, 1);
    post_from_afar(VECTOR);
    post_from_afar(VECTOR + 1);
    assert_int_equal(sent(MACHINE_FIXED), 1);
    assert_int_equal(atomic_load(self->requests), REQUEST_POSTED);
    run(pause); /* the requests are drained, and the notification finds nothing */
    assert_true(requested(VECTOR) && requested(VECTOR + 1));
    assert_field(VMCS_GUEST_INTERRUPT_STATUS, VECTOR + 1);
    assert_int_equal(machine.interrupt[0], 0);
    assert_int_equal(entries, 1);
}

/* ---- a vCPU that does not run ---- */

static void a_vcpu_that_does_not_run_is_woken(void **state) {
    (void)state;
    post_from_afar(VECTOR);
    assert_int_equal(sent(MACHINE_FIXED), 0);
    assert_int_equal(machine_count(MACHINE_WAKE, 0), 1);
    assert_int_equal(atomic_load(self->requests), REQUEST_POSTED);
    self->state = VCPU_HALTED;
    machine_set(VMCS_GUEST_RFLAGS, machine_get(VMCS_GUEST_RFLAGS) | RFLAGS_IF);
    run(pause);
    assert_int_equal(entries, 1);
    assert_true(requested(VECTOR));
}

/* ---- what is not posted ---- */

static void raise_level(void) {
    vm->routing.ioapic.entry[PIN] = RTE_LEVEL | LEVEL;
    atomic_fetch_add(&self->routed->generation, 1); /* as a write of the entry does */
    machine_run_on(1);
    routing_set_line(&vm->routing, PIN, true);
    machine_run_on(0);
}

static void a_level_interrupt_is_kicked_and_leaves_on_alone(void **state) {
    (void)state;
    atomic_store(&self->in_guest, 1);
    raise_level();
    assert_int_equal(sent(MACHINE_FIXED), 0);
    assert_int_equal(machine_count(MACHINE_NMI, self->host->cpu.apic_id), 1);
    assert_int_equal(atomic_load(self->requests), REQUEST_INTERRUPTS);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(atomic_load(&self->routed->apic.inbox.pir[i]), 0);
}

/* A notification that was sent before clears ON only: the level interrupt is not lost. */
static void a_notification_leaves_the_other_requests(void **state) {
    (void)state;
    atomic_store(&self->in_guest, 1);
    post_from_afar(VECTOR);
    raise_level();
    assert_int_equal(atomic_load(self->requests), REQUEST_POSTED | REQUEST_INTERRUPTS);
    machine.in_guest = true; /* it arrives */
    machine_interrupt(0, VECTOR_POSTED);
    machine.in_guest = false;
    assert_true(requested(VECTOR));
    assert_false(requested(LEVEL));
    assert_int_equal(atomic_load(self->requests), REQUEST_INTERRUPTS);
}

static void an_illegal_vector_is_an_error_and_not_in_the_pir(void **state) {
    (void)state;
    atomic_store(&self->in_guest, 1);
    post_from_afar(5);
    assert_int_equal(sent(MACHINE_FIXED), 0);
    assert_int_equal(sent(MACHINE_NMI), 1);
    assert_int_equal(atomic_load(&self->routed->apic.inbox.pir[0]), 0);
    virq_prepare_entry(self);
    assert_int_equal(virq_lapic(self)->errors, APIC_ESR_RECEIVE_ILLEGAL_VECTOR);
}

/* ---- TMR bits: invariant 24 ---- */

/* As drain_requests() does it. */
static void drain(void) {
    uint32_t requests = atomic_exchange(self->requests, 0);

    virq_prepare_entry(self);
    if (requests & REQUEST_POSTED)
        posted_drained(self);
}

static void accept_level(void) {
    raise_level();
    drain();
    assert_true(apic_page_has(self->apic_page, APIC_TMR, LEVEL));
}

/* As the processor does it, whose EOI exits. */
static void deliver_and_end_level(void) {
    apic_page_remove(self->apic_page, APIC_IRR, LEVEL);
    routing_set_line(&vm->routing, PIN, false);
    assert_int_equal(routing_eoi_exit(self->routed, LEVEL), VLAPIC_EOI_LIVE);
}

static void while_a_tmr_bit_is_set_an_edge_kicks(void **state) {
    (void)state;
    accept_level();
    assert_false(posting());
    machine_forget();
    atomic_store(&self->in_guest, 1);
    post_from_afar(VECTOR);
    assert_int_equal(sent(MACHINE_FIXED), 0);
    assert_int_equal(sent(MACHINE_NMI), 1);
    drain();
    assert_true(requested(VECTOR));
    assert_false(posting()); /* the level interrupt is still in flight */
}

static void invariant_24_the_next_edge_clears_ended_levels_and_posting_resumes(void **state) {
    (void)state;
    accept_level();
    deliver_and_end_level();
    atomic_store(&self->in_guest, 1);
    post_from_afar(LEVEL); /* an edge, of the vector that was level */
    assert_int_equal(sent(MACHINE_FIXED), 0);
    drain();
    assert_false(apic_page_has(self->apic_page, APIC_TMR, LEVEL));
    assert_true(posting());
    machine_forget();
    post_from_afar(VECTOR);
    assert_int_equal(sent(MACHINE_FIXED), 1);
}

/* INIT clears the TMR. */
static void after_init_posting_resumes(void **state) {
    (void)state;
    accept_level();
    assert_false(posting());
    vcpu_send_init(self);
    run(pause);
    assert_true(posting());
}

/* ---- notifications that come at the wrong time ---- */

/* Sent before the control was cleared. */
static void guest_without_posting(struct vmx_context *context) {
    if (entries++ == 0) {
        atomic_fetch_or(&self->routed->apic.inbox.pir[VECTOR / 64], 1ULL << VECTOR % 64);
        atomic_fetch_or(self->requests, REQUEST_POSTED);
        machine_interrupt(0, VECTOR_POSTED);
        assert_true(machine.exited);
        assert_false(requested(VECTOR));
        return;
    }
    assert_true(requested(VECTOR));
    pause(context);
}

static void it_exits_while_the_control_is_0_and_nothing_is_lost(void **state) {
    (void)state;
    accept_level();
    run(guest_without_posting);
    assert_int_equal(self->exits_by_reason[EXIT_REASON_EXTERNAL_INTERRUPT], 1);
    assert_int_equal(machine_count(MACHINE_EOI, VECTOR_POSTED), 1);
    assert_int_equal(machine.in_service[0], 0);
}

static void a_spurious_interrupt_gets_no_eoi(void **state) {
    (void)state;
    exits(EXIT_REASON_EXTERNAL_INTERRUPT, 0);
    machine_set(VMCS_EXIT_INTERRUPTION_INFORMATION, INTERRUPTION_VALID | VECTOR_SPURIOUS);
    assert_true(exit_handle(self));
    assert_int_equal(sent(MACHINE_EOI), 0);
}

/* In a guest without posted interrupts on the same CPU. */
static void in_another_guest_the_hosts_handler_takes_it(void **state) {
    (void)state;
    vm->posted = false;
    assert_true(exits(EXIT_REASON_EXTERNAL_INTERRUPT, 0));
    assert_int_equal(sent(MACHINE_ACCEPT), 1);
    assert_int_equal(sent(MACHINE_EOI), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_fields_name_the_inbox_and_the_vector),
        TEST(without_posted_interrupts_neither_field_is_written),
        TEST(an_edge_reaches_a_running_vcpu_without_an_exit),
        TEST(while_one_is_outstanding_no_other_is_sent),
        TEST(a_vcpu_that_does_not_run_is_woken),
        TEST(a_level_interrupt_is_kicked_and_leaves_on_alone),
        TEST(a_notification_leaves_the_other_requests),
        TEST(an_illegal_vector_is_an_error_and_not_in_the_pir),
        TEST(while_a_tmr_bit_is_set_an_edge_kicks),
        TEST(invariant_24_the_next_edge_clears_ended_levels_and_posting_resumes),
        TEST(after_init_posting_resumes),
        TEST(it_exits_while_the_control_is_0_and_nothing_is_lost),
        TEST(a_spurious_interrupt_gets_no_eoi),
        TEST(in_another_guest_the_hosts_handler_takes_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
