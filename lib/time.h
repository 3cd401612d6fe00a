/* Points in time, as counts of a clock's ticks. Pure. */
#pragma once
#include <stdint.h>

/* The time of an event that will not happen. It is later than every other time, so that the earlier
 * of two times is always the smaller number. */
#define TIME_NEVER UINT64_MAX

/* Converts a number of ticks of a clock of from_hz into ticks of a clock of to_hz, rounded down.
 * from_hz is not 0, and from_hz * to_hz fits 64 bits. */
static inline uint64_t time_scale(uint64_t ticks, uint64_t from_hz, uint64_t to_hz) {
    return ticks / from_hz * to_hz + ticks % from_hz * to_hz / from_hz;
}
