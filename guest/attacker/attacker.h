/* A guest that attacks: random actions by a seed, on up to eight vCPUs.
 *
 *     main.c       the loop, recovery, counts
 *     stage.c      descriptor tables, page tables and stacks that survive what the actions do
 *     registers.c  MSRs, control and debug registers, descriptor tables, instructions
 *     devices.c    ports, device memory, virtqueues, the I/O APIC
 *     signals.c    IPIs, NMIs, INIT and SIPI, the local APIC and its modes
 *
 * An action may raise any exception: the vCPU goes on with the next one. It may reset any vCPU:
 * that vCPU starts again. What would end the guest for certain (page tables outside RAM, the local
 * APIC moved over RAM, HLT with interrupts off) is left to guest/hostile.c. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "guest/lib/cpus.h"

enum kind {
    KIND_RDMSR,
    KIND_WRMSR,
    KIND_PORT,
    KIND_STRING_PORT,
    KIND_DEVICE_MEMORY,
    KIND_INSTRUCTION,
    KIND_USER_CODE,
    KIND_CONTROL_REGISTER,
    KIND_DEBUG_REGISTER,
    KIND_DESCRIPTORS,
    KIND_IPI,
    KIND_NMI,
    KIND_INIT,
    KIND_SIPI,
    KIND_VIRTQUEUE,
    KIND_ROUTE,
    KIND_LINE,
    KIND_APIC_REGISTER,
    KIND_APIC_MODE,
    KIND_TIMER,
    KINDS
};

/* One for each vCPU; it outlives INIT. */
struct attacker {
    uint64_t random;
    uint32_t actions[KINDS];
    uint32_t exceptions, interrupts, nmis, starts;
    uint32_t in_a_row; /* interrupts since the last action began */
    void *next[5];     /* where an exception goes on: __builtin_setjmp() */
    bool armed;        /* `next` is set */
    bool ready;        /* it has its tables: an NMI does no harm */
    bool in_user;      /* it executes user code, which the next interrupt ends */
    bool x2apic;       /* its local APIC's mode, as it last saw it */
};

extern struct attacker attackers[CPU_MAX];
extern uint32_t vcpus; /* that take part */

/* This vCPU's, by its task register: user code may change GS. */
struct attacker *me(void);
uint32_t my_index(void);

uint32_t any(void);
uint32_t below(uint32_t count);
/* A number at an edge, or any. */
uint64_t any_number(void);
/* Counts an action that consists of several. */
void also(enum kind kind);

/* ---- stage.c ---- */

#define SCRATCH_SIZE 0x4000
extern uint8_t scratch[SCRATCH_SIZE]; /* memory for devices and string instructions */

/* Loads this vCPU's tables; on each vCPU, after each start. */
void stage_enter(void);
/* Puts right what the last action left behind, if another action would fail for it. */
void stage_repair(void);
/* Executes one instruction of these bytes in user mode, single-stepped. Does not return. */
_Noreturn void stage_user_code(const uint8_t bytes[15]);
/* Loads a GDT of which the upper half is random, and an IDT without a gate for vectors above
 * `limit`. */
void stage_random_tables(uint32_t limit);

/* ---- actions ---- */

void act_rdmsr(void);
void act_wrmsr(void);
void act_instruction(void);
void act_user_code(void);
void act_control_register(void);
void act_debug_register(void);
void act_descriptors(void);

void act_port(void);
void act_string_port(void);
void act_device_memory(void);
void act_virtqueue(void);
void act_route(void);
void act_line(void);

void act_ipi(void);
void act_nmi(void);
void act_init(void);
void act_sipi(void);
void act_apic_register(void);
void act_apic_mode(void);
void act_timer(void);
/* An interrupt comes soon, and again and again. Interrupts are disabled when it returns. */
void signals_alarm(void);
/* Reads the mode of the local APIC. */
void signals_look(void);
/* The local APIC works again, in the mode that the guest runs in. */
void signals_repair(void);
/* An EOI, in whatever mode the local APIC is. */
void signals_eoi(void);
