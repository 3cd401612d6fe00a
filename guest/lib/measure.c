/* What an operation costs: see measure.h. */
#include "guest/lib/measure.h"

#include "guest/lib/console.h"
#include "guest/lib/instructions.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/report.h"

static void sort(uint64_t *value, uint32_t count) {
    for (uint32_t i = 1; i < count; i++) {
        uint64_t v = value[i];
        uint32_t j = i;
        for (; j > 0 && value[j - 1] > v; j--)
            value[j] = value[j - 1];
        value[j] = v;
    }
}

static uint64_t minus(uint64_t value, uint64_t overhead) {
    return value > overhead ? value - overhead : 0;
}

bool measure(uint64_t (*once)(void), uint32_t rounds, uint64_t overhead,
             struct measurement *result) {
    static uint64_t cost[MEASURE_MAX_ROUNDS];
    uint64_t sum = 0;
    if (rounds < 1 || rounds > MEASURE_MAX_ROUNDS)
        return false;
    for (uint32_t i = 0; i < rounds; i++) {
        cost[i] = once();
        if (cost[i] == MEASURE_FAILED)
            return false;
        sum += cost[i];
    }
    sort(cost, rounds);
    *result = (struct measurement){
        .median = minus(cost[rounds / 2], overhead),
        .mean = minus(sum / rounds, overhead),
        .min = minus(cost[0], overhead),
        .max = minus(cost[rounds - 1], overhead),
    };
    return true;
}

static uint64_t empty(void) {
    uint64_t start = rdtsc();
    return rdtsc() - start;
}

uint64_t measure_overhead(uint32_t rounds) {
    struct measurement overhead = {0};
    measure(empty, rounds, 0, &overhead);
    return overhead.median;
}

bool measure_and_report(const char *name, uint64_t (*once)(void), uint32_t rounds,
                        uint64_t overhead) {
    struct measurement result = {0};
    bool ok = measure(once, rounds, overhead, &result);
    if (report(ok, "%s: %u rounds", name, rounds))
        print("BENCH name=%s instructions=%lu mean=%lu min=%lu max=%lu\n", name, result.median,
              result.mean, result.min, result.max);
    return ok;
}

uint64_t measure_reroute(void) {
    static uint32_t destination;
    destination ^= 1u << (RTE_DESTINATION_SHIFT - 32);
    ioapic_select(ioapic_high_half(MEASURE_PIN));
    uint64_t start = rdtsc();
    ioapic_write_selected(destination);
    return rdtsc() - start;
}
