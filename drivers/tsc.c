/* The TSC's frequency: see tsc.h. */
#include "drivers/tsc.h"

#include "arch/cpuid.h"
#include "arch/instructions.h"

#define PIT_FREQUENCY 1193182
#define PIT_CHANNEL2  0x42
#define PIT_COMMAND   0x43
#define PORT_B        0x61 /* bit 0: gate of channel 2; bit 1: speaker; bit 5: output of channel 2 */
#define MEASURE_MS    10
#define READS_MAX     1000000 /* of port B; then the output is considered stuck */
/* The assumption if no frequency is known. */
#define FALLBACK_HZ 1000000000

static uint64_t frequency = FALLBACK_HZ;

/* The frequency by counting TSC ticks while channel 2 counts down in mode 0; 0 if its output does
 * not rise. */
static uint64_t tsc_measure(void) {
    const uint16_t count = PIT_FREQUENCY * MEASURE_MS / 1000;
    uint8_t port_b = in8(PORT_B);

    out8(PORT_B, (uint8_t)((port_b & ~2) | 1));
    out8(PIT_COMMAND, 0xb0); /* channel 2, both bytes, mode 0 */
    out8(PIT_CHANNEL2, count & 0xff);
    out8(PIT_CHANNEL2, count >> 8);
    uint64_t start = rdtsc();
    unsigned reads = 0;
    while (!(in8(PORT_B) & 0x20) && reads < READS_MAX)
        reads++;
    uint64_t ticks = rdtsc() - start;
    out8(PORT_B, port_b);
    /* On a machine without an 8254 the output reads as high from the start. */
    return reads < 10 || reads == READS_MAX ? 0 : ticks * (1000 / MEASURE_MS);
}

/* The frequency that CPUID reports; 0 if it reports none. */
static uint64_t tsc_from_cpuid(void) {
    if (cpuid_has_leaf(CPUID_LEAF_TSC)) {
        struct cpuid_result r = cpuid(CPUID_LEAF_TSC, 0);
        if (r.eax && r.ebx && r.ecx)
            return (uint64_t)r.ecx * r.ebx / r.eax;
    }
    if (cpuid_has_leaf(CPUID_LEAF_FREQUENCY))
        return (uint64_t)(cpuid(CPUID_LEAF_FREQUENCY, 0).eax & 0xffff) * 1000000;
    return 0;
}

const char *tsc_init(void) {
    uint64_t reported = tsc_from_cpuid();
    uint64_t measured = tsc_measure();

    if (!measured) {
        frequency = reported ? reported : FALLBACK_HZ;
        return reported ? "CPUID; no 8254 to check it"
                        : "assumed: neither CPUID nor an 8254 reports a frequency";
    }
    uint64_t difference = reported > measured ? reported - measured : measured - reported;
    if (difference < measured / 50) {
        frequency = reported;
        return "CPUID; the 8254 agrees";
    }
    frequency = measured;
    return reported ? "measured; CPUID reports a different frequency" : "measured";
}

uint64_t tsc_frequency(void) {
    return frequency;
}

void tsc_delay_us(uint64_t microseconds) {
    uint64_t start = rdtsc();
    uint64_t ticks = tsc_ticks(microseconds);

    while (rdtsc() - start < ticks)
        cpu_pause();
}
