/* The host's IDT and what happens on its exceptions.
 *
 * The hypervisor runs with interrupts off. An NMI is a kick (see cpu.h); the LAPIC timer wakes an
 * idle CPU; an exception is our own bug and ends in the handler that idt_init() is given. */
#pragma once
#include <stdint.h>

#include "arch/control_registers.h"

#define VECTOR_WAKE     0xf0 /* the host LAPIC timer */
#define VECTOR_SPURIOUS 0xff

/* What idt_traps.asm pushes; the last five are the processor's. */
struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error_code;
    uint64_t rip, cs, rflags, rsp, ss;
};

typedef void trap_handler(struct trap_frame *frame);

/* Fills the table in, once; then each CPU loads it. */
void idt_init(trap_handler *fatal);
void idt_load(void);
/* Where the table is, for the VMCS's host-state area. */
uint64_t idt_base(void);

/* Called for an NMI, on the interrupted CPU, with the frame; set once at start. */
void idt_set_nmi(trap_handler *handler);

/* Called for every interrupt but the spurious one: the LAPIC timer's VECTOR_WAKE, and what a device
 * that the firmware left running may still send. It owes the EOI. */
void idt_set_interrupt(trap_handler *handler);

/* The name of an exception vector, for messages. */
const char *exception_name(uint64_t vector);
