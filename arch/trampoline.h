/* The code that another CPU starts with: see trampoline.asm. */
#pragma once
#include <stdint.h>

struct trampoline_arguments {
    uint32_t cr3;   /* tables below 4 GiB that map the trampoline's page at its own address */
    uint32_t cr4;   /* with PAE */
    uint64_t stack; /* virtual, its top */
    uint64_t cpu;   /* handed to entry() */
    uint64_t entry; /* void entry(struct cpu *), does not return */
};
_Static_assert(sizeof(struct trampoline_arguments) == 32, "trampoline.asm");

/* Copies the trampoline to `page`, a mapped page below 1 MiB, with these arguments. */
void trampoline_place(void *page, const struct trampoline_arguments *arguments);
