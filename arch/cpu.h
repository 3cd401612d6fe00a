/* A physical CPU: what each needs of its own, found through GS base.
 *
 * Larger per-CPU structures (struct host_cpu of vmm/) begin with a struct cpu. Read next: vmx.h. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch/segments.h"

struct cpu {
    struct cpu *self; /* at GS:0 */
    uint32_t index;   /* 0 is the boot CPU */
    uint32_t apic_id;
    uint64_t stack_top;
    uint64_t ist_top[IST_END];
    struct segments segments;
    /* True from arming the preemption timer until after the exit: an NMI in this time ends the
     * entry at once by setting the timer to zero. Read and written on this CPU only. */
    bool entry_armed;
    uint64_t nmi_count;
};

static inline struct cpu *this_cpu(void) {
    struct cpu *cpu;
    __asm__("mov %%gs:0, %0" : "=r"(cpu));
    return cpu;
}

/* Loads GDT, TSS, IDT and GS base on the current CPU. idt_init() has been called once. */
void cpu_load(struct cpu *cpu);

/* The NMI handler: a kick. An armed VM entry exits at once, an idle CPU wakes. */
struct trap_frame;
void cpu_nmi(struct trap_frame *frame);

/* Waits in HLT, with interrupts on, until an interrupt, or until an NMI. Returns at once if *wake
 * is not zero; an NMI between that look and the HLT is not lost. Interrupts are off afterwards. */
void cpu_idle(const _Atomic uint32_t *wake);
