/* GDT and TSS: see segments.h. */
#include "arch/segments.h"

void segments_load(struct segments *segments, const uint64_t ist_top[IST_END]) {
    uint64_t tss = (uint64_t)&segments->tss;

    for (unsigned i = 1; i < IST_END; i++)
        segments->tss.ist[i - 1] = ist_top[i];
    segments->tss.io_map_base = sizeof(struct task_state);

    segments->gdt[0] = 0;
    segments->gdt[SELECTOR_CODE / 8] = 0x00af9b000000ffff; /* 64-bit code, ring 0 */
    segments->gdt[SELECTOR_DATA / 8] = 0x00cf93000000ffff;
    segments->gdt[SELECTOR_TSS / 8] = (sizeof(struct task_state) - 1) | (tss & 0xffffff) << 16 |
                                      0x89ULL << 40 | (tss >> 24 & 0xff) << 56;
    segments->gdt[SELECTOR_TSS / 8 + 1] = tss >> 32;

    struct table_register gdtr = {sizeof(segments->gdt) - 1, (uint64_t)segments->gdt};
    __asm__ volatile("lgdt %0\n\t"
                     "push %1\n\t"
                     "lea 1f(%%rip), %%rax\n\t"
                     "push %%rax\n\t"
                     "lretq\n"
                     "1: mov %2, %%eax\n\t"
                     "mov %%eax, %%ss\n\t"
                     "mov %%eax, %%ds\n\t"
                     "mov %%eax, %%es\n\t"
                     "xor %%eax, %%eax\n\t"
                     "mov %%eax, %%fs\n\t"
                     "mov %%eax, %%gs\n\t"
                     "ltr %w3"
                     :
                     : "m"(gdtr), "i"((uint64_t)SELECTOR_CODE), "i"(SELECTOR_DATA),
                       "r"((uint32_t)SELECTOR_TSS)
                     : "rax", "memory");
}
