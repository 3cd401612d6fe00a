/* The frequency of the TSC from several sources: see clock_choice.h. */
#include "drivers/clock_choice.h"

#define FALLBACK_HZ 1000000000ULL

/* How far a value may be from the measurement and still be believed: one part in 20. In a virtual
 * machine whose host is busy every measurement may be a percent or two too high. */
#define TOLERANCE 20

static uint64_t least(const uint64_t measured[CLOCK_MEASUREMENTS]) {
    uint64_t result = 0;

    for (unsigned i = 0; i < CLOCK_MEASUREMENTS; i++) {
        if (measured[i] && (!result || measured[i] < result))
            result = measured[i];
    }
    return result;
}

static uint64_t difference(uint64_t a, uint64_t b) {
    return a > b ? a - b : b - a;
}

uint64_t clock_choose(const struct clock_sources *s, const char **source) {
    uint64_t measured = least(s->measured);
    uint64_t reported = s->crystal_hz ? s->crystal_hz : s->hypervisor_khz * 1000;

    if (reported && (!measured || difference(reported, measured) <= measured / TOLERANCE)) {
        *source = s->crystal_hz ? "CPUID" : "the hypervisor below";
        return reported;
    }
    if (measured) {
        *source = reported ? "measured; CPUID reports a different frequency" : "measured";
        return measured;
    }
    *source = s->nominal_mhz ? "CPUID's nominal frequency; no clock to measure by"
                             : "assumed: neither CPUID nor a clock reports a frequency";
    return s->nominal_mhz ? s->nominal_mhz * 1000000 : FALLBACK_HZ;
}

uint64_t clock_frequency(uint64_t counted, uint64_t elapsed, uint64_t hz) {
    return elapsed ? counted * (hz / 1000) / elapsed * 1000 : 0;
}
