/* A set of interrupt vectors: 256 bits in four words, the layout of the EOI-exit bitmaps.
 *
 * Pure. Every function accepts any vector from 0 to 255; none can fail. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define VECTOR_COUNT 256

struct vector_set {
    uint64_t word[4];
};

static inline bool vector_set_has(const struct vector_set *set, uint8_t vector) {
    return (set->word[vector >> 6] >> (vector & 63)) & 1;
}

static inline void vector_set_add(struct vector_set *set, uint8_t vector) {
    set->word[vector >> 6] |= 1ULL << (vector & 63);
}

static inline void vector_set_remove(struct vector_set *set, uint8_t vector) {
    set->word[vector >> 6] &= ~(1ULL << (vector & 63));
}

static inline bool vector_set_is_empty(const struct vector_set *set) {
    return (set->word[0] | set->word[1] | set->word[2] | set->word[3]) == 0;
}

static inline bool vector_set_equal(const struct vector_set *a, const struct vector_set *b) {
    return ((a->word[0] ^ b->word[0]) | (a->word[1] ^ b->word[1]) | (a->word[2] ^ b->word[2]) |
            (a->word[3] ^ b->word[3])) == 0;
}

/* The highest vector in the set, or -1 if it is empty. */
static inline int vector_set_highest(const struct vector_set *set) {
    for (int i = 3; i >= 0; i--) {
        if (set->word[i])
            return i * 64 + 63 - __builtin_clzll(set->word[i]);
    }
    return -1;
}
