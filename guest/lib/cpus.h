/* The vCPUs of this guest: starting them, telling them apart, giving them work.
 *
 * A vCPU's index is its initial APIC ID. Vector 0 to 31 and the memory that each needs are set up
 * by cpu_init(); each holds the address of its own structure in the base of GS. Every wait for
 * another vCPU is bounded: a guest reports that the other did not come, it never hangs. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define CPU_MAX        8
#define CPU_STACK_SIZE 16384
#define TRAMPOLINE     0x8000 /* where the SIPI vector points: the page that trampoline.asm fills */
#define WAIT_BOUND     20000000u /* rounds of a waiting loop, with a PAUSE in each */

struct cpu {
    struct cpu *self; /* first: GS:0 */
    uint32_t index;   /* also the APIC ID */
    atomic_bool started;
    _Atomic(void (*)(void)) work; /* what cpu_run() left for it; null when done */
    void *recover[5];             /* of expect_exception(), for __builtin_longjmp() */
    bool recovering;
    uint32_t recovered_vector;
    uint64_t recovered_error_code;
};

extern struct cpu cpus[CPU_MAX];

static inline struct cpu *cpu_self(void) {
    struct cpu *self;
    __asm__("movq %%gs:0, %0" : "=r"(self));
    return self;
}

/* Sets up the vCPU that calls it. */
void cpu_init(void);

/* Starts all other vCPUs (broadcast INIT, SIPI, SIPI) and waits until `wanted` run, this one
 * included; `wanted` 0 takes the number that CPUID leaf 1 tells. Returns how many run. */
uint32_t cpus_start(uint32_t wanted);

/* Has a started vCPU call the function, and returns at once; false: it is still busy. */
bool cpu_run(uint32_t index, void (*function)(void));

/* Waits until it has returned; false: it did not within the bound. */
bool cpu_wait(uint32_t index);

/* For the others: takes work for ever. */
_Noreturn void cpu_serve(void);

/* Waits until the counter is at least `value`; false: it was not within the bound. */
bool wait_at_least(atomic_uint *counter, uint32_t value);

/* Lets some time go by: `rounds` times PAUSE. */
void spin(uint32_t rounds);
