/* Who gets an IPI: broadcasts by address and by shorthand, logical destinations of every form,
 * LAPICs that share an ID, and what a mode that is not offered looks like.
 *
 * xapic or x2apic on the command line chooses the mode; `only` says that the other one must not be
 * there. Four vCPUs. SDM Vol. 3A, "Determining IPI Destination". */
#include "guest/lib/apic.h"
#include "guest/lib/command_line.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"

#define VECTOR      0xf1
#define VECTOR_ID   0xf2
#define SETTLE      500u
#define IDS         256u
#define VCPUS       4u
#define ALL         ((1u << VCPUS) - 1)
#define DFR_FLAT    0xffffffffu
#define DFR_CLUSTER 0x0fffffffu

static atomic_uint received[VCPUS];
static uint32_t wanted_ldr, wanted_dfr;

static void on_ipi(uint8_t vector) {
    (void)vector;
    atomic_fetch_add(&received[cpu_self()->index], 1);
    apic_eoi();
}

/* One bit for each vCPU that has got it; `once`: none has got it twice. */
static uint32_t takers(bool *once) {
    uint32_t set = 0;

    *once = true;
    for (uint32_t i = 0; i < VCPUS; i++) {
        uint32_t times = received[i];
        set |= (uint32_t)(times != 0) << i;
        *once = *once && times <= 1;
    }
    return set;
}

/* Sends one and waits for those that should get it, one bit a vCPU, and then a little for those
 * that should not. */
static bool goes_to(uint32_t expected, uint32_t destination, uint32_t command) {
    bool once;

    for (uint32_t i = 0; i < VCPUS; i++)
        atomic_store(&received[i], 0);
    apic_send(destination, command | VECTOR);
    for (uint32_t i = 0; i < WAIT_BOUND && takers(&once) != expected; i++)
        pause();
    spin(SETTLE);
    return takers(&once) == expected && once;
}

/* ---- physical destinations ---- */

static void test_physical(void) {
    uint32_t everybody = apic_x2apic_mode ? 0xffffffff : 0xff;

    report(goes_to(2, 1, 0), "to vCPU 1");
    report(goes_to(1, 0, 0), "to oneself");
    report(goes_to(0, 7, 0), "to nobody");
    report(goes_to(ALL, everybody, 0), "broadcast by address");
    report(goes_to(ALL, 0, (uint32_t)APIC_ICR_ALL), "broadcast by shorthand");
    report(goes_to(ALL & ~1u, 0, (uint32_t)APIC_ICR_OTHERS), "to all others");
    report(goes_to(1, 0, (uint32_t)APIC_ICR_SELF), "to self by shorthand");
    if (apic_x2apic_mode)
        report(goes_to(0, 0xff, 0), "FFH is an ID like any other in x2APIC mode");
}

/* ---- logical destinations ---- */

static void set_logical(void) {
    apic_write(APIC_DFR, wanted_dfr);
    apic_write(APIC_LDR, wanted_ldr);
}

static void set_logical_id(uint32_t index, uint32_t ldr, uint32_t dfr) {
    wanted_ldr = ldr << 24;
    wanted_dfr = dfr;
    if (index == 0)
        set_logical();
    else if (!cpu_run(index, set_logical) || !cpu_wait(index))
        report(false, "vCPU %u sets its logical ID", index);
}

/* What the SDM says of one LAPIC. */
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
    uint32_t wrong = 0, dfr = cluster ? DFR_CLUSTER : DFR_FLAT;

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

/* The logical ID follows from the ID: cluster 0, bits 0 to 3. */
static void test_logical_x2apic(void) {
    report(goes_to(1, 1, (uint32_t)APIC_ICR_LOGICAL), "logical: bit 0");
    report(goes_to(2, 2, (uint32_t)APIC_ICR_LOGICAL), "bit 1");
    report(goes_to(0xc, 0xc, (uint32_t)APIC_ICR_LOGICAL), "bits 2 and 3");
    report(goes_to(ALL, 0xffff, (uint32_t)APIC_ICR_LOGICAL), "all of cluster 0");
    report(goes_to(0, 0x1ffff, (uint32_t)APIC_ICR_LOGICAL), "none of cluster 1");
    report(goes_to(ALL, 0xffffffff, (uint32_t)APIC_ICR_LOGICAL), "everybody");
}

/* ---- an ID that all have ---- */

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
        if (!cpu_run(i, set_id_0) || !cpu_wait(i))
            report(false, "vCPU %u takes ID 0", i);
    }
    for (id = 0; id < IDS; id++) {
        uint32_t wanted = received_by_all() + VCPUS;
        apic_send(id, VECTOR_ID);
        for (uint32_t i = 0; i < WAIT_BOUND / 100 && received_by_all() < wanted; i++)
            pause();
        if (received_by_all() != wanted)
            break;
    }
    report(id == IDS, "four LAPICs with the same ID, each of 256, all take the IPI (%u)", id);
    report(apic_read(APIC_ID) == 0 && goes_to(2, 1, 0), "and then have their own again");
}

/* ---- */

static void write_base(uint64_t value) {
    wrmsr(MSR_IA32_APIC_BASE, value);
}

static void test_not_offered(void) {
    uint64_t base = rdmsr(MSR_IA32_APIC_BASE);

    report(!apic_has_x2apic(), "CPUID has no x2APIC");
    report(expect_exception(write_base, base | APIC_BASE_X2APIC, 0) == VECTOR_GP,
           "switching to it: #GP");
}

static void serve(void) {
    interrupts_on();
}

void guest_main(void) {
    bool x2apic = !command_line_has("xapic");

    if (!apic_init(x2apic))
        report_skip_all("no x2APIC mode");
    if (command_line_has("only"))
        test_not_offered();
    interrupt_handle(VECTOR, on_ipi);
    bool ready = cpus_start(VCPUS) == VCPUS;
    for (uint32_t i = 1; ready && i < VCPUS; i++)
        ready = cpu_run(i, serve) && cpu_wait(i);
    if (!report(ready, "%u vCPUs run", VCPUS))
        report_done();
    interrupts_on();
    test_physical();
    if (x2apic) {
        test_logical_x2apic();
    } else {
        test_logical_xapic(false);
        test_logical_xapic(true);
        test_shared_ids();
    }
    report_done();
}
