/* Turns of vCPU 0 for the tests of vmm/vcpu/run.c: guests that execute one instruction, and checks
 * that nothing is left to do while they do. */
#pragma once
#include "tests/machine/one_vm.h"
#include "vmm/vcpu/run.h"

#define VECTOR 0x61

static unsigned entries; /* in which the guest executed something */

static inline int set_up_turn(void **state) {
    set_up_protected_mode(state);
    virq_apic_write(self, APIC_SVR, APIC_SVR_ENABLE | 0xff);
    atomic_store(self->requests, 0);
    virq_prepare_entry(self);
    entries = 0;
    machine_forget();
    return 0;
}

/* Guests: each executes one instruction that exits. Nothing is left to do while a guest executes.
 */
static inline void execute(uint32_t reason) {
    const struct vcpu *vcpu = this_host_cpu()->loaded;

    assert_int_equal(atomic_load(vcpu->requests) & ~(uint32_t)REQUEST_INTERRUPTS, 0);
    assert_true(inbox_is_empty(&vcpu->routed->apic.inbox));
    assert_false(routing_wants_scan(vcpu->routed));
    assert_int_equal(atomic_load(&vcpu->awake), 1);
    entries++;
    machine_exit(reason, 0, LENGTH);
}

static inline void pause(struct vmx_context *context) {
    (void)context;
    execute(EXIT_REASON_PAUSE);
}

static inline void hlt(struct vmx_context *context) {
    (void)context;
    execute(EXIT_REASON_HLT);
}

static inline void run(void (*guest)(struct vmx_context *context)) {
    machine.guest = guest;
    run_turn(self);
    assert_false(self->host->cpu.entry_armed);
    assert_int_equal(atomic_load(&self->in_guest), 0);
}

static inline void post_vector(void) {
    struct apic_message message = {.vector = VECTOR, .wide = true, .destination = 0};

    routing_send(&vm->routing, &message);
}
