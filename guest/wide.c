/* A guest with many vCPUs, up to 64: which of them accept an IPI, by every kind of destination;
 * IPIs from each to each; a level-triggered interrupt that is routed to one after the other, and
 * moves on from its own handler, so that each EOI comes from a vCPU that the route no longer names.
 *
 * All vCPUs but the first wait in HLT. What a message has reached is known without waiting for a
 * time: a second one, of a lower priority and to all, follows it.
 *
 * Command line: xapic or x2apic (default: x2APIC if CPUID offers it); vcpus=N: how many are
 * expected. SDM Vol. 3A, "Determining IPI Destination", "Logical Destination Mode in x2APIC Mode".
 */
#include "guest/lib/apic.h"
#include "guest/lib/command_line.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"

#define ROOM           64
#define PIN            11
#define VECTOR_FLUSH   0x31 /* of a lower priority class than all that it follows */
#define VECTOR_FROM    0x40 /* the first of ROOM: from this vCPU */
#define VECTOR_LEVEL   0x91
#define VECTOR_CLUSTER 0xd1
#define VECTOR_STORM   0xe1
#define VECTOR         0xf1
#define IN_CLUSTER     16 /* LAPICs of a cluster in x2APIC mode */
#define IN_XAPIC       4  /* in the cluster model of xAPIC mode, which has 15 clusters */
#define XAPIC_CLUSTERS 15u

CPUS_ROOM(ROOM);

static uint32_t vcpus;
static uint64_t all; /* bit i: vCPU i */
static atomic_uint received[ROOM], flushed[ROOM], flushes, level_count[ROOM];
static atomic_uint arrivals; /* of the level interrupt */
static _Atomic uint64_t from[ROOM];
static bool moves_on; /* the level interrupt, from its handler */

/* ---- handlers ---- */

static void on_ipi(uint8_t vector) {
    (void)vector;
    atomic_fetch_add(&received[cpu_self()->index], 1);
    apic_eoi();
}

static void on_flush(uint8_t vector) {
    (void)vector;
    atomic_store(&flushed[cpu_self()->index], atomic_load(&flushes));
    apic_eoi();
}

static void on_ipi_from(uint8_t vector) {
    atomic_fetch_or(&from[cpu_self()->index], 1ULL << (vector - VECTOR_FROM));
    apic_eoi();
}

static void on_storm(uint8_t vector) {
    uint32_t self = cpu_self()->index;

    (void)vector;
    for (uint32_t i = 0; i < vcpus; i++) {
        if (i != self)
            apic_send_ipi(i, (uint8_t)(VECTOR_FROM + self));
    }
    apic_eoi();
}

static void on_cluster(uint8_t vector) {
    uint32_t self = cpu_self()->index, cluster = self / IN_XAPIC;

    (void)vector;
    apic_write(APIC_DFR, APIC_DFR_CLUSTER);
    if (cluster < XAPIC_CLUSTERS)
        apic_write(APIC_LDR, (cluster << 4 | 1u << self % IN_XAPIC) << 24);
    apic_eoi();
}

/* Only one vCPU at a time has it, so the I/O APIC's index register needs no lock. */
static void on_level(uint8_t vector) {
    uint32_t self = cpu_self()->index, next = self + 1;

    (void)vector;
    atomic_fetch_add(&level_count[self], 1);
    if (moves_on && next < vcpus)
        ioapic_reroute(PIN, (uint8_t)next);
    else
        line_set(PIN, 0);
    apic_eoi();
    atomic_fetch_add(&arrivals, 1);
}

/* ---- waiting ---- */

static void listen(void) {
    for (;;) {
        interrupts_on_and_halt();
        interrupts_off();
    }
}

/* Lets every vCPU handle what it has been sent. */
static bool flush(void) {
    uint32_t round = atomic_fetch_add(&flushes, 1) + 1;

    apic_send(0, (uint32_t)(APIC_ICR_ALL | APIC_ICR_ASSERT) | VECTOR_FLUSH);
    for (uint32_t i = 0; i < vcpus; i++) {
        if (!wait_at_least(&flushed[i], round))
            return report(false, "vCPU %u answers", i);
    }
    return true;
}

/* Whether the IPI is handled once by each of this set, and by no other. */
static bool goes_to(uint64_t expected, uint32_t destination, uint32_t command) {
    bool right = true;

    for (uint32_t i = 0; i < vcpus; i++)
        atomic_store(&received[i], 0);
    apic_send(destination, command | (uint32_t)APIC_ICR_ASSERT | VECTOR);
    if (!flush())
        return false;
    for (uint32_t i = 0; i < vcpus; i++)
        right = right && atomic_load(&received[i]) == (expected >> i & 1);
    return right;
}

/* ---- destinations ---- */

static void test_physical(void) {
    uint32_t broadcast = apic_x2apic_mode ? 0xffffffff : 0xff, right = 0;

    for (uint32_t i = 0; i < vcpus; i++)
        right += goes_to(1ULL << i, i, 0);
    report(right == vcpus, "physical: each by its APIC ID");
    report(goes_to(0, vcpus, 0) && goes_to(0, 254, 0), "physical: APIC IDs that no vCPU has");
    report(goes_to(all, broadcast, 0), "physical: broadcast by address");
    report(goes_to(all, 0, (uint32_t)APIC_ICR_ALL), "shorthand: all including self");
    report(goes_to(all & ~1ULL, 0, (uint32_t)APIC_ICR_OTHERS), "shorthand: all excluding self");
}

static void test_logical_x2apic(void) {
    uint32_t right = 0, sets = 0;

    for (uint32_t i = 0; i < vcpus; i++)
        right += goes_to(1ULL << i, i / IN_CLUSTER << 16 | 1u << i % IN_CLUSTER, APIC_ICR_LOGICAL);
    report(right == vcpus, "logical: each by its logical x2APIC ID");
    right = 0;
    for (uint32_t cluster = 0; cluster < ROOM / IN_CLUSTER; cluster++) {
        static const uint16_t members[] = {0xffff, 0x8001, 0x5555, 0x0ff0};
        for (uint32_t i = 0; i < 4; i++, sets++)
            right += goes_to((uint64_t)members[i] << IN_CLUSTER * cluster & all,
                             cluster << 16 | members[i], APIC_ICR_LOGICAL);
    }
    report(right == sets, "logical: sets of members of each cluster");
    report(goes_to(0, 0xfffeffff, APIC_ICR_LOGICAL), "logical: a cluster without vCPUs");
    report(goes_to(all, 0xffffffff, APIC_ICR_LOGICAL), "logical: the broadcast");
}

static void test_logical_xapic(void) {
    uint32_t right = 0, sets = 0;

    apic_send(0, (uint32_t)(APIC_ICR_ALL | APIC_ICR_ASSERT) | VECTOR_CLUSTER);
    flush();
    for (uint32_t i = 0; i < vcpus && i < XAPIC_CLUSTERS * IN_XAPIC; i++, sets++)
        right += goes_to(1ULL << i, i / IN_XAPIC << 4 | 1u << i % IN_XAPIC, APIC_ICR_LOGICAL);
    report(right == sets, "logical: each by its bit of its cluster of four");
    right = 0;
    for (uint32_t cluster = 0; cluster < XAPIC_CLUSTERS; cluster++)
        right += goes_to(0xfULL << IN_XAPIC * cluster & all, cluster << 4 | 0xf, APIC_ICR_LOGICAL);
    report(right == XAPIC_CLUSTERS, "logical: all of each cluster");
    report(goes_to(all, 0xff, APIC_ICR_LOGICAL), "logical: the broadcast");
}

/* ---- each to each ---- */

static void test_storm(void) {
    uint32_t right = 0;

    apic_send(0, (uint32_t)(APIC_ICR_ALL | APIC_ICR_ASSERT) | VECTOR_STORM);
    flush(); /* all have sent */
    flush(); /* all have handled what was sent */
    for (uint32_t i = 0; i < vcpus; i++)
        right += atomic_load(&from[i]) == (all & ~(1ULL << i));
    report(right == vcpus, "each receives an IPI from each other");
}

/* ---- level-triggered interrupts ---- */

static bool each_had(uint32_t count) {
    bool right = true;

    for (uint32_t i = 0; i < vcpus; i++)
        right = right && atomic_load(&level_count[i]) == count;
    return right;
}

static void test_level(void) {
    uint32_t arrived = 0;

    ioapic_write_entry(PIN, rte_level(VECTOR_LEVEL, 0));
    for (uint32_t i = 0; i < vcpus; i++) {
        ioapic_reroute(PIN, (uint8_t)i);
        line_set(PIN, 1);
        arrived += wait_at_least(&arrivals, i + 1);
    }
    report(arrived == vcpus && flush() && each_had(1), "level: routed to each in turn");

    moves_on = true;
    ioapic_reroute(PIN, 0);
    line_set(PIN, 1);
    report(wait_at_least(&arrivals, 2 * vcpus) && flush() && each_had(2),
           "level: its handler routes it to the next");

    moves_on = false;
    ioapic_write_entry(PIN, rte_level(VECTOR_LEVEL, 0xff) | (uint64_t)APIC_DELIVERY_LOWEST_PRIORITY
                                                                << RTE_DELIVERY_SHIFT);
    for (uint32_t i = 0; i < vcpus; i++) {
        line_set(PIN, 1);
        wait_at_least(&arrivals, 2 * vcpus + i + 1);
    }
    report(flush() && each_had(3), "level, lowest priority, to all: each has a turn");
    report(!(ioapic_read_entry(PIN) & RTE_REMOTE_IRR), "Remote IRR is clear");
    ioapic_mask(PIN);
}

void guest_main(void) {
    apic_init_by_command_line();
    vcpus = cpus_start(0);
    all = ~0ULL >> (ROOM - vcpus);
    if (!report(vcpus == command_line_number("vcpus", 1), "%u vCPUs run", vcpus))
        report_done();
    interrupt_handle(VECTOR, on_ipi);
    interrupt_handle(VECTOR_FLUSH, on_flush);
    interrupt_handle(VECTOR_STORM, on_storm);
    interrupt_handle(VECTOR_CLUSTER, on_cluster);
    interrupt_handle(VECTOR_LEVEL, on_level);
    for (uint32_t i = 0; i < vcpus; i++)
        interrupt_handle((uint8_t)(VECTOR_FROM + i), on_ipi_from);
    for (uint32_t i = 1; i < vcpus; i++)
        cpu_run(i, listen);
    interrupts_on();

    test_physical();
    if (apic_x2apic_mode)
        test_logical_x2apic();
    else
        test_logical_xapic();
    test_storm();
    test_level();
    interrupts_off();
    report_done();
}
