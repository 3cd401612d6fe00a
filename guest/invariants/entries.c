/* Invariants 10 to 14: what may be written while an interrupt is in flight, to its redirection
 * table entry and to the APICs that it names. */
#include "guest/invariants/invariants.h"
#include "guest/invariants/scene.h"
#include "guest/lib/apic.h"
#include "guest/lib/cpus.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/report.h"

#define IPIS   50
#define ROUNDS 12

/* In flight at vCPU 1 with one vector when the entry gets the other. */
static void rewrite_in_service(uint8_t old, uint8_t new) {
    watch_at_gate(old);
    watch_lines(new, 1);
    route(0, old, 1);
    line(0, true);
    bool in_service = at_gate(1, 1);
    write_low(0, RTE_LEVEL | new);
    line(0, false);
    let_go(1);
    report(in_service && came(old, 1, 1) && remote_irr(0),
           "I10: vector rewritten in service: the old vector's EOI leaves Remote IRR set");
    line(0, true);
    settle();
    report(handled(new) == 0, "I10: and so the pin delivers nothing");
}

void invariant_10_vector_rewritten(void) {
    const uint8_t old = VECTOR(10, 0), new = VECTOR(10, 1);
    scene_begin();
    rewrite_in_service(old, new);
    write_low(0, RTE_MASKED | new);
    bool clear = !remote_irr(0);
    write_low(0, RTE_LEVEL | new);
    report(clear && came(new, 1, 1) && !remote_irr(0), "I10: a switch to edge recovers it");
    report(exits_of_ipis(1, old, IPIS) == 0, "I10: no bit is left for the old vector");
    scene_end(10);

    const uint8_t back = VECTOR(10, 2), other = VECTOR(10, 3);
    scene_begin();
    rewrite_in_service(back, other);
    line(0, false);
    write_low(0, RTE_LEVEL | back);
    watch_lines(back, 2);
    route(1, back, 1);
    line(1, true);
    report(came(back, 1, 2) && !remote_irr(0) && !remote_irr(1),
           "I10: so does the vector written back and an EOI of it");
    scene_end(10);
}

void invariant_11_level_to_edge(void) {
    const uint8_t v = VECTOR(11, 0), w = VECTOR(11, 1);
    scene_begin();
    watch_at_gate(v);
    route(0, v, 1);
    line(0, true);
    bool in_service = at_gate(1, 1) && remote_irr(0);
    write_low(0, RTE_MASKED | v);
    report(in_service && !remote_irr(0), "I11: level to edge clears Remote IRR at once");
    write_low(0, RTE_LEVEL | v);
    report(remote_irr(0), "I11: back to level, the line still active: it is delivered again");
    let_go(1);
    bool again = at_gate(1, 2);
    line(0, false);
    let_go(1);
    report(again && came(v, 1, 2) && !remote_irr(0), "I11: and handled");

    ioapic_write_entry(PIN, rte_level(w, 1) | RTE_REMOTE_IRR | RTE_DELIVERY_STATUS);
    report(!remote_irr(0) && !delivery_status(0),
           "I11: a write never sets Remote IRR or delivery status");
    scene_end(11);
}

static void pulse(void) {
    line(0, true);
    line(0, false);
}

void invariant_12_mask_in_flight(void) {
    const uint8_t v = VECTOR(12, 0), w = VECTOR(12, 1);
    scene_begin();
    watch_at_gate(v);
    route(0, v, 1);
    line(0, true);
    bool in_service = at_gate(1, 1);
    write_low(0, RTE_LEVEL | RTE_MASKED | v);
    report(in_service && remote_irr(0), "I12: masked in service: Remote IRR is kept");
    let_go(1);
    report(came(v, 1, 1) && !remote_irr(0), "I12: the EOI clears it, and nothing is delivered");
    write_low(0, RTE_LEVEL | v);
    bool again = at_gate(1, 2) && remote_irr(0);
    line(0, false);
    let_go(1);
    report(again && came(v, 1, 2), "I12: unmasked with the line active: delivered once");

    watch(w);
    write_low(0, RTE_LEVEL | RTE_MASKED | w);
    pulse();
    write_low(0, RTE_LEVEL | w);
    settle();
    report(handled(w) == 0, "I12: a level that went away while masked is not delivered");
    write_low(0, RTE_MASKED | w);
    pulse();
    write_low(0, w);
    settle();
    report(handled(w) == 0, "I12: an edge that came while masked is lost");
    pulse();
    report(came(w, 1, 1), "I12: the next one is not");
    scene_end(12);
}

/* ---- 13 ---- */

/* To a set of logical IDs: 2 is vCPU 1, 10H nobody until somebody's LDR says so. */
static void route_logical(unsigned n, uint64_t mode, uint8_t vector, uint8_t set) {
    ioapic_write_entry((uint8_t)(PIN + n), mode | RTE_LEVEL | RTE_LOGICAL | vector |
                                               (uint64_t)set << RTE_DESTINATION_SHIFT);
}

/* vCPU 1 has the vector in service from pin 0 when it changes something about its APIC so that no
 * route leads there any more. */
static void change_in_service(const char *what, uint8_t vector, void (*change)(void)) {
    uint64_t before = eoi_exits(1);
    uint32_t already = handled(vector);
    line(0, true);
    bool good = remote_irr(0) && at_gate(1, already + 1) && at_gate_do(1, change);
    line(0, false);
    let_go(1);
    report(good && came(vector, 1, already + 1) && !remote_irr(0) && eoi_exits(1) == before + 1,
           "I13: %s in service: the EOI exits and is heard of", what);
    line(0, true);
    settle();
    report(!remote_irr(0) && delivery_status(0) && handled(vector) == already + 1,
           "I13: %s: the route leads there no more", what);
    line(0, false);
}

static void disable_apic(void) {
    apic_write(APIC_SVR, APIC_SPURIOUS_VECTOR);
}

static void enable_apic(void) {
    apic_write(APIC_SVR, APIC_SVR_ENABLE | APIC_SPURIOUS_VECTOR);
}

static void another_ldr(void) {
    apic_write(APIC_LDR, 0x20u << 24);
}

static void ldr_for_both_models(void) {
    apic_write(APIC_LDR, 0x12u << 24); /* flat: bits 1 and 4; cluster model: cluster 1, bit 1 */
}

static void cluster_model(void) {
    apic_write(APIC_DFR, 0x0fffffff);
}

static void flat_model(void) {
    apic_write(APIC_DFR, 0xffffffff);
}

static void another_id(void) {
    apic_write(APIC_ID, 9u << 24);
}

static void own_id(void) {
    apic_write(APIC_ID, cpu_self()->index << 24);
}

/* Remote IRR after an EOI in x2APIC mode of what was accepted in xAPIC mode. Then back, through
 * disabled. */
static atomic_bool heard_in_x2apic_mode;

static void serve_into_x2apic_mode(uint8_t vector) {
    (void)vector;
    uint64_t base = rdmsr(MSR_IA32_APIC_BASE);
    line(0, false);
    wrmsr(MSR_IA32_APIC_BASE, base | APIC_BASE_X2APIC);
    wrmsr(apic_msr(APIC_EOI), 0);
    atomic_store(&heard_in_x2apic_mode, !remote_irr(0));
    wrmsr(MSR_IA32_APIC_BASE, base & ~APIC_BASE_ENABLE);
    apic_enable();
    apic_write(APIC_LDR, 1u << (24 + cpu_self()->index));
}

static void mode_changed_in_service(void) {
    const uint8_t v = VECTOR(13, 4);
    atomic_store(&heard_in_x2apic_mode, false);
    interrupt_handle(v, serve_into_x2apic_mode);
    route(0, v, 3);
    line(0, true);
    settle();
    report(atomic_load(&heard_in_x2apic_mode) && !remote_irr(0),
           "I13: mode changed in service: the EOI in x2APIC mode is heard of");
    watch_lines(v, 1);
    line(0, true);
    report(came(v, 3, 1) && !remote_irr(0), "I13: back in xAPIC mode interrupts come as before");
}

static void xapic_changes(void) {
    const uint8_t ldr = VECTOR(13, 1), dfr = VECTOR(13, 2), id = VECTOR(13, 3);
    scene_begin();
    watch_at_gate(ldr);
    route_logical(0, 0, ldr, 1 << 1);
    change_in_service("LDR changed", ldr, another_ldr);
    report(exits_of_ipis(1, ldr, IPIS) == 0, "I13: LDR changed: no bit is left");

    scene_begin();
    watch_at_gate(dfr);
    on(1, ldr_for_both_models);
    route_logical(0, 0, dfr, 0x10);
    change_in_service("DFR changed", dfr, cluster_model);
    report(exits_of_ipis(1, dfr, IPIS) == 0, "I13: DFR changed: no bit is left");
    on(1, flat_model);
    on(1, set_up_vcpu);

    scene_begin();
    watch_at_gate(id);
    route(0, id, 1);
    change_in_service("APIC ID changed", id, another_id);
    report(exits_of_ipis(1, id, IPIS) == 0, "I13: APIC ID changed: no bit is left");
    watch_lines(id, 1);
    route(0, id, 9);
    uint32_t already = handled(id);
    line(0, true);
    report(came(id, 1, already + 1) && !remote_irr(0), "I13: the new APIC ID is a destination");
    on(1, own_id);
    scene_end(13);

    scene_begin();
    mode_changed_in_service();
}

void invariant_13_lapic_changes(void) {
    const uint8_t svr = VECTOR(13, 0);
    scene_begin();
    watch_at_gate(svr);
    route(0, svr, 1);
    change_in_service("software-disabled", svr, disable_apic);
    on(1, enable_apic);
    if (apic_x2apic_mode)
        report_skip("I13: LDR, DFR, APIC ID", "read-only or not there in x2APIC mode");
    else
        xapic_changes();
    scene_end(13);
}

/* ---- 14 ---- */

void invariant_14_several_targets(void) {
    const uint8_t v = VECTOR(14, 0), w = VECTOR(14, 1);
    bool good = true;
    scene_begin();
    watch_at_gate(v);
    route_logical(0, 0, v, 0x0e);
    line(0, true);
    for (uint32_t cpu = 1; cpu < VCPUS; cpu++)
        good = at_gate(cpu, 1) && good;
    report(good && remote_irr(0), "I14: three targets, all three have it in service");
    line(0, false);
    for (uint32_t cpu = 1; cpu < VCPUS; cpu++) {
        let_go(cpu);
        report(came(v, cpu, 1) && !remote_irr(0) && handled(v) == cpu,
               "I14: EOI %u of three: Remote IRR is clear", cpu);
    }

    watch_lines(w, 1);
    route_logical(0, (uint64_t)APIC_DELIVERY_LOWEST_PRIORITY << RTE_DELIVERY_SHIFT, w, 0x0e);
    uint32_t once = 0;
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        line(0, true);
        settle();
        once += handled(w) == i && !remote_irr(0);
    }
    report(once == ROUNDS && came(w, 0, 0), "I14: lowest priority: one of three accepts, %u times",
           ROUNDS);
    scene_end(14);
}
