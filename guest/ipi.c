/* Which vCPUs accept an IPI: broadcasts by address and by shorthand, logical destinations of every
 * form, LAPICs with the same APIC ID.
 *
 * Command line: xapic or x2apic (default: x2APIC if CPUID offers it); only: x2APIC mode must not be
 * offered. Needs four vCPUs. SDM Vol. 3A, "Determining IPI Destination". */
#include "guest/lib/apic.h"
#include "guest/lib/command_line.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"

#define VECTOR    0xf1
#define VECTOR_ID 0xf2
#define SETTLE    500u
#define IDS       256u
#define VCPUS     4u
#define ALL       ((1u << VCPUS) - 1)

static atomic_uint received[VCPUS];
static uint32_t new_ldr, new_dfr; /* for set_logical() */

static void on_ipi(uint8_t vector) {
    (void)vector;
    atomic_fetch_add(&received[cpu_self()->index], 1);
    apic_eoi();
}

/* The set of vCPUs that have handled it, one bit each. `once`: none of them did twice. */
static uint32_t receivers(bool *once) {
    uint32_t set = 0;

    *once = true;
    for (uint32_t i = 0; i < VCPUS; i++) {
        uint32_t times = received[i];
        set |= (uint32_t)(times != 0) << i;
        *once = *once && times <= 1;
    }
    return set;
}

/* Sends an IPI, waits until the expected set of vCPUs has handled it, and a little longer for any
 * other that should not. */
static bool goes_to(uint32_t expected, uint32_t destination, uint32_t command) {
    bool once;

    for (uint32_t i = 0; i < VCPUS; i++)
        atomic_store(&received[i], 0);
    apic_send(destination, command | VECTOR);
    for (uint32_t i = 0; i < wait_bound && receivers(&once) != expected; i++)
        pause();
    spin(SETTLE);
    return receivers(&once) == expected && once;
}

/* ---- physical destinations ---- */

static void test_physical(void) {
    uint32_t broadcast = apic_x2apic_mode ? 0xffffffff : 0xff;

    report(goes_to(2, 1, 0), "physical: vCPU 1");
    report(goes_to(1, 0, 0), "physical: this vCPU");
    report(goes_to(0, 7, 0), "physical: an APIC ID that no vCPU has");
    report(goes_to(ALL, broadcast, 0), "physical: broadcast by address");
    report(goes_to(ALL, 0, (uint32_t)APIC_ICR_ALL), "shorthand: all including self");
    report(goes_to(ALL & ~1u, 0, (uint32_t)APIC_ICR_OTHERS), "shorthand: all excluding self");
    report(goes_to(1, 0, (uint32_t)APIC_ICR_SELF), "shorthand: self");
    if (apic_x2apic_mode)
        report(goes_to(0, 0xff, 0), "physical: FFH is not a broadcast in x2APIC mode");
}

/* ---- logical destinations ---- */

static void set_logical(void) {
    apic_write(APIC_DFR, new_dfr);
    apic_write(APIC_LDR, new_ldr);
}

static void set_logical_id(uint32_t index, uint32_t ldr, uint32_t dfr) {
    new_ldr = ldr << 24;
    new_dfr = dfr;
    if (!cpu_call(index, set_logical))
        report(false, "vCPU %u sets its logical ID", index);
}

/* Whether one LAPIC accepts it, by the rules of the SDM. */
static bool matches(uint32_t ldr, bool cluster, uint32_t destination) {
    if (destination == 0xff)
        return true;
    if (!cluster)
        return ldr & destination;
    return ldr >> 4 == destination >> 4 && (ldr & destination & 0xf);
}

static void test_logical_xapic(bool cluster) {
    static const uint8_t ids[][VCPUS] = {{0x01, 0x02, 0x04, 0x08}, {0x80, 0x80, 0x40, 0x00},
                                         {0x03, 0x06, 0x0c, 0x18}, {0x00, 0x10, 0x20, 0xf0},
                                         {0x51, 0x58, 0x52, 0x61}, {0x2c, 0x64, 0x23, 0xff}};
    uint32_t wrong = 0, dfr = cluster ? APIC_DFR_CLUSTER : APIC_DFR_FLAT;

    for (uint32_t n = 0; n < sizeof(ids) / sizeof(ids[0]); n++) {
        for (uint32_t i = 0; i < VCPUS; i++)
            set_logical_id(i, ids[n][i], dfr);
        for (uint32_t to = 1; to < 256; to += n & 1 ? 1 : 3) {
            uint32_t expected = 0;
            for (uint32_t i = 0; i < VCPUS; i++)
                expected |= (uint32_t)matches(ids[n][i], cluster, to) << i;
            wrong += !goes_to(expected, to, (uint32_t)APIC_ICR_LOGICAL);
        }
    }
    report(!wrong, "logical destinations, %s (%u wrong)", cluster ? "cluster" : "flat", wrong);
}

/* The logical IDs are derived from the APIC IDs: cluster 0, bits 0 to 3. */
static void test_logical_x2apic(void) {
    report(goes_to(1, 1, (uint32_t)APIC_ICR_LOGICAL), "logical: bit 0");
    report(goes_to(2, 2, (uint32_t)APIC_ICR_LOGICAL), "logical: bit 1");
    report(goes_to(0xc, 0xc, (uint32_t)APIC_ICR_LOGICAL), "logical: bits 2 and 3");
    report(goes_to(ALL, 0xffff, (uint32_t)APIC_ICR_LOGICAL), "logical: all of cluster 0");
    report(goes_to(0, 0x1ffff, (uint32_t)APIC_ICR_LOGICAL), "logical: cluster 1 is empty");
    report(goes_to(ALL, 0xffffffff, (uint32_t)APIC_ICR_LOGICAL), "logical: broadcast");
}

/* ---- one APIC ID for all ---- */

/* Sets the next APIC ID; after the last one, this vCPU's own again. */
static void next_id(uint8_t vector) {
    uint32_t id = (apic_read(APIC_ID) >> 24) + 1;

    (void)vector;
    apic_write(APIC_ID, (id < IDS ? id : cpu_self()->index) << 24);
    atomic_fetch_add(&received[cpu_self()->index], 1);
    apic_eoi();
}

static void set_id_0(void) {
    apic_write(APIC_ID, 0);
}

static uint32_t received_by_all(void) {
    uint32_t sum = 0;

    for (uint32_t i = 0; i < VCPUS; i++)
        sum += received[i];
    return sum;
}

static void test_shared_ids(void) {
    uint32_t id;

    interrupt_handle(VECTOR_ID, next_id);
    for (uint32_t i = 1; i < VCPUS; i++) {
        if (!cpu_call(i, set_id_0))
            report(false, "vCPU %u sets its APIC ID to 0", i);
    }
    for (id = 0; id < IDS; id++) {
        uint32_t wanted = received_by_all() + VCPUS;
        apic_send(id, VECTOR_ID);
        for (uint32_t i = 0; i < wait_bound / 100 && received_by_all() < wanted; i++)
            pause();
        if (received_by_all() != wanted)
            break;
    }
    report(id == IDS,
           "four LAPICs with the same APIC ID, of 256 IDs in turn, all accept the IPI (%u)", id);
    report(apic_read(APIC_ID) == 0 && goes_to(2, 1, 0),
           "with their own APIC IDs again, only one accepts it");
}

/* ---- a mode that is not offered ---- */

static void write_base(uint64_t value) {
    wrmsr(MSR_IA32_APIC_BASE, value);
}

static void test_not_offered(void) {
    uint64_t base = rdmsr(MSR_IA32_APIC_BASE);

    report(!apic_has_x2apic(), "CPUID does not offer x2APIC mode");
    report(expect_exception(write_base, base | APIC_BASE_X2APIC, 0) == VECTOR_GP,
           "enabling x2APIC mode raises #GP");
}

void guest_main(void) {
    apic_init_by_command_line();
    if (command_line_has("only"))
        test_not_offered();
    interrupt_handle(VECTOR, on_ipi);
    bool ready = cpus_start(VCPUS) == VCPUS;
    for (uint32_t i = 0; ready && i < VCPUS; i++)
        ready = cpu_call(i, interrupts_on);
    if (!report(ready, "%u vCPUs run", VCPUS))
        report_done();
    test_physical();
    if (apic_x2apic_mode) {
        test_logical_x2apic();
    } else {
        test_logical_xapic(false);
        test_logical_xapic(true);
        test_shared_ids();
    }
    report_done();
}
