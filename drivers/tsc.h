/* The frequency of the TSC, and waiting by it.
 *
 * CPUID leaves 15H and 16H report the frequency, but emulators and some firmware report it wrongly.
 * So it is measured against the 8254, and CPUID's value is used only if the two agree, or if there
 * is no 8254. SDM Vol. 3B, "Determining the Processor Base Frequency". Read next:
 * vmm/interrupts/vlapic_timer.h. */
#pragma once
#include <stdint.h>

/* Determines the frequency, in 10 ms. Returns where it comes from, in words. */
const char *tsc_init(void);

/* In Hz; never 0. */
uint64_t tsc_frequency(void);

/* A number of microseconds in ticks of the TSC, rounded down. */
static inline uint64_t tsc_ticks(uint64_t microseconds) {
    return tsc_frequency() / 1000000 * microseconds;
}

/* Busy-waits for at least this time, up to rounding. */
void tsc_delay_us(uint64_t microseconds);
