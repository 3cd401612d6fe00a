/* What an EOI costs: see eoi_cost.h. */
#include "guest/scorecard/eoi_cost.h"

#include "guest/invariants/scene.h"
#include "guest/lib/apic.h"
#include "guest/lib/cpus.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/measure.h"
#include "guest/lib/report.h"
#include "guest/scorecard/card.h"

#define EDGE   VECTOR(2, 7) /* vectors that no invariant uses */
#define LEVEL  VECTOR(3, 7)
#define ROUNDS 51

static struct {
    uint64_t edge, level, cpuid;      /* ticks of the TSC */
    uint64_t edge_exits, level_exits; /* in ROUNDS EOIs */
} cost;

static volatile uint64_t ticks;
static atomic_uint handled_here;

static void on_either(uint8_t vector) {
    if (vector == LEVEL)
        line(0, false);
    uint64_t start = rdtsc();
    apic_eoi();
    ticks = rdtsc() - start;
    atomic_fetch_add(&handled_here, 1);
}

static uint64_t once_more(uint32_t before) {
    return wait_at_least(&handled_here, before + 1) ? ticks : MEASURE_FAILED;
}

static uint64_t edge(void) {
    uint32_t before = atomic_load(&handled_here);
    apic_self_ipi(EDGE);
    return once_more(before);
}

static uint64_t level(void) {
    uint32_t before = atomic_load(&handled_here);
    line(0, true);
    return once_more(before);
}

static uint64_t one_exit(void) {
    uint64_t start = rdtsc();
    cpuid(0, 0);
    return rdtsc() - start;
}

static bool median(uint64_t (*once)(void), uint64_t *result, uint64_t *exits) {
    struct measurement measured;
    uint64_t before = eoi_exits(0);
    bool good = measure(once, ROUNDS, measure_overhead(ROUNDS), &measured);
    *result = measured.median;
    *exits = eoi_exits(0) - before;
    return good;
}

void eoi_cost_tests(void) {
    uint64_t none;
    scene_begin();
    interrupt_handle(EDGE, on_either);
    interrupt_handle(LEVEL, on_either);
    route(0, LEVEL, 0);
    report(median(edge, &cost.edge, &cost.edge_exits), "%u EOIs of an IPI", ROUNDS);
    report(median(level, &cost.level, &cost.level_exits), "%u EOIs of a line", ROUNDS);
    report(median(one_exit, &cost.cpuid, &none), "%u times CPUID", ROUNDS);
    scene_begin();
}

void eoi_cost_show(void) {
    card_line("TSC ticks: EOI of an IPI %lu, of a line %lu; CPUID (exits under VT-x) %lu",
              cost.edge, cost.level, cost.cpuid);
    if (scene_exits_unknown)
        card_line("exits per EOI: not counted by this hypervisor, so compare the ticks");
    else
        card_line("exits per EOI: of an IPI %lu/%u, of a line %lu/%u", cost.edge_exits, ROUNDS,
                  cost.level_exits, ROUNDS);
}
