/* The parts of the fuzzer of the exits, tests/fuzz/fuzz_exits.c.
 *
 *     input.c    the bytes of the input, as choices and numbers
 *     state.c    what a guest changes without an exit: registers, code, memory
 *     modes.c    and its segments, and its mode
 *     cause.c    exits, with everything that the processor reports of them
 *     events.c   and those that concern events
 *     others.c   what other CPUs do meanwhile
 *     checks.c   what must hold at each VM entry, and the reference for EOIs
 *
 * All of it runs on the machine of tests/machine/. A mistake ends the program by machine_fail(). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/machine/machine.h"
#include "tests/processor.h"

extern struct vm *guest;  /* the one that does anything */
extern struct vcpu *self; /* its vCPU that has the turn */
extern struct vm *victim; /* another guest, whose registers must stay as it left them */

/* ---- input.c ---- */

void input_begin(const uint8_t *data, size_t size);
bool input_left(void);
/* 0 when the input has ended. */
uint8_t input_byte(void);
uint32_t input_below(uint32_t count);
bool input_flag(void);
/* Any number; those at which mistakes are likely more often. */
uint64_t input_number(void);
/* An address in the guest's memory, or near one of its devices. */
uint64_t input_address(void);

/* ---- state.c ---- */

/* The guest does one thing that does not exit. */
void state_change(void);
/* The least that a fresh guest needs: page tables and a mode. */
void state_begin(void);
unsigned state_cpl(void);
/* Whether single-stepping makes a trap pending, as the processor saves it at an exit in a shadow.
 */
bool state_steps(void);
/* Ends the program if a processor could not be in this state: then the fuzzer itself is wrong. */
void state_check(void);

/* ---- modes.c ---- */

/* Page tables, all of which map the first 2 or 4 MiB at their own addresses. */
#define LONG_TABLES MACHINE_TABLES
#define PAE_TABLE   (MACHINE_TABLES + 0x3000)
#define TABLE_32    (MACHINE_TABLES + 0x4000)
/* With PAE and 4-level paging, pages of 4 KiB are at these linear addresses, in another order. */
#define SMALL_TABLE (MACHINE_TABLES + 0x5000)
#define SMALL_PAGES 0x200000ULL

void mode_enter_any(void);
void mode_load_segment(void);
void mode_load_task_register(void);
/* The processor loads the PDPTEs; false: #GP. */
bool mode_load_pdptes(uint64_t cr3);

/* ---- cause.c ---- */

/* The guest exits for this reason; in a shadow, a single-step trap stays pending. */
void leave(uint32_t reason, uint64_t qualification, uint64_t length);

/* Whether the processor virtualizes the guest's self-IPIs. */
bool cause_may_send_self_ipi(void);
/* The guest exits. */
void cause_exit(void);

/* ---- events.c ---- */

/* Another CPU's NMI makes it exit. */
void cause_kick(void);
void cause_exception(void);
void cause_external_interrupt(void);
void cause_triple_fault(void);
void cause_task_switch(void);
/* The exit comes during the delivery of an event that the guest has caused: INT n, INT3, INTO, INT1
 * or a fault. Delivery has ended a shadow. */
void cause_during_delivery(void);
/* The delivery of the event that this entry injects exits, or does not. */
void cause_exit_of_delivery(struct vmx_context *context);

/* ---- others.c ---- */

/* Another CPU does something while the guest runs. */
void others_act(void);
/* Another CPU will do something between two instructions of the hypervisor. */
void others_act_later(void);

/* ---- checks.c ---- */

void checks_begin(void);
/* While the guest runs, before it does anything. */
void check_entry(void);
/* When the guest has exited. */
void check_exit(void);
/* What the hypervisor has done and printed since the last call is bounded. */
void check_bounds(void);
/* After a turn of `vcpu`. */
void check_turn(const struct vcpu *vcpu);
/* The processor's part in virtual interrupts: delivers what is pending if it may; performs an EOI,
 * and returns whether it exits. */
void interrupt_deliver(void);
bool interrupt_eoi(uint8_t *vector);
void interrupt_self(uint8_t vector);
void interrupt_tpr(uint8_t value);
