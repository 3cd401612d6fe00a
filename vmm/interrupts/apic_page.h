/* The virtual-APIC page: the 4 KiB that the processor reads and writes on the guest's behalf.
 *
 * SDM Vol. 3C, "APIC Virtualization and Virtual Interrupts". Registers are 32 bits wide at 16-byte
 * steps; IRR, ISR and TMR are eight such registers each, vector V in register V / 32, bit V % 32.
 * Only the vCPU's own CPU accesses the page, while the vCPU is outside guest mode. Pure. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "arch/apic_registers.h"
#include "vmm/interrupts/vector_set.h"

struct apic_page {
    _Alignas(4096) uint32_t word[1024];
};
_Static_assert(sizeof(struct apic_page) == 4096, "one page");

/*@ requires \valid_read(page);
  @ assigns \nothing;
  @ ensures \result == page->word[offset % 4096 / 4];
  @*/
static inline uint32_t apic_page_read(const struct apic_page *page, uint32_t offset) {
    return page->word[offset % 4096 / 4];
}

static inline void apic_page_write(struct apic_page *page, uint32_t offset, uint32_t value) {
    page->word[(offset & 0xfff) >> 2] = value;
}

/*@ predicate is_bank(integer bank) = bank == APIC_ISR || bank == APIC_TMR || bank == APIC_IRR;
  @
  @ predicate in_bank{L}(struct apic_page *p, integer bank, integer vector) =
  @     bit(p->word[bank / 4 + vector / 32 * 4], vector % 32);
  @
  @ predicate same_bank_but{L1, L2}(struct apic_page *p, integer bank, integer vector) =
  @     \forall integer v; 0 <= v < 256 && v != vector ==>
  @         (\at(in_bank(p, bank, v), L1) <==> \at(in_bank(p, bank, v), L2));
  @*/

/* bank: APIC_ISR, APIC_TMR or APIC_IRR. */
/*@ requires \valid_read(page);
  @ requires is_bank(bank);
  @ assigns \nothing;
  @ ensures \result <==> in_bank(page, bank, vector);
  @*/
static inline bool apic_page_has(const struct apic_page *page, uint32_t bank, uint8_t vector) {
    return (page->word[bank / 4 + vector / 32 * 4u] >> (vector % 32)) & 1;
}

/*@ requires \valid(page);
  @ requires is_bank(bank);
  @ assigns page->word[bank / 4 + vector / 32 * 4];
  @ ensures in_bank(page, bank, vector);
  @ ensures same_bank_but{Pre, Post}(page, bank, vector);
  @*/
static inline void apic_page_add(struct apic_page *page, uint32_t bank, uint8_t vector) {
    page->word[bank / 4 + vector / 32 * 4u] |= 1u << (vector % 32);
}

/*@ requires \valid(page);
  @ requires is_bank(bank);
  @ assigns page->word[bank / 4 + vector / 32 * 4];
  @ ensures !in_bank(page, bank, vector);
  @ ensures same_bank_but{Pre, Post}(page, bank, vector);
  @*/
static inline void apic_page_remove(struct apic_page *page, uint32_t bank, uint8_t vector) {
    uint32_t *word = &page->word[bank / 4 + vector / 32 * 4u], bit = 1u << (vector % 32);

    *word = (*word | bit) ^ bit;
}

/* The highest vector of a bank, or -1. Four words are tested at once, since most are empty. */
static inline int apic_page_highest(const struct apic_page *page, uint32_t bank) {
    const uint32_t *word = &page->word[bank >> 2];

    for (int i = 7; i >= 0; i -= 4) {
        if (!(word[4 * i] | word[4 * i - 4] | word[4 * i - 8] | word[4 * i - 12]))
            continue;
        while (!word[4 * i])
            i--;
        return i * 32 + 31 - __builtin_clz(word[4 * i]);
    }
    return -1;
}

/* The vector in the IRR whose priority class is above that of the highest vector in the ISR, so
 * that only the TPR may hold it back; or -1. SDM Vol. 3A, "Task and Processor Priorities". */
static inline int apic_page_above_isr(const struct apic_page *page) {
    int irr = apic_page_highest(page, APIC_IRR);
    int isr = apic_page_highest(page, APIC_ISR);

    return irr >= 0 && irr >> 4 > (isr < 0 ? 0 : isr >> 4) ? irr : -1;
}

static inline bool apic_page_above_tpr(const struct apic_page *page, int vector) {
    return vector >> 4 > (int)(apic_page_read(page, APIC_TPR) & 0xff) >> 4;
}

/* The vector in the IRR that can be delivered; or -1. */
static inline int apic_page_deliverable(const struct apic_page *page) {
    int vector = apic_page_above_isr(page);

    return vector >= 0 && apic_page_above_tpr(page, vector) ? vector : -1;
}
