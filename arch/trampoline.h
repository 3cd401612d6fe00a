/* The trampoline: the code that another CPU starts with, and its arguments.
 *
 * A CPU that receives a start-up IPI begins in real mode in a page below 1 MiB. The trampoline
 * leads it to 64-bit mode and to a C function on a stack of its own. There is one copy of it, so
 * CPUs are started one at a time. SDM Vol. 3A, "Multiple-Processor (MP) Initialization". Read next:
 * trampoline.asm, host_start_others() in vmm/host/host.c. */
#pragma once
#include <stdint.h>

struct trampoline_arguments {
    uint32_t cr3;   /* page tables below 4 GiB that map the trampoline at its physical address */
    uint32_t cr4;   /* with PAE = 1 */
    uint64_t stack; /* linear address of its top */
    uint64_t cpu;   /* the argument of entry() */
    uint64_t entry; /* void entry(struct cpu *), which does not return */
};
_Static_assert(sizeof(struct trampoline_arguments) == 32, "trampoline.asm");

/* Copies the trampoline and its arguments to `page`, where a physical page below 1 MiB is mapped.
 * The CPU that was started before has left it. */
void trampoline_place(void *page, const struct trampoline_arguments *arguments);
