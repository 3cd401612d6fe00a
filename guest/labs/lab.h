/* What all labs use. docs/labs.md has the questions; the lines that a lab prints as "06.1 ...: N"
 * are their answers. */
#pragma once
#include <stdint.h>

#include "guest/lib/instructions.h"

/* Prints the title, enables the local APIC in x2APIC mode, and starts the other vCPUs. Ends the
 * guest if fewer than `vcpus` run. */
void lab_begin(const char *title, uint32_t vcpus);

/* How many EOIs of this vCPU have caused a VM exit so far. */
static inline uint32_t eoi_exits(void) {
    return (uint32_t)vmcall(HYPERCALL_EOI_EXITS);
}

/* How many VM exits this vCPU's own instructions have caused so far, with that of this VMCALL. */
static inline uint32_t vm_exits(void) {
    return (uint32_t)vmcall(HYPERCALL_EXITS);
}

/* Writes the EOI register, and returns whether that caused an EOI exit: 0 or 1. */
uint32_t lab_eoi(void);

/* Sends `rounds` IPIs from this vCPU to itself, each after the handler of the one before, which
 * consists of an EOI. Interrupts must be enabled. Returns how many of the EOIs exited. */
uint32_t lab_self_ipis(uint8_t vector, uint32_t rounds);

/* Handles interrupts for ever: what the other vCPUs run. */
void lab_listen(void);

/* Enables interrupts for two instructions: what waits is delivered, and its handlers run. One is
 * not enough, because STI delays interrupts by an instruction. */
static inline void lab_let_in(void) {
    interrupts_on();
    pause();
    interrupts_off();
}

/* Waits a little, in which anything that should not arrive would. */
void lab_settle(void);
