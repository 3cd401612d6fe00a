/* The host's IDT, and the handlers of exceptions, NMIs and interrupts in the hypervisor.
 *
 * The hypervisor runs with interrupts off, except in cpu_idle() and in short windows. An NMI is a
 * kick (see cpu.h); the interrupt of the local APIC timer wakes an idle CPU; an exception is a bug
 * of the hypervisor and goes to the fatal handler. All CPUs share one table. SDM Vol. 3A,
 * "Interrupt and Exception Handling". Read next: idt_traps.asm. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "arch/control_registers.h"

#define VECTOR_WAKE     0xf0 /* the local APIC timer of this CPU */
#define VECTOR_POSTED   0xf1 /* the posted-interrupt notification vector: in root mode, nothing */
#define VECTOR_SPURIOUS 0xff

/* What idt_traps.asm pushes; the processor pushes the last five and some error codes. */
struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error_code;
    uint64_t rip, cs, rflags, rsp, ss;
};

typedef void trap_handler(struct trap_frame *frame);

/* Fills the table in, once, before any CPU loads it. `fatal` handles exceptions, and NMIs and
 * interrupts without a handler of their own; it does not return. */
void idt_init(trap_handler *fatal);

/* Loads IDTR on the current CPU. */
void idt_load(void);

/* The linear address of the table, for the VMCS's host-state area. */
uint64_t idt_base(void);

/* Sets the handler of NMIs, which runs on the CPU that received the NMI. */
void idt_set_nmi(trap_handler *handler);

/* Sets the handler of all interrupts but the spurious one: VECTOR_WAKE, VECTOR_POSTED, and
 * interrupts of devices that the firmware left active. The handler sends the EOI. */
void idt_set_interrupt(trap_handler *handler);

/* Sets the function that says whether an interrupt with a vector from 16 to 31 is in service: these
 * vectors are exceptions, too. */
void idt_set_in_service(bool (*in_service)(uint8_t vector));

/* The name of an exception vector, for messages; never NULL. */
const char *exception_name(uint64_t vector);
