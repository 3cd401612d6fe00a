/* VM exits: a table of handlers, with a row for each reason that is handled.
 *
 * An exit saves the guest's state in the VMCS and reports its reason there, and for most reasons an
 * exit qualification. A handler does not enter the guest: it returns what to do next. A reason
 * without a row kills the guest. SDM Vol. 3C, "VM Exits"; Vol. 3D, "VMX Basic Exit Reasons".
 *
 * All functions are called on the vCPU's own CPU, its VMCS current. Read next: exit_io.h,
 * exit_mmio.h, events.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "arch/control_registers.h"
#include "arch/msr.h"
#include "arch/vmx/vmx.h"

struct vcpu;

/* What to do after a handler. Two bits: */
#define EXIT_TURN_CONTINUES 1 /* otherwise the scheduler chooses the next vCPU */
#define EXIT_RIP_ADVANCES   2 /* past the instruction, which has been emulated */
enum exit_action {
    EXIT_RESUME = EXIT_TURN_CONTINUES, /* trap-like exits, faults, injected exceptions */
    EXIT_YIELD = 0,
    EXIT_ADVANCE = EXIT_TURN_CONTINUES | EXIT_RIP_ADVANCES,
    EXIT_ADVANCE_AND_YIELD = EXIT_RIP_ADVANCES,
};

/* Handles the exit that has just happened. False: the turn ends. */
bool exit_handle(struct vcpu *vcpu);

/* If the guest single-steps, makes the trap that follows an emulated instruction pending. SDM Vol.
 * 3B, "Single-Step Exception Condition". */
static inline void exit_pend_single_step(void) {
    if ((vmcs_read(VMCS_GUEST_RFLAGS) & RFLAGS_TF) &&
        !(vmcs_read(VMCS_GUEST_DEBUGCTL) & DEBUGCTL_BTF))
        vmcs_write(VMCS_GUEST_PENDING_DEBUG,
                   vmcs_read(VMCS_GUEST_PENDING_DEBUG) | PENDING_DEBUG_BS);
}

/* Moves RIP past an emulated instruction of `length` bytes at `rip`, and ends the shadow of an STI
 * or MOV SS before it. Outside 64-bit mode RIP has 32 bits and wraps. */
static inline void exit_advance(uint64_t rip, uint64_t length) {
    uint64_t next = rip + length;

    if (((rip ^ next) >> 32) && !(vmcs_read(VMCS_GUEST_CS_ACCESS_RIGHTS) & ACCESS_RIGHTS_L))
        next = (uint32_t)next;
    vmcs_write(VMCS_GUEST_RIP, next);
    uint64_t interruptibility = vmcs_read(VMCS_GUEST_INTERRUPTIBILITY);
    if (interruptibility & INTERRUPTIBILITY_SHADOW)
        vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, interruptibility & ~INTERRUPTIBILITY_SHADOW);
    exit_pend_single_step();
}

/* Hypercalls: VMCALL with the number in RAX, which receives the result. */
#define HYPERCALL_NOTHING   0      /* returns 0: measures the cost of an exit */
#define HYPERCALL_SEND_IPIS 10     /* KVM's */
#define HYPERCALL_EOI_EXITS 0x100  /* returns how many EOIs of this vCPU have exited so far */
#define HYPERCALL_EXITS     0x101  /* returns how many exits this vCPU's own instructions caused */
#define HYPERCALL_ALL_EXITS 0x102  /* returns how many exits this vCPU has had */
#define HYPERCALL_UNKNOWN   (-1LL) /* the result of any other number */
