/* VM exits: one row of a table for each reason that is handled. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

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

/* Moves RIP past an instruction of this length that has been emulated. */
void exit_advance(uint64_t length);

/* Handlers in other files. */
enum exit_action exit_io(struct vcpu *vcpu);
enum exit_action exit_ept_violation(struct vcpu *vcpu);
enum exit_action exit_apic_access(struct vcpu *vcpu);

/* The guest's hypercalls: number in RAX; the result comes back there. */
#define HYPERCALL_NOTHING   0      /* returns 0: for measuring an exit */
#define HYPERCALL_SEND_IPIS 10     /* as of KVM */
#define HYPERCALL_EOI_EXITS 0x100  /* returns how many EOIs of this vCPU have exited so far */
#define HYPERCALL_UNKNOWN   (-1LL) /* the result of any other number */
