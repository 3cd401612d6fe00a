/* What other CPUs have posted to a vCPU and its IRR does not show yet: the PIR.
 *
 * Edge interrupts set a bit in pir[], and that is all; real posted interrupts would do the same.
 * Level deliveries carry the pin they came from: first posted_pins[V] gets the pin, then level[]
 * gets V. Taking them empties level[] first, then posted_pins[V]: a pin that was added in between
 * is taken early, and the bit that announces it later finds an empty mask and means nothing. So no
 * delivery is lost or seen twice, without a lock.
 *
 * Pure: atomics are the language's. Read next: tokens.h. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/interrupts/vector_set.h"

struct inbox {
    _Atomic uint64_t pir[4];
    _Atomic uint64_t level[4];
    _Atomic uint32_t posted_pins[VECTOR_COUNT]; /* bit p: pin p's level delivery */
};

/* Empties the inbox; nobody may be posting. */
void inbox_reset(struct inbox *inbox);

/* Any CPU may post at any time; the poster kicks the vCPU afterwards. */
void inbox_post_edge(struct inbox *inbox, uint8_t vector);
void inbox_post_level(struct inbox *inbox, uint8_t vector, unsigned pin);

/* Whether there is nothing to take. Looked at before each entry that has any work: written out, it
 * is a third as long as a loop. */
static inline bool inbox_is_empty(const struct inbox *inbox) {
#define WORD(array, i) atomic_load_explicit(&inbox->array[i], memory_order_acquire)
    return (WORD(pir, 0) | WORD(pir, 1) | WORD(pir, 2) | WORD(pir, 3) | WORD(level, 0) |
            WORD(level, 1) | WORD(level, 2) | WORD(level, 3)) == 0;
#undef WORD
}

/* An exchange costs a locked bus cycle: look before taking. */
static inline uint64_t inbox_take_word(_Atomic uint64_t *word) {
    return atomic_load_explicit(word, memory_order_acquire) ? atomic_exchange(word, 0) : 0;
}

/* The vCPU's own CPU takes word i (vectors 64 i to 64 i + 63) of either kind... */
static inline uint64_t inbox_take_edges(struct inbox *inbox, unsigned word) {
    return inbox_take_word(&inbox->pir[word & 3]);
}

static inline uint64_t inbox_take_levels(struct inbox *inbox, unsigned word) {
    return inbox_take_word(&inbox->level[word & 3]);
}

/* ...and for each vector of the latter the pins: 0 means that they were taken before. */
uint32_t inbox_take_pins(struct inbox *inbox, uint8_t vector);
