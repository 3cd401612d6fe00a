/* The time: the TSC and its frequency.
 *
 * CPUID says it (leaves 15H and 16H), but emulators and some firmware say it wrongly, so it is
 * measured against the 8254 and CPUID's word is taken only where the two agree, or where there is
 * no 8254. SDM Vol. 3B, "Determining the Processor Base Frequency". */
#pragma once
#include <stdint.h>

/* Measures, 10 ms; returns where the number is from, in words. */
const char *tsc_init(void);
/* In Hz; never 0. */
uint64_t tsc_frequency(void);
/* A number of ticks of one clock, in ticks of another. */
static inline uint64_t tsc_scale(uint64_t ticks, uint64_t from_hz, uint64_t to_hz) {
    return ticks / from_hz * to_hz + ticks % from_hz * to_hz / from_hz;
}
/* Busy-waits. */
void tsc_delay_us(uint64_t microseconds);
