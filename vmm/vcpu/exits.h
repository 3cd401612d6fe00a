/* VM exits: one row of a table for each reason that is handled. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "arch/control_registers.h"
#include "arch/vmx/vmx.h"

struct vcpu;

/* What a handler wants done. */
enum exit_action {
    EXIT_RESUME = 0,  /* as is: trap-like exits, faults, injected exceptions */
    EXIT_ADVANCE = 1, /* past the instruction: it has been emulated */
    EXIT_YIELD = 2,   /* not now: the CPU's next vCPU has its turn */
    EXIT_ADVANCE_AND_YIELD = EXIT_ADVANCE | EXIT_YIELD,
};

/* Handles the exit that has just happened. False: the vCPU gives its CPU away. */
bool exit_handle(struct vcpu *vcpu);

/* Makes the trap of a guest that runs by single steps pending: behind an instruction that the
 * processor has not run. SDM Vol. 3B, "Single-Step Exception Condition". */
static inline void exit_pend_single_step(void) {
    if (vmcs_read(VMCS_GUEST_RFLAGS) & RFLAGS_TF)
        vmcs_write(VMCS_GUEST_PENDING_DEBUG,
                   vmcs_read(VMCS_GUEST_PENDING_DEBUG) | PENDING_DEBUG_BS);
}

/* Moves RIP past an instruction of this length that has been emulated, which also ends the shadow
 * of a STI or MOV SS before it. Outside 64-bit mode RIP has 32 bits and wraps. */
static inline void exit_advance(uint64_t length) {
    uint64_t rip = vmcs_read(VMCS_GUEST_RIP), next = rip + length;

    if (((rip ^ next) >> 32) && !(vmcs_read(VMCS_GUEST_CS_ACCESS_RIGHTS) & ACCESS_RIGHTS_L))
        next = (uint32_t)next;
    vmcs_write(VMCS_GUEST_RIP, next);
    uint64_t interruptibility = vmcs_read(VMCS_GUEST_INTERRUPTIBILITY);
    if (interruptibility & INTERRUPTIBILITY_SHADOW)
        vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, interruptibility & ~INTERRUPTIBILITY_SHADOW);
    exit_pend_single_step();
}

/* Handlers in other files. */
enum exit_action exit_io(struct vcpu *vcpu);
enum exit_action exit_ept_violation(struct vcpu *vcpu);
enum exit_action exit_apic_access(struct vcpu *vcpu);

/* The guest's hypercalls: number in RAX; the result comes back there. */
#define HYPERCALL_NOTHING   0      /* returns 0: for measuring an exit */
#define HYPERCALL_SEND_IPIS 10     /* as of KVM */
#define HYPERCALL_EOI_EXITS 0x100  /* returns how many EOIs of this vCPU have exited so far */
#define HYPERCALL_UNKNOWN   (-1LL) /* the result of any other number */
