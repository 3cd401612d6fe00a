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

/*@ requires \valid(page);
  @ assigns page->word[offset % 4096 / 4];
  @ ensures page->word[offset % 4096 / 4] == value;
  @*/
static inline void apic_page_write(struct apic_page *page, uint32_t offset, uint32_t value) {
    page->word[offset % 4096 / 4] = value;
}

/*@ predicate is_bank(integer bank) = bank == APIC_ISR || bank == APIC_TMR || bank == APIC_IRR;
  @
  @ logic integer bank_word{L}(struct apic_page *p, integer bank, integer i) =
  @     p->word[bank / 4 + i * 4];
  @
  @ predicate in_bank{L}(struct apic_page *p, integer bank, integer vector) =
  @     bit(bank_word(p, bank, vector / 32), vector % 32);
  @
  @ predicate same_bank_but{L1, L2}(struct apic_page *p, integer bank, integer vector) =
  @     \forall integer v; 0 <= v < 256 && v != vector ==>
  @         (\at(in_bank(p, bank, v), L1) <==> \at(in_bank(p, bank, v), L2));
  @
  @ predicate same_bank{L1, L2}(struct apic_page *p, integer bank) =
  @     same_bank_but{L1, L2}(p, bank, VECTOR_COUNT);
  @
  @ predicate highest{L}(struct apic_page *p, integer bank, integer vector) =
  @     -1 <= vector < VECTOR_COUNT && (vector >= 0 ==> in_bank(p, bank, vector)) &&
  @     \forall integer v; vector < v < VECTOR_COUNT ==> !in_bank(p, bank, v);
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

/* Register i of a bank. */
/*@ requires \valid_read(page);
  @ requires is_bank(bank) && 0 <= i < 8;
  @ assigns \nothing;
  @ ensures \result == bank_word(page, bank, i);
  @*/
static inline uint32_t apic_page_bank(const struct apic_page *page, uint32_t bank, int i) {
    return page->word[bank / 4 + (unsigned)i * 4];
}

/* The highest vector of a bank, or -1. Four words are tested at once, since most are empty. */
/*@ requires \valid_read(page);
  @ requires is_bank(bank);
  @ assigns \nothing;
  @ ensures highest(page, bank, \result);
  @*/
static inline int apic_page_highest(const struct apic_page *page, uint32_t bank) {
    /*@ loop invariant range: i == 7 || i == 3 || i == -1;
      @ loop invariant \forall integer w; i < w < 8 ==> bank_word(page, bank, w) == 0;
      @ loop assigns i;
      @ loop variant i;
      @*/
    for (int i = 7; i >= 0; i -= 4) {
        if (!(apic_page_bank(page, bank, i) | apic_page_bank(page, bank, i - 1) |
              apic_page_bank(page, bank, i - 2) | apic_page_bank(page, bank, i - 3)))
            continue;
        /*@ loop invariant range: \at(i, LoopEntry) - 3 <= i <= \at(i, LoopEntry);
          @ loop invariant \forall integer w; i < w < 8 ==> bank_word(page, bank, w) == 0;
          @ loop assigns i;
          @ loop variant i;
          @*/
        while (!apic_page_bank(page, bank, i))
            i--;
        return i * 32 + 31 - __builtin_clz(apic_page_bank(page, bank, i));
    }
    return -1;
}

/* The words of the contracts. A vector is higher than all in service if its priority class is;
 * class 0 is never delivered. SDM Vol. 3A, "Task and Processor Priorities". */
/*@ predicate above_isr{L}(struct apic_page *p, integer vector) =
  @     vector / 16 > 0 &&
  @     \forall integer s; 0 <= s < VECTOR_COUNT && in_bank(p, APIC_ISR, s) ==>
  @         vector / 16 > s / 16;
  @
  @ predicate above_tpr{L}(struct apic_page *p, integer vector) =
  @     vector / 16 > (uint8_t)p->word[APIC_TPR / 4] / 16;
  @*/

/* The vector in the IRR whose priority class is above that of the highest vector in the ISR, so
 * that only the TPR may hold it back; or -1. */
/*@ requires \valid_read(page);
  @ assigns \nothing;
  @ ensures \result >= 0 ==> highest(page, APIC_IRR, \result) && above_isr(page, \result);
  @ ensures \result < 0 ==> \result == -1 && \forall integer v; 0 <= v < VECTOR_COUNT &&
  @     in_bank(page, APIC_IRR, v) ==> !above_isr(page, v);
  @*/
static inline int apic_page_above_isr(const struct apic_page *page) {
    int irr = apic_page_highest(page, APIC_IRR);
    int isr = apic_page_highest(page, APIC_ISR);

    return irr >= 0 && irr / 16 > (isr < 0 ? 0 : isr / 16) ? irr : -1;
}

/*@ requires \valid_read(page) && 0 <= vector < VECTOR_COUNT;
  @ assigns \nothing;
  @ ensures \result <==> above_tpr(page, vector);
  @*/
static inline bool apic_page_above_tpr(const struct apic_page *page, int vector) {
    return vector / 16 > (uint8_t)apic_page_read(page, APIC_TPR) / 16;
}

/* The vector in the IRR that can be delivered; or -1. */
/*@ requires \valid_read(page);
  @ assigns \nothing;
  @ ensures \result >= 0 ==> highest(page, APIC_IRR, \result) && above_isr(page, \result) &&
  @     above_tpr(page, \result);
  @ ensures \result < 0 ==> \result == -1 && \forall integer v; 0 <= v < VECTOR_COUNT &&
  @     in_bank(page, APIC_IRR, v) ==> !(above_isr(page, v) && above_tpr(page, v));
  @*/
static inline int apic_page_deliverable(const struct apic_page *page) {
    int vector = apic_page_above_isr(page);

    return vector >= 0 && apic_page_above_tpr(page, vector) ? vector : -1;
}
