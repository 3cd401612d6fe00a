/* Who gets an IPI: broadcasts by address and by shorthand, logical destinations of every form,
 * LAPICs that share an ID, and what a mode that is not offered looks like.
 *
 * xapic or x2apic on the command line chooses the mode; `only` says that the other one must not be
 * there. Two vCPUs. SDM Vol. 3A, "Determining IPI Destination". */
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
#define BOTH        2u
#define DFR_FLAT    0xffffffffu
#define DFR_CLUSTER 0x0fffffffu

static atomic_uint received[CPU_MAX];
static uint32_t wanted_ldr, wanted_dfr;

static void on_ipi(uint8_t vector) {
    (void)vector;
    atomic_fetch_add(&received[cpu_self()->index], 1);
    apic_eoi();
}

static uint32_t takers(void) {
    return received[0] | received[1] << 1;
}

/* Sends one and waits for those that should get it, one bit a vCPU, and then a little for those
 * that should not. */
static bool goes_to(uint32_t expected, uint32_t destination, uint32_t command) {
    atomic_store(&received[0], 0);
    atomic_store(&received[1], 0);
    apic_send(destination, command | VECTOR);
    for (uint32_t i = 0; i < WAIT_BOUND && takers() != expected; i++)
        pause();
    spin(SETTLE);
    return received[0] <= 1 && received[1] <= 1 && takers() == expected;
}

/* ---- physical destinations ---- */

static void test_physical(void) {
    uint32_t everybody = apic_x2apic_mode ? 0xffffffff : 0xff;

    report(goes_to(2, 1, 0), "to vCPU 1");
    report(goes_to(1, 0, 0), "to oneself");
    report(goes_to(0, 7, 0), "to nobody");
    report(goes_to(3, everybody, 0), "broadcast by address");
    report(goes_to(3, 0, (uint32_t)APIC_ICR_ALL), "broadcast by shorthand");
    report(goes_to(2, 0, (uint32_t)APIC_ICR_OTHERS), "to all others");
    report(goes_to(1, 0, (uint32_t)APIC_ICR_SELF), "to self by shorthand");
    if (apic_x2apic_mode)
        report(goes_to(0, 0xff, 0), "FFH is an ID like any other in x2APIC mode");
}

/* ---- logical destinations ---- */

static void set_logical(void) {
    apic_write(APIC_DFR, wanted_dfr);
    apic_write(APIC_LDR, wanted_ldr);
}

static void set_other(uint32_t ldr, uint32_t dfr) {
    wanted_ldr = ldr << 24;
    wanted_dfr = dfr;
    if (!cpu_run(1, set_logical) || !cpu_wait(1))
        report(false, "vCPU 1 sets its logical ID");
}

static void set_own(uint32_t ldr, uint32_t dfr) {
    apic_write(APIC_DFR, dfr);
    apic_write(APIC_LDR, ldr << 24);
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
    static const uint8_t ids[][2] = {{0x01, 0x02}, {0x80, 0x80}, {0x03, 0x06},
                                     {0x00, 0x10}, {0x51, 0x58}, {0x2c, 0x64}};
    uint32_t wrong = 0, dfr = cluster ? DFR_CLUSTER : DFR_FLAT;

    for (uint32_t n = 0; n < sizeof(ids) / sizeof(ids[0]); n++) {
        set_own(ids[n][0], dfr);
        set_other(ids[n][1], dfr);
        for (uint32_t to = 1; to < 256; to += n & 1 ? 1 : 3) {
            uint32_t expected = (uint32_t)matches(ids[n][0], cluster, to) |
                                (uint32_t)matches(ids[n][1], cluster, to) << 1;
            wrong += !goes_to(expected, to, (uint32_t)APIC_ICR_LOGICAL);
        }
    }
    report(!wrong, "logical destinations, %s (%u wrong)", cluster ? "cluster" : "flat", wrong);
}

/* The logical ID follows from the ID: cluster 0, bit 0 or 1. */
static void test_logical_x2apic(void) {
    report(goes_to(1, 1, (uint32_t)APIC_ICR_LOGICAL), "logical: bit 0");
    report(goes_to(2, 2, (uint32_t)APIC_ICR_LOGICAL), "bit 1");
    report(goes_to(3, 0xffff, (uint32_t)APIC_ICR_LOGICAL), "all of cluster 0");
    report(goes_to(0, 0x1ffff, (uint32_t)APIC_ICR_LOGICAL), "none of cluster 1");
    report(goes_to(3, 0xffffffff, (uint32_t)APIC_ICR_LOGICAL), "everybody");
}

/* ---- an ID that both have ---- */

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

static void test_shared_ids(void) {
    uint32_t id;

    interrupt_handle(VECTOR_ID, next_id);
    if (!cpu_run(1, set_id_0) || !cpu_wait(1))
        report(false, "vCPU 1 takes ID 0");
    for (id = 0; id < IDS; id++) {
        uint32_t all = received[0] + received[1];
        apic_send(id, VECTOR_ID);
        for (uint32_t i = 0; i < WAIT_BOUND / 100 && received[0] + received[1] < all + BOTH; i++)
            pause();
        if (received[0] + received[1] != all + BOTH)
            break;
    }
    report(id == IDS, "two LAPICs with the same ID, each of 256, both take the IPI (%u)", id);
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
    if (!report(cpus_start(2) >= 2 && cpu_run(1, serve) && cpu_wait(1), "a second vCPU runs"))
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
