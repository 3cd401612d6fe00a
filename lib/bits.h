/* The bits of an integer as a set of small numbers: vCPUs, pins, words of a larger set. Pure. Read
 * next: vmm/interrupts/vector_set.h, a set of 256. */
#pragma once
#include <stdbool.h>

/* The number of the lowest bit that is 1 in x, which is not 0. A 32-bit integer gets the 32-bit
 * instruction: extending it to 64 bits would cost another instruction in each iteration. */
#define lowest_bit(x)                                                                              \
    ((unsigned)(sizeof(x) > sizeof(int) ? __builtin_ctzll(x) : __builtin_ctz((unsigned)(x))))

/* A loop over the bits that are 1 in `set`, an integer of up to 64 bits, from the lowest up. `bit`
 * is the name of an unsigned variable that holds the number of the bit in each iteration; after the
 * loop its value is that of the last one. `set` is evaluated once, before the first iteration: the
 * loop body may change what it was computed from. `break` and `continue` work as in any loop. */
#define for_each_bit(bit, set)                                                                     \
    for (__typeof__((set) + 0) bit##_left = (set);                                                 \
         bit##_left && (bit = lowest_bit(bit##_left), true); bit##_left &= bit##_left - 1)
