/* Timing: many rounds of something, by the TSC. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define MEASURE_MAX_ROUNDS 1001
#define MEASURE_FAILED     UINT64_MAX /* what a round returns if something did not come */

struct measurement {
    uint64_t median, mean, min, max; /* in TSC ticks, the overhead taken off */
};

#define MEASURE_ROUNDS 201 /* if nothing else is wanted */

/* Calls once() so many times (1 to MEASURE_MAX_ROUNDS); each call returns how long its round took.
 * False: the number is out of range, or a round failed. */
bool measure(uint64_t (*once)(void), uint32_t rounds, uint64_t overhead,
             struct measurement *result);

/* A round that changes the destination of MEASURE_PIN's entry by one write: vCPU 1 and 0 in turn.
 */
#define MEASURE_PIN 11
uint64_t measure_reroute(void);

/* What an empty round costs: to be taken off. */
uint64_t measure_overhead(uint32_t rounds);

/* The same as a line BENCH name=NAME instructions=N (the median), and a test report that fails if a
 * round failed. */
bool measure_and_report(const char *name, uint64_t (*once)(void), uint32_t rounds,
                        uint64_t overhead);
