/* The vCPUs of this guest: starting them, identifying them, running functions on them.
 *
 * A vCPU's index is its initial APIC ID, or half of it: cpu_id_shift. The base of its GS segment is
 * the address of its struct cpu, which cpu_init() sets. Every wait for another vCPU is bounded: if
 * that vCPU never answers, the guest reports a failed test instead of hanging. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define CPU_MAX        8 /* unless the guest has CPUS_ROOM() */
#define CPU_STACK_SIZE 16384
#define TRAMPOLINE     0x8000 /* the page at which a SIPI starts a vCPU: trampoline.asm */

struct cpu {
    struct cpu *self; /* at GS:0, so it must be the first member */
    uint32_t index;
    atomic_bool started;
    _Atomic(void (*)(void)) work; /* set by cpu_run(); NULL once it has returned */
    atomic_uint turns;            /* of the loops in which it waits for work */
    void *recover[5];             /* set by expect_exception(), for __builtin_longjmp() */
    bool recovering;
    uint32_t recovered_vector;
    uint64_t recovered_error_code;
};

extern struct cpu cpus[];
extern uint32_t cpu_max;

/* In one file of a guest that uses more vCPUs: memory for so many. */
#define CPUS_ROOM(count)                                                                           \
    uint32_t cpu_max = (count);                                                                    \
    struct cpu cpus[count];                                                                        \
    extern char cpu_stacks[(count)*CPU_STACK_SIZE];                                                \
    _Alignas(16) char cpu_stacks[(count)*CPU_STACK_SIZE]

/* The APIC ID is the index shifted left by this: by 1 where the APIC IDs are even. Set it before
 * the other vCPUs start. */
extern uint32_t cpu_id_shift;

static inline uint32_t cpu_apic_id(uint32_t index) {
    return index << cpu_id_shift;
}

/* Iterations of a waiting loop, with a PAUSE in each. A guest may change it. */
#define WAIT_BOUND_DEFAULT 20000000u
extern uint32_t wait_bound;

static inline struct cpu *cpu_self(void) {
    struct cpu *self;
    __asm__("movq %%gs:0, %0" : "=r"(self));
    return self;
}

/* Sets up the calling vCPU. */
void cpu_init(void);

/* Starts all other vCPUs (broadcast INIT, SIPI, SIPI) and waits until `wanted` vCPUs run, this one
 * included. If `wanted` is 0, CPUID leaf 1 gives the number. Returns how many run. */
uint32_t cpus_start(uint32_t wanted);

/* Starts the function on another vCPU and returns at once. False: that vCPU is still busy. */
bool cpu_run(uint32_t index, void (*function)(void));

/* Waits until the function has returned. False: it did not within the bound. */
bool cpu_wait(uint32_t index);

/* Runs the function on any vCPU, also on this one, and waits for it. False: that vCPU is still
 * busy, or the function did not return within the bound. */
bool cpu_call(uint32_t index, void (*function)(void));

/* The loop of every vCPU but the first: runs what cpu_run() starts. */
_Noreturn void cpu_serve(void);

/* Waits until the counter is at least `value`. False: it was not within the bound. */
bool wait_at_least(atomic_uint *counter, uint32_t value);

/* Halts, with interrupts enabled, until a handler on this vCPU has raised the counter to at least
 * `value`; returns with interrupts disabled. Not bounded: the runner ends a guest that hangs. */
void halt_until(const volatile uint32_t *counter, uint32_t value);

/* Executes PAUSE `rounds` times. */
void spin(uint32_t rounds);
