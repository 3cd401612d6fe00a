/* Invariants 18 and 20 to 22: how often the routes are scanned, INIT, EOI-broadcast suppression,
 * and storms. */
#include "guest/invariants/invariants.h"

#include <stddef.h>

#include "guest/invariants/scene.h"
#include "guest/lib/apic.h"
#include "guest/lib/cpus.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/report.h"

#define VERSION_SUPPRESSION (1u << 24) /* in the local APIC's version register */
#define VERSION_EOI         0x20       /* of the I/O APIC: from this on it has an EOI register */
#define STORM_PROGRESS      20000u     /* PAUSEs to execute while a line is stuck active */
#define STORM_BOUND         5000000u   /* interrupts after which the vCPU counts as starved */
#define STORM_IMMEDIATE     1000u      /* interrupts that are delivered without a delay */
#define INIT_PAUSES         20000u

/* The SCANS line shows the rest: vCPU 0 has one scan, for its one route. */
static void mask_often(uint32_t rounds) {
    const uint8_t w = VECTOR(18, 1);
    watch_lines(w, 2);
    route(1, w, 0);
    for (uint32_t i = 0; i < rounds; i++) {
        write_low(1, RTE_LEVEL | RTE_MASKED | w);
        write_low(1, RTE_LEVEL | w);
        write_low(1, RTE_LEVEL | w);
    }
    line(1, true);
    report(arrived(w, 0, 1) && handled(w) == 1 && !remote_irr(1),
           "I18: after %u times mask, unmask and rewrite the interrupt is delivered", rounds);
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
    report(arrived(v, 1, 1) && handled(v) == 1 && !remote_irr(0),
           "I18: after %u reroutes the interrupt goes to the last destination", rounds);
    mask_often(rounds);
    scene_end(18);
}

/* ---- 20 ---- */

/* INIT and SIPI restart vCPU 3 while it is in a handler. */
static bool restart_3(void) {
    struct cpu *cpu = &cpus[3];
    apic_send_init(cpu_apic_id(3));
    spin(INIT_PAUSES);
    atomic_store(&cpu->started, false);
    atomic_store(&cpu->work, NULL);
    apic_send_sipi(cpu_apic_id(3), TRAMPOLINE);
    for (uint32_t i = 0; i < wait_bound && !atomic_load(&cpu->started); i++)
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
           "I20: after INIT nothing is in service or pending there");
    cpu_call(3, set_up_vcpu);
    settle();
    report(remote_irr(0) && remote_irr(1) && handled(v) == 0 && handled(w) == 0,
           "I20: Remote IRR stays set on both pins, nothing is delivered");
    watch_lines(v, 1);
    write_low(0, RTE_MASKED | v);
    write_low(1, RTE_MASKED | w);
    write_low(0, RTE_LEVEL | v);
    write_low(1, RTE_LEVEL | w);
    report(arrived(v, 3, 1) && arrived(w, 3, 1) && !remote_irr(0) && !remote_irr(1),
           "I20: switching the entries to edge and back recovers both pins");
    reroute(0, 1);
    reroute(1, 1);
    report(ipis_exit(3, v, 50, 0) && ipis_exit(3, w, 50, 0), "I20: later EOIs cause no VM exit");
    scene_end(20);
}

/* ---- 21 ---- */

static void write_eoi_register(uint8_t vector) {
    *(volatile uint32_t *)(IOAPIC_DEFAULT_BASE + IOAPIC_EOI) = vector;
}

static void suppress_broadcast(void) {
    apic_write(APIC_SVR, APIC_SVR_SUPPRESS_EOI_BROADCAST | APIC_SVR_ENABLE | APIC_SPURIOUS_VECTOR);
}

static void suppressed(void) {
    const uint8_t v = VECTOR(21, 0);
    report((ioapic_read(IOAPIC_REG_VERSION) & 0xff) == VERSION_EOI,
           "I21: the I/O APIC has version 20H");
    cpu_call(1, suppress_broadcast);
    watch_lines(v, 1);
    route(0, v, 1);
    line(0, true);
    report(arrived(v, 1, 1) && remote_irr(0), "I21: suppressed: the EOI leaves Remote IRR set");
    line(0, true);
    settle();
    report(handled(v) == 1, "I21: while Remote IRR is set the pin delivers nothing");
    write_eoi_register(VECTOR(21, 1));
    report(remote_irr(0), "I21: writing another vector to the EOI register changes nothing");
    write_eoi_register(v);
    report(arrived(v, 1, 2), "I21: writing the vector to the EOI register delivers again");
    write_eoi_register(v);
    report(!remote_irr(0), "I21: writing it with the line inactive clears Remote IRR");
    cpu_call(1, apic_software_enable);
    line(0, true);
    report(arrived(v, 1, 3) && !remote_irr(0),
           "I21: no longer suppressed: the EOI clears Remote IRR");
}

static bool raised_gp;

static void try_to_suppress(uint64_t argument) {
    (void)argument;
    suppress_broadcast();
}

static void check_reserved(void) {
    raised_gp = expect_exception(try_to_suppress, 0, NULL) == VECTOR_GP;
}

static void not_offered(void) {
    const uint8_t v = VECTOR(21, 0);
    bool register_there = (ioapic_read(IOAPIC_REG_VERSION) & 0xff) >= VERSION_EOI;
    if (!scene_exits_unknown) /* on another machine one may be there without the other */
        report(!register_there, "I21: the I/O APIC has version 11H");
    cpu_call(1, check_reserved);
    report(raised_gp == apic_x2apic_mode, "I21: in x2APIC mode SVR bit 12 is reserved");
    bool in_service = bring_into_service(0, v);
    line(0, false);
    write_eoi_register(v);
    if (register_there)
        report(in_service && !remote_irr(0), "I21: the EOI register clears Remote IRR");
    else
        report(in_service && remote_irr(0), "I21: there is no EOI register: Remote IRR stays set");
    open_gate(1);
    report(arrived(v, 1, 1) && !remote_irr(0), "I21: the EOI clears Remote IRR");
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
    bool ran = cpu_call(1, make_progress);
    uint32_t storm = handled(v);
    line(0, false);
    report(ran && progress == STORM_PROGRESS,
           "I22: the vCPU makes progress while a line is stuck active");
    report(storm >= STORM_IMMEDIATE, "I22: the first %u interrupts are not delayed",
           STORM_IMMEDIATE);
    settle();
    uint32_t after = handled(v);
    settle();
    report(handled(v) == after && !remote_irr(0), "I22: the storm ends when the line is inactive");
    watch_lines(v, 1);
    line(0, true);
    settle();
    report(handled(v) == after + 1 && !remote_irr(0), "I22: the next interrupt is not delayed");
    scene_end(22);
}
