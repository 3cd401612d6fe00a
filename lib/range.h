/* Arithmetic on ranges of offsets, addresses and numbers. Pure. Read next: lib/index_clamp.h, for
 * an index from a guest after its check. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Whether [offset, offset + size) lies in [0, total). An empty range may begin at `total`. */
/*@ assigns \nothing;
  @ ensures \result <==> offset + size <= total; */
static inline bool range_within(uint64_t offset, uint64_t size, uint64_t total) {
    return offset <= total && size <= total - offset;
}

/* value, or the nearer of the two limits. least <= most. */
static inline uint32_t range_clamp(uint32_t least, uint32_t value, uint32_t most) {
    return value < least ? least : value > most ? most : value;
}

/* The next multiple of `unit` from `value` on; 0 if that is 2^64. unit: a power of two. */
static inline uint64_t range_round_up(uint64_t value, uint64_t unit) {
    return (value + unit - 1) & ~(unit - 1);
}

/* The multiple of `unit` at or below `value`. unit: a power of two. */
static inline uint64_t range_round_down(uint64_t value, uint64_t unit) {
    return value & ~(unit - 1);
}
