/* A vCPU's inbox: interrupts that any CPU has posted and the vCPU has not yet accepted into its
 * IRR.
 *
 * Its first 64 bytes are a posted-interrupt descriptor of the processor: pir[], and bit 0 of
 * `requests`, ON. An edge interrupt sets a bit in pir[]; with posted interrupts the processor may
 * move that bit to the IRR by itself while the guest runs, and clears ON. SDM Vol. 3C,
 * "Posted-Interrupt Processing". A level interrupt also carries its pin: the poster sets the pin in
 * posted_pins[V] first, then V in level[]. The vCPU dequeues in the opposite order: it clears
 * level[] first, then posted_pins[V]. If another pin is posted between these two, it is dequeued at
 * once; the bit in level[] that follows it finds posted_pins[V] empty and is ignored. So without a
 * lock no delivery is lost or dequeued twice.
 *
 * Pure: the atomics are C11's. Read next: tokens.h. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/interrupts/vector_set.h"

struct inbox {
    /* No illegal vector: the processor would accept it. The SDM asks for an address that is a
     * multiple of 64; Bochs 3.0 refuses the VM entry unless it is one of 4096. */
    _Alignas(4096) _Atomic uint64_t pir[4];
    /* Bit 0 is ON. The processor does not modify the other bits: they are the vCPU's own requests
     * (vmm/vcpu/vcpu.h), and so is ON. Nothing else here accesses the word. */
    _Atomic uint32_t requests;
    _Alignas(64) _Atomic uint64_t level[4]; /* bits 0 to 15: illegal vectors, which have no pins */
    _Atomic uint32_t posted_pins[VECTOR_COUNT]; /* bit p: a level delivery from pin p */
};

/*@ predicate same_bits_but(integer old, integer new, integer n) =
  @     \forall integer b; 0 <= b < 64 && b != n ==> (bit(old, b) <==> bit(new, b));
  @*/

_Static_assert(offsetof(struct inbox, requests) == 32 && offsetof(struct inbox, level) == 64,
               "SDM Vol. 3C, \"Format of Posted-Interrupt Descriptor\"");

/* Empties the inbox; no CPU may be posting to it. */
void inbox_reset(struct inbox *inbox);

/* Any CPU may post at any time; the poster kicks the vCPU afterwards. The contracts say what a
 * function does if no other CPU does anything meanwhile. */
/*@ requires \valid(inbox);
  @ assigns inbox->pir[vector / 64];
  @ ensures bit(inbox->pir[vector / 64], vector % 64);
  @ ensures same_bits_but(\old(inbox->pir[vector / 64]), inbox->pir[vector / 64], vector % 64);
  @*/
void inbox_post_edge(struct inbox *inbox, uint8_t vector);
/*@ requires \valid(inbox);
  @ assigns inbox->level[vector / 64], inbox->posted_pins[vector];
  @ ensures bit(inbox->level[vector / 64], vector % 64);
  @ ensures same_bits_but(\old(inbox->level[vector / 64]), inbox->level[vector / 64], vector % 64);
  @ ensures bit(inbox->posted_pins[vector], pin % 32);
  @ ensures same_bits_but(\old(inbox->posted_pins[vector]), inbox->posted_pins[vector], pin % 32);
  @*/
void inbox_post_level(struct inbox *inbox, uint8_t vector, unsigned pin);
/* For a vector below 16, which is not accepted: it is dequeued with the levels, and has no pins. */
void inbox_post_illegal(struct inbox *inbox, uint8_t vector);

/* Called before each entry that has any work. Written out, it takes a third of the instructions of
 * a loop. */
static inline bool inbox_is_empty(const struct inbox *inbox) {
#define WORD(array, i) atomic_load_explicit(&inbox->array[i], memory_order_acquire)
    return (WORD(pir, 0) | WORD(pir, 1) | WORD(pir, 2) | WORD(pir, 3) | WORD(level, 0) |
            WORD(level, 1) | WORD(level, 2) | WORD(level, 3)) == 0;
#undef WORD
}

/* A load first: an exchange costs a locked bus cycle. */
/*@ requires \valid(word);
  @ assigns *word;
  @ ensures \result == \old(*word) && *word == 0;
  @*/
static inline uint64_t inbox_dequeue_word(_Atomic uint64_t *word) {
    return atomic_load_explicit(word, memory_order_acquire) ? atomic_exchange(word, 0) : 0;
}

/* The vCPU's own CPU dequeues word i (vectors 64 i to 64 i + 63) of either kind... */
/*@ requires \valid(inbox);
  @ assigns inbox->pir[word % 4];
  @ ensures \result == \old(inbox->pir[word % 4]) && inbox->pir[word % 4] == 0;
  @*/
static inline uint64_t inbox_dequeue_edges(struct inbox *inbox, unsigned word) {
    return inbox_dequeue_word(&inbox->pir[word % 4]);
}

/*@ requires \valid(inbox);
  @ assigns inbox->level[word % 4];
  @ ensures \result == \old(inbox->level[word % 4]) && inbox->level[word % 4] == 0;
  @*/
static inline uint64_t inbox_dequeue_levels(struct inbox *inbox, unsigned word) {
    return inbox_dequeue_word(&inbox->level[word % 4]);
}

/* ...and for each level vector its pins: 0 if they were dequeued with an earlier bit. */
/*@ requires \valid(inbox);
  @ assigns inbox->posted_pins[vector];
  @ ensures \result == \old(inbox->posted_pins[vector]) && inbox->posted_pins[vector] == 0;
  @*/
uint32_t inbox_dequeue_pins(struct inbox *inbox, uint8_t vector);
