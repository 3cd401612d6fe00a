/* A set of interrupt vectors: 256 bits in four words, the layout of the EOI-exit bitmaps.
 *
 * Pure. Every function accepts any vector from 0 to 255; none can fail. What a function does is
 * said twice: in words, and as a contract in ACSL, which `make prove` proves. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define VECTOR_COUNT 256

struct vector_set {
    uint64_t word[4];
};

/* The words of the contracts, also of those in other headers. */
/*@ predicate bit(integer word, integer n) = (word & (1 << n)) != 0;
  @
  @ predicate in_set{L}(struct vector_set *s, integer vector) =
  @     bit(s->word[vector / 64], vector % 64);
  @
  @ predicate same_but{L1, L2}(struct vector_set *s, integer vector) =
  @     \forall integer v; 0 <= v < VECTOR_COUNT && v != vector ==>
  @         (\at(in_set(s, v), L1) <==> \at(in_set(s, v), L2));
  @*/

/* Whether the vector is in the set. */
/*@ requires \valid_read(set);
  @ assigns \nothing;
  @ ensures \result <==> in_set(set, vector);
  @*/
static inline bool vector_set_has(const struct vector_set *set, uint8_t vector) {
    return (set->word[vector / 64] >> (vector % 64)) & 1;
}

/* The vector is in the set; of the others as many as before. */
/*@ requires \valid(set);
  @ assigns set->word[vector / 64];
  @ ensures set->word[vector / 64] == (\old(set->word[vector / 64]) | (1 << vector % 64));
  @ ensures in_set(set, vector);
  @ ensures same_but{Pre, Post}(set, vector);
  @*/
static inline void vector_set_add(struct vector_set *set, uint8_t vector) {
    set->word[vector / 64] |= 1ULL << (vector % 64);
}

/* The vector is not in the set; of the others as many as before. The provers know OR and XOR of
 * bits; the compiler makes one AND of them. */
/*@ requires \valid(set);
  @ assigns set->word[vector / 64];
  @ ensures !in_set(set, vector);
  @ ensures same_but{Pre, Post}(set, vector);
  @*/
static inline void vector_set_remove(struct vector_set *set, uint8_t vector) {
    uint64_t bit = 1ULL << (vector % 64);

    set->word[vector / 64] = (set->word[vector / 64] | bit) ^ bit;
}

/* No vector is in the set. */
/*@ requires \valid_read(set);
  @ assigns \nothing;
  @ ensures \result <==> \forall integer i; 0 <= i < 4 ==> set->word[i] == 0;
  @*/
static inline bool vector_set_is_empty(const struct vector_set *set) {
    return (set->word[0] | set->word[1] | set->word[2] | set->word[3]) == 0;
}

/* Both sets have the same vectors. */
/*@ requires \valid_read(a) && \valid_read(b);
  @ assigns \nothing;
  @ ensures \result <==> \forall integer i; 0 <= i < 4 ==> a->word[i] == b->word[i];
  @*/
static inline bool vector_set_equal(const struct vector_set *a, const struct vector_set *b) {
    return a->word[0] == b->word[0] && a->word[1] == b->word[1] && a->word[2] == b->word[2] &&
           a->word[3] == b->word[3];
}

/* The highest vector in the set, or -1 if it is empty. */
/*@ requires \valid_read(set);
  @ assigns \nothing;
  @ ensures -1 <= \result < VECTOR_COUNT;
  @ ensures \result < 0 ==> \forall integer i; 0 <= i < 4 ==> set->word[i] == 0;
  @ ensures \forall integer i; \result / 64 < i < 4 ==> set->word[i] == 0;
  @ ensures \result >= 0 ==> set->word[\result / 64] != 0;
  @*/
static inline int vector_set_highest(const struct vector_set *set) {
    /*@ loop invariant -1 <= i <= 3;
      @ loop invariant \forall integer k; i < k < 4 ==> set->word[k] == 0;
      @ loop assigns i;
      @ loop variant i;
      @*/
    for (int i = 3; i >= 0; i--) {
        if (set->word[i])
            return i * 64 + 63 - __builtin_clzll(set->word[i]);
    }
    return -1;
}
