/* memcpy() and memset() of bytes, for `make prove`: Frama-C's contracts for them have pointers to
 * void, of which WP does not know what they point to. These say the same. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "lib/memory.h"

/*@ requires target: size == 0 || \valid(to + (0 .. size - 1));
  @ requires source: size == 0 || \valid_read(from + (0 .. size - 1));
  @ requires apart: \separated(to + (0 .. size - 1), from + (0 .. size - 1));
  @ assigns to[0 .. size - 1] \from from[0 .. size - 1]; */
void analysis_copy(uint8_t *to, const uint8_t *from, size_t size);

/*@ requires target: size == 0 || \valid(to + (0 .. size - 1));
  @ assigns to[0 .. size - 1] \from value; */
void analysis_fill(uint8_t *to, int value, size_t size);

#define memcpy(to, from, size)  analysis_copy(to, from, size)
#define memset(to, value, size) analysis_fill(to, value, size)
