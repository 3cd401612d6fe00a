/* A physical CPU: see cpu.h. */
#include "arch/cpu.h"

#include "arch/idt.h"
#include "arch/instructions.h"
#include "arch/msr.h"

/* In cpu_idle.asm: the check of *wake, and the instruction after the HLT. */
extern const char idle_begin[], idle_end[];

void cpu_load(struct cpu *cpu) {
    segments_load(&cpu->segments, cpu->ist_top);
    idt_load();
    cpu->self = cpu;
    wrmsr(MSR_IA32_GS_BASE, (uint64_t)cpu);
}

void cpu_nmi(struct trap_frame *frame) {
    struct cpu *cpu = this_cpu();

    cpu->nmi_count++;
    if (frame->rip >= (uint64_t)idle_begin && frame->rip < (uint64_t)idle_end)
        frame->rip = (uint64_t)idle_end;
}
