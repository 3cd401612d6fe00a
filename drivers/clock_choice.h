/* Which of several sources gives the frequency of the TSC, and how a frequency follows from a
 * measurement.
 *
 * A measurement counts ticks of the TSC while another clock counts a known time. Whatever delays
 * the CPU in between (an SMI, the host of a virtual machine) makes the result too high, so the
 * least of several is the best. CPUID leaf 15H is exact where it names the crystal's frequency, but
 * emulators report what their TSC does not do, so a measurement that is far off wins. Leaf 16H is a
 * name, 2100 MHz for 2095.08, so it counts only if there is nothing else. Pure. SDM Vol. 3B,
 * "Determining the Processor Base Frequency". Read next: tsc.c. */
#pragma once
#include <stdint.h>

#define CLOCK_MEASUREMENTS 3

struct clock_sources {
    uint64_t crystal_hz;                   /* CPUID leaf 15H with ECX; 0: it does not say */
    uint64_t hypervisor_khz;               /* leaf 40000010H; 0: none */
    uint64_t nominal_mhz;                  /* leaf 16H; 0: none */
    uint64_t measured[CLOCK_MEASUREMENTS]; /* in Hz; 0: failed */
};

/* The frequency in Hz, never 0, and in *source where it comes from, in words. */
uint64_t clock_choose(const struct clock_sources *sources, const char **source);

/* The frequency of a clock that has counted `counted` ticks while another of frequency `hz` has
 * counted `elapsed`, in Hz; 0 if `elapsed` is 0. Exact to 1 kHz for less than 2^32 ticks and up to
 * 2^41 Hz. */
uint64_t clock_frequency(uint64_t counted, uint64_t elapsed, uint64_t hz);
