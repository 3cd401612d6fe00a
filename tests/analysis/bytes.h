/* memcpy() and memset() of bytes, for `make prove`: Frama-C's contracts for them have pointers to
 * void, of which WP does not know what they point to. These say the same. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "lib/index_clamp.h"
#include "lib/memory.h"

/*@ requires target: size == 0 || \valid(to + (0 .. size - 1));
  @ requires source: size == 0 || \valid_read(from + (0 .. size - 1));
  @ requires apart: \separated(to + (0 .. size - 1), from + (0 .. size - 1));
  @ assigns to[0 .. size - 1] \from from[0 .. size - 1]; */
void analysis_copy(uint8_t *to, const uint8_t *from, size_t size);

/*@ requires target: size == 0 || \valid(to + (0 .. size - 1));
  @ assigns to[0 .. size - 1] \from value; */
void analysis_fill(uint8_t *to, int value, size_t size);

/* What lib/index_clamp.h says of offset_clamp(); tests/unit/test_range.c compares it. */
/*@ requires in_range: 1 <= count <= 0x8000000000000000;
  @ assigns \nothing;
  @ ensures \result == (offset < count ? offset : 0); */
uint64_t analysis_clamp(uint64_t offset, uint64_t count);

#define offset_clamp(offset, count) analysis_clamp(offset, count)
#define memcpy(to, from, size)      analysis_copy(to, from, size)
#define memset(to, value, size)     analysis_fill(to, value, size)
