/* The bits of an integer as a set of small numbers. Pure. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* A loop over the bits that are 1 in `set`, an integer of up to 64 bits, from the lowest up. `bit`
 * is the name of an unsigned variable that holds the number of the bit in each iteration; after the
 * loop its value is that of the last one. `set` is evaluated once, before the first iteration: the
 * loop body may change what it was computed from. `break` and `continue` work as in any loop. */
#define for_each_bit(bit, set)                                                                     \
    for (uint64_t bit##_left = (set);                                                              \
         bit##_left && (bit = (unsigned)__builtin_ctzll(bit##_left), true);                        \
         bit##_left &= bit##_left - 1)
