/* Invariants 18 and 20 to 22: how often the routes are scanned, INIT, version 20H, and storms. */
#include "guest/invariants/invariants.h"
#include "guest/invariants/scene.h"
#include "guest/lib/apic.h"
#include "guest/lib/cpus.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/report.h"

#define VERSION_SUPPRESSION (1u << 24) /* of the local APIC's version register */
#define STORM_PROGRESS      20000u     /* rounds of work to be done while a line is stuck */
#define STORM_BOUND         5000000u   /* interrupts after which the work counts as starved */
#define STORM_IMMEDIATE     1000u      /* so many come without a delay */
#define INIT_PAUSES         20000u
#define VECTOR_GP           13

/* The rest is in the SCANS lines: vCPU 0 has one route, and no scan but for that. */
static void masks_are_no_reroutes(uint32_t rounds) {
    const uint8_t w = VECTOR(18, 1);
    watch_lines(w, 2);
    route(1, w, 0);
    for (uint32_t i = 0; i < rounds; i++) {
        write_low(1, RTE_LEVEL | RTE_MASKED | w);
        write_low(1, RTE_LEVEL | w);
        write_low(1, RTE_LEVEL | w);
    }
    line(1, true);
    report(came(w, 0, 1) && handled(w) == 1 && !remote_irr(1),
           "I18: after %u times mask, unmask and no change the interrupt comes", rounds);
}

void invariant_18_coalescing(uint32_t rounds) {
    const uint8_t v = VECTOR(18, 0);
    scene_begin();
    watch_lines(v, 1);
    route(0, v, 1);
    for (uint32_t i = 1; i <= rounds; i++)
        reroute(0, 1 + i % 2);
    reroute(0, 1);
    line(0, true);
    report(came(v, 1, 1) && handled(v) == 1 && !remote_irr(0),
           "I18: after %u reroutes the interrupt comes where the last one says", rounds);
    masks_are_no_reroutes(rounds);
    scene_end(18);
}

/* ---- 20 ---- */

/* vCPU 3 begins anew, from a handler that never ends. */
static bool restart_3(void) {
    struct cpu *cpu = &cpus[3];
    apic_send(3, (uint32_t)APIC_ICR_ASSERT | APIC_DELIVERY_INIT << 8);
    spin(INIT_PAUSES);
    atomic_store(&cpu->started, false);
    atomic_store(&cpu->work, 0);
    apic_send(3, (uint32_t)APIC_ICR_ASSERT | APIC_DELIVERY_SIPI << 8 | TRAMPOLINE >> 12);
    for (uint32_t i = 0; i < WAIT_BOUND && !atomic_load(&cpu->started); i++)
        pause();
    return atomic_load(&cpu->started);
}

void invariant_20_init(void) {
    const uint8_t v = VECTOR(20, 0), w = VECTOR(20, 1);
    scene_begin();
    watch_at_gate(v);
    watch_lines(w, 2);
    route(0, v, 3);
    route(1, w, 3);
    line(0, true);
    bool in_service = at_gate(3, 1);
    line(1, true);
    report(in_service && remote_irr(0) && remote_irr(1),
           "I20: one in service at vCPU 3, one pending");
    report(restart_3() && !bit_of(3, APIC_ISR, v) && !bit_of(3, APIC_IRR, w),
           "I20: INIT: nothing is in service or pending there");
    on(3, set_up_vcpu);
    settle();
    report(remote_irr(0) && remote_irr(1) && handled(v) == 0 && handled(w) == 0,
           "I20: Remote IRR is left behind, nothing is delivered");
    watch_lines(v, 1);
    write_low(0, RTE_MASKED | v);
    write_low(1, RTE_MASKED | w);
    write_low(0, RTE_LEVEL | v);
    write_low(1, RTE_LEVEL | w);
    report(came(v, 3, 1) && came(w, 3, 1) && !remote_irr(0) && !remote_irr(1),
           "I20: a switch to edge and back recovers both pins");
    reroute(0, 1);
    reroute(1, 1);
    report(exits_of_ipis(3, v, 50) == 0 && exits_of_ipis(3, w, 50) == 0, "I20: no bit is left");
    scene_end(20);
}

/* ---- 21 ---- */

static void write_eoi_register(uint8_t vector) {
    *(volatile uint32_t *)(IOAPIC_DEFAULT_BASE + IOAPIC_EOI) = vector;
}

static void suppress_broadcast(void) {
    apic_write(APIC_SVR, APIC_SVR_SUPPRESS_EOI_BROADCAST | APIC_SVR_ENABLE | APIC_SPURIOUS_VECTOR);
}

static void allow_broadcast(void) {
    apic_write(APIC_SVR, APIC_SVR_ENABLE | APIC_SPURIOUS_VECTOR);
}

static void suppressed(void) {
    const uint8_t v = VECTOR(21, 0);
    report((ioapic_read(IOAPIC_REG_VERSION) & 0xff) == 0x20, "I21: the I/O APIC has version 20H");
    on(1, suppress_broadcast);
    watch_lines(v, 1);
    route(0, v, 1);
    line(0, true);
    report(came(v, 1, 1) && remote_irr(0), "I21: suppressed: the EOI leaves Remote IRR set");
    line(0, true);
    settle();
    report(handled(v) == 1, "I21: and so the pin delivers nothing");
    write_eoi_register(VECTOR(21, 1));
    report(remote_irr(0), "I21: another vector in the EOI register changes nothing");
    write_eoi_register(v);
    report(came(v, 1, 2), "I21: its own delivers again");
    write_eoi_register(v);
    report(!remote_irr(0), "I21: and then clears Remote IRR");
    on(1, allow_broadcast);
    line(0, true);
    report(came(v, 1, 3) && !remote_irr(0), "I21: no longer suppressed: the EOI clears Remote IRR");
}

static bool raised;

static void try_to_suppress(uint64_t argument) {
    (void)argument;
    suppress_broadcast();
}

static void expect_no_suppression(void) {
    raised = expect_exception(try_to_suppress, 0, 0) == VECTOR_GP;
}

static void not_offered(void) {
    const uint8_t v = VECTOR(21, 0);
    report((ioapic_read(IOAPIC_REG_VERSION) & 0xff) == 0x11, "I21: the I/O APIC has version 11H");
    on(1, expect_no_suppression);
    report(raised == apic_x2apic_mode, "I21: suppression is a reserved bit");
    watch_at_gate(v);
    route(0, v, 1);
    line(0, true);
    bool in_service = at_gate(1, 1);
    line(0, false);
    write_eoi_register(v);
    report(in_service && remote_irr(0), "I21: there is no EOI register");
    let_go(1);
    report(came(v, 1, 1) && !remote_irr(0), "I21: the EOI is broadcast");
}

void invariant_21_suppression(void) {
    scene_begin();
    if (apic_read(APIC_VERSION) & VERSION_SUPPRESSION)
        suppressed();
    else
        not_offered();
    scene_end(21);
}

/* ---- 22 ---- */

static uint32_t progress;

static void make_progress(void) {
    for (progress = 0; progress < STORM_PROGRESS && handled(VECTOR(22, 0)) < STORM_BOUND;
         progress++)
        pause();
}

void invariant_22_storm(void) {
    const uint8_t v = VECTOR(22, 0);
    scene_begin();
    watch(v);
    route(0, v, 1);
    line(0, true);
    bool ran = on(1, make_progress);
    uint32_t storm = handled(v);
    line(0, false);
    report(ran && progress == STORM_PROGRESS, "I22: work gets done while a line is stuck active");
    report(storm >= STORM_IMMEDIATE, "I22: the first %u interrupts come at once", STORM_IMMEDIATE);
    settle();
    uint32_t after = handled(v);
    settle();
    report(handled(v) == after && !remote_irr(0), "I22: it is over when the line is inactive");
    watch_lines(v, 1);
    line(0, true);
    settle();
    report(handled(v) == after + 1 && !remote_irr(0), "I22: the next interrupt comes at once");
    scene_end(22);
}
