/* A VM for the tests: two vCPUs on two CPUs, and vCPU 0, loaded on its CPU, runs the guest. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arch/control_registers.h"
#include "arch/msr.h"
#include "tests/machine/machine.h"
#include "vmm/vcpu/exits.h"
#include "vmm/vcpu/virq.h"

static struct vm *vm;
static struct vcpu *self, *other; /* vCPU 0, vCPU 1 */
static bool with_posted_interrupts;

static inline int tear_down(void **state) {
    (void)state;
    machine_reset();
    return 0;
}

/* After a reset of the machine and, if the test wants, a change of it. */
static inline void start_vm(const struct guest_config *config) {
    machine_start(2);
    vm = machine_vm(0, config);
    self = vm->vcpu[0];
    other = vm->vcpu[1];
    machine_load(self);
    self->state = VCPU_RUNNABLE;
    atomic_store(&self->awake, 1);
    self->slice_end = machine.tsc + MACHINE_HZ;
    machine_forget();
}

static inline int set_up_real_mode(void **state) {
    struct guest_config config = machine_guest();

    (void)state;
    config.vcpus = 2;
    machine_reset();
    if (with_posted_interrupts) {
        config.delivery = BOOT_DELIVERY_POSTED;
        host.capabilities.true_pinbased |= (uint64_t)PIN_PROCESS_POSTED_INTERRUPTS << 32;
    }
    start_vm(&config);
    machine_real_mode();
    return 0;
}

static inline int set_up_protected_mode(void **state) {
    set_up_real_mode(state);
    machine_protected_mode();
    return 0;
}

static inline int set_up_long_mode(void **state) {
    set_up_real_mode(state);
    machine_long_mode(vm);
    return 0;
}

/* Handles an exit with this reason and qualification, of an instruction of 2 bytes. Returns whether
 * the turn goes on. */
#define LENGTH 2
static inline bool exits(uint32_t reason, uint64_t qualification) {
    machine_exit(reason, qualification, LENGTH);
    return exit_handle(self);
}

static inline void assert_field(uint64_t field, uint64_t value) {
    assert_int_equal(machine_get(field), value);
}

#define START_RIP 0x1000

/* RIP is behind the instruction of START_RIP; no exception is queued. */
static inline void assert_advanced(void) {
    assert_field(VMCS_GUEST_RIP, START_RIP + LENGTH);
    assert_int_equal(self->event, 0);
}

/* RIP stays, and this exception is queued as a fault, with this error code. */
static inline void assert_faults_with_code(uint8_t vector, uint32_t code) {
    assert_field(VMCS_GUEST_RIP, START_RIP);
    assert_int_equal(self->event, INTERRUPTION_VALID | INTERRUPTION_HARDWARE_EXCEPTION |
                                      INTERRUPTION_ERROR_CODE | vector);
    assert_int_equal(self->event_error, code);
    assert_true(machine_get(VMCS_GUEST_RFLAGS) & RFLAGS_RF);
}

static inline void assert_faults(uint8_t vector) {
    assert_field(VMCS_GUEST_RIP, START_RIP);
    assert_int_equal(self->event, INTERRUPTION_VALID | INTERRUPTION_HARDWARE_EXCEPTION | vector);
    assert_true(machine_get(VMCS_GUEST_RFLAGS) & RFLAGS_RF);
}

static inline void assert_killed(const char *reason) {
    assert_int_equal(atomic_load(&vm->state), VM_ENDING);
    assert_int_equal(vm->result, VM_KILLED);
    if (!strstr(vm->reason, reason))
        assert_string_equal(vm->reason, reason);
}

static inline void assert_runs(void) {
    assert_int_equal(atomic_load(&vm->state), VM_RUNNING);
}

/* A general-purpose register of the guest, except RSP, which is in the VMCS. */
static inline uint64_t *reg(enum guest_register number) {
    return &self->context.reg[number];
}
