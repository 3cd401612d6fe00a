/* What an IPI, a broadcast, a reroute and a scan cost, as a function of the number of vCPUs: only
 * what the sender pays for. Look at the lines BENCH name=NAME_N instructions=..., N vCPUs.
 *
 * For exact counts the guest runs on one physical CPU: bench.c. All vCPUs but the first wait in HLT
 * and handle what they were sent when the first one's turn is over. */
#include "guest/lib/apic.h"
#include "guest/lib/command_line.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/measure.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"
#include "lib/format.h"

#define VECTOR       0x62
#define VECTOR_LEVEL 0x51
#define BROADCAST    0xffffffff

CPUS_ROOM(64);

static uint32_t vcpus;

static void on_interrupt(uint8_t vector) {
    (void)vector;
    apic_eoi();
}

static void listen(void) {
    for (;;) {
        interrupts_on_and_halt();
        interrupts_off();
    }
}

static uint64_t send(uint32_t destination, uint32_t command) {
    uint64_t start = rdtsc();
    apic_send(destination, command | (uint32_t)APIC_ICR_ASSERT | VECTOR);
    return rdtsc() - start;
}

/* The last vCPU is the one that a search would find last. */
static uint64_t ipi_one(void) {
    return send(vcpus - 1, 0);
}

static uint64_t ipi_logical(void) {
    uint32_t last = vcpus - 1;
    return send(last / 16 << 16 | 1u << last % 16, APIC_ICR_LOGICAL);
}

static uint64_t ipi_lowest(void) {
    return send(BROADCAST, APIC_DELIVERY_LOWEST_PRIORITY << 8);
}

static uint64_t ipi_broadcast(void) {
    return send(0, (uint32_t)APIC_ICR_OTHERS);
}

/* Between two other vCPUs, so that it costs the sender no scan. */
static uint64_t reroute_others(void) {
    static uint8_t last;
    last ^= 1;
    ioapic_select(ioapic_high_half(MEASURE_PIN));
    uint64_t start = rdtsc();
    ioapic_write_selected((uint32_t)(vcpus - 1 - last) << 24);
    return rdtsc() - start;
}

/* Between this vCPU and another: with this vCPU's scan. */
static uint64_t reroute_own(void) {
    return measure_reroute();
}

/* Other destinations match: all vCPUs have to scan. This one does at once, twice. */
static uint64_t lapic_off_and_on(void) {
    uint64_t start = rdtsc();
    apic_software_disable();
    apic_software_enable();
    return rdtsc() - start;
}

static const struct {
    const char *name;
    uint64_t (*once)(void);
    uint32_t least; /* vCPUs */
} benches[] = {
    {"ipi_one", ipi_one, 2},
    {"ipi_logical", ipi_logical, 2},
    {"ipi_lowest", ipi_lowest, 2},
    {"ipi_broadcast", ipi_broadcast, 1},
    {"rte_reroute_others", reroute_others, 3},
    {"rte_reroute_own", reroute_own, 2},
    {"lapic_off_and_on", lapic_off_and_on, 1},
};

void guest_main(void) {
    if (!apic_init(true)) {
        report_skip("many vCPUs", "this machine has no x2APIC mode");
        report_done();
    }
    vcpus = cpus_start(0);
    report(vcpus == command_line_number("vcpus", 1), "%u vCPUs run", vcpus);
    interrupt_handle(VECTOR, on_interrupt);
    for (uint32_t i = 1; i < vcpus; i++)
        cpu_run(i, listen);
    ioapic_write_entry(MEASURE_PIN, rte_level(VECTOR_LEVEL, 0) | RTE_MASKED);
    interrupts_on();
    uint64_t overhead = measure_overhead(MEASURE_ROUNDS);
    for (uint32_t i = 0; i < sizeof benches / sizeof benches[0]; i++) {
        char name[32];

        format(name, sizeof(name), "%s_%u", benches[i].name, vcpus);
        if (vcpus >= benches[i].least)
            measure_and_report(name, benches[i].once, MEASURE_ROUNDS, overhead);
    }
    interrupts_off();
    report_done();
}
