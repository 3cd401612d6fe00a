/* A physical CPU: its tables, its stacks, and how it waits and is woken.
 *
 * Each CPU has a struct cpu of its own, at the start of the larger struct host_cpu
 * (vmm/host/host.h); the base of its GS segment is the structure's address. CPUs kick each other by
 * NMI: the hypervisor runs with maskable interrupts off, and an NMI reaches a CPU in guest mode, in
 * HLT and in between. Read next: arch/vmx/vmx.h. */
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
    /* True from before the preemption timer is armed until after the VM exit: an NMI in this time
     * sets the timer to 0, see vmx_force_exit(). Only this CPU reads and writes it. */
    bool entry_armed;
    bool in_vmx_operation; /* between VMXON and VMXOFF */
    uint64_t nmi_count;
};

/* The current CPU's structure, after cpu_load(). */
static inline struct cpu *this_cpu(void) {
    struct cpu *cpu;
    __asm__("mov %%gs:0, %0" : "=r"(cpu));
    return cpu;
}

/* Loads GDT, TSS, IDT and GS base on the current CPU, whose index, apic_id and stacks are set.
 * idt_init() has been called. SDM Vol. 3A, "System Architecture Overview". */
void cpu_load(struct cpu *cpu);

/* Part of the NMI handler: counts the NMI, and makes cpu_idle() return if the NMI arrived in it. */
struct trap_frame;
void cpu_nmi(struct trap_frame *frame);

/* Waits in HLT with interrupts on until an interrupt or an NMI arrives. Returns at once if *wake is
 * not 0; an NMI between that check and the HLT is not lost. Interrupts are off on return. */
void cpu_idle(const _Atomic uint32_t *wake);
