/* Measures what an operation costs: the median of many rounds, in TSC ticks. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define MEASURE_MAX_ROUNDS 1001
#define MEASURE_FAILED     UINT64_MAX /* returned by a round that did not complete */

struct measurement {
    uint64_t median, mean, min, max; /* in TSC ticks, without the overhead */
};

#define MEASURE_ROUNDS 201 /* the default */

/* Calls once() `rounds` times (1 to MEASURE_MAX_ROUNDS); each call returns how long its round took.
 * False: `rounds` is out of range, or a round failed. */
bool measure(uint64_t (*once)(void), uint32_t rounds, uint64_t overhead,
             struct measurement *result);

/* A round that changes the destination of MEASURE_PIN's entry by one write, to vCPU 1 and to vCPU 0
 * in turn. */
#define MEASURE_PIN 11
uint64_t measure_reroute(void);

/* What an empty round costs. */
uint64_t measure_overhead(uint32_t rounds);

/* Measures, reports a test that fails if a round failed, and prints the line
 * BENCH name=NAME instructions=N, where N is the median. */
bool measure_and_report(const char *name, uint64_t (*once)(void), uint32_t rounds,
                        uint64_t overhead);
