/* The TSC's frequency: see tsc.h. */
#include "drivers/tsc.h"

#include "arch/cpuid.h"
#include "arch/instructions.h"
#include "drivers/clock_choice.h"

#define PIT_FREQUENCY 1193182
#define PIT_CHANNEL2  0x42
#define PIT_COMMAND   0x43
#define PORT_B        0x61 /* bit 0: gate of channel 2; bit 1: speaker; bit 5: output of channel 2 */
#define MEASURE_MS    10

/* A measurement that takes longer is given up: 40 ms of the fastest TSC, and 0.2 s of a slow one.
 * On machines whose 8254 is gated its output never rises. */
#define TICKS_MAX 200000000ULL

/* If the output is high after fewer reads, there is no 8254: it reads as high from the start. */
#define READS_MIN 10

/* Until tsc_init(), for a panic's waits: too high makes them too long, which is harmless. */
static uint64_t frequency = 4000000000;

/* The frequency by counting TSC ticks while channel 2 counts down in mode 0; 0 if its output does
 * not rise. */
static uint64_t measure_by_pit(void) {
    const uint16_t count = PIT_FREQUENCY * MEASURE_MS / 1000;
    uint8_t port_b = in8(PORT_B);

    out8(PORT_B, (uint8_t)((port_b & ~2) | 1));
    out8(PIT_COMMAND, 0xb0); /* channel 2, both bytes, mode 0 */
    out8(PIT_CHANNEL2, count & 0xff);
    out8(PIT_CHANNEL2, count >> 8);
    uint64_t start = rdtsc(), ticks = 0;
    unsigned reads = 0;
    while (!(in8(PORT_B) & 0x20) && ticks < TICKS_MAX) {
        ticks = rdtsc() - start;
        reads++;
    }
    ticks = rdtsc() - start;
    out8(PORT_B, port_b);
    return reads < READS_MIN || ticks >= TICKS_MAX ? 0
                                                   : clock_frequency(ticks, count, PIT_FREQUENCY);
}

/* The same by ACPI's timer, which no firmware gates. */
static uint64_t measure_by_acpi(const struct acpi_pm_timer *timer) {
    const uint32_t mask = timer->wide ? 0xffffffff : 0xffffff;
    const uint32_t count = ACPI_PM_TIMER_HZ / 1000 * MEASURE_MS;

    if (!timer->port)
        return 0;
    uint32_t first = in32(timer->port) & mask, counted = 0;
    uint64_t start = rdtsc(), ticks = 0;
    while (counted < count && ticks < TICKS_MAX) {
        counted = (in32(timer->port) - first) & mask;
        ticks = rdtsc() - start;
    }
    return ticks >= TICKS_MAX ? 0 : clock_frequency(ticks, counted, ACPI_PM_TIMER_HZ);
}

static void read_cpuid(struct clock_sources *sources) {
    if (cpuid_has_leaf(CPUID_LEAF_TSC)) {
        struct cpuid_result r = cpuid(CPUID_LEAF_TSC, 0);
        if (r.eax && r.ebx)
            sources->crystal_hz = (uint64_t)r.ecx * r.ebx / r.eax;
    }
    if (cpuid_has_leaf(CPUID_LEAF_FREQUENCY))
        sources->nominal_mhz = cpuid(CPUID_LEAF_FREQUENCY, 0).eax & 0xffff;
    if ((cpuid(CPUID_LEAF_FEATURES, 0).ecx & CPUID_1_ECX_HYPERVISOR) &&
        cpuid_has_leaf(CPUID_LEAF_HYPERVISOR_TIMING))
        sources->hypervisor_khz = cpuid(CPUID_LEAF_HYPERVISOR_TIMING, 0).eax;
}

const char *tsc_init(const struct acpi_pm_timer *timer) {
    struct clock_sources sources = {0};
    const char *source;
    bool use_pit = true;

    read_cpuid(&sources);
    for (unsigned i = 0; i < CLOCK_MEASUREMENTS; i++) {
        sources.measured[i] = use_pit ? measure_by_pit() : 0;
        use_pit = use_pit && sources.measured[i];
        if (!use_pit)
            sources.measured[i] = measure_by_acpi(timer);
    }
    frequency = clock_choose(&sources, &source);
    return source;
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
