/* The frequency of the TSC, and waiting by it.
 *
 * It is read from CPUID and measured against the 8254 or, where that does not count, against ACPI's
 * timer; clock_choice.h decides between them. Read next: clock_choice.h,
 * vmm/interrupts/vlapic_timer.h. */
#pragma once
#include <stdint.h>

#include "drivers/acpi.h"

/* Determines the frequency, in 30 ms; 0.2 s for each clock that does not count. Returns where it
 * comes from, in words. */
const char *tsc_init(const struct acpi_pm_timer *timer);

/* In Hz; never 0. */
uint64_t tsc_frequency(void);

/* A number of microseconds in ticks of the TSC, rounded down. */
static inline uint64_t tsc_ticks(uint64_t microseconds) {
    return tsc_frequency() / 1000000 * microseconds;
}

/* Busy-waits for at least this time, up to rounding. */
void tsc_delay_us(uint64_t microseconds);
