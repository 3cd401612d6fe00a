/* Invariants 10 to 14: writes to an interrupt's redirection table entry, and to the local APICs
 * that it names, while the interrupt is in flight. */
#include "guest/invariants/invariants.h"
#include "guest/invariants/scene.h"
#include "guest/lib/apic.h"
#include "guest/lib/cpus.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/report.h"

#define IPIS   50
#define ROUNDS 12

/* The entry's vector is rewritten while the interrupt is in service at vCPU 1. */
static void rewrite_in_service(uint8_t old, uint8_t new) {
    watch_lines(new, 1);
    bool in_service = bring_into_service(0, old);
    write_low(0, RTE_LEVEL | new);
    line(0, false);
    open_gate(1);
    report(in_service && arrived(old, 1, 1) && remote_irr(0),
           "I10: vector rewritten in service: the old vector's EOI leaves Remote IRR set");
    line(0, true);
    settle();
    report(handled(new) == 0, "I10: while Remote IRR is set the pin delivers nothing");
}

void invariant_10_vector_rewritten(void) {
    const uint8_t old = VECTOR(10, 0), new = VECTOR(10, 1);
    scene_begin();
    rewrite_in_service(old, new);
    write_low(0, RTE_MASKED | new);
    bool clear = !remote_irr(0);
    write_low(0, RTE_LEVEL | new);
    report(clear && arrived(new, 1, 1) && !remote_irr(0),
           "I10: switching the entry to edge recovers the pin");
    report(ipis_exit(1, old, IPIS, 0), "I10: the old vector's EOI causes no VM exit any more");
    scene_end(10);

    const uint8_t back = VECTOR(10, 2), other = VECTOR(10, 3);
    scene_begin();
    rewrite_in_service(back, other);
    line(0, false);
    write_low(0, RTE_LEVEL | back);
    watch_lines(back, 2);
    route(1, back, 1);
    line(1, true);
    report(arrived(back, 1, 2) && !remote_irr(0) && !remote_irr(1),
           "I10: writing the vector back recovers the pin at its next EOI");
    scene_end(10);
}

void invariant_11_level_to_edge(void) {
    const uint8_t v = VECTOR(11, 0), w = VECTOR(11, 1);
    scene_begin();
    bool in_service = bring_into_service(0, v) && remote_irr(0);
    write_low(0, RTE_MASKED | v);
    report(in_service && !remote_irr(0), "I11: level to edge clears Remote IRR at once");
    write_low(0, RTE_LEVEL | v);
    report(remote_irr(0), "I11: back to level with the line active: delivered again");
    open_gate(1);
    bool again = at_gate(1, 2);
    line(0, false);
    open_gate(1);
    report(again && arrived(v, 1, 2) && !remote_irr(0), "I11: the second delivery is handled");

    ioapic_write_entry(scene_pin(0), rte_level(w, (uint8_t)cpu_apic_id(1)) | RTE_REMOTE_IRR |
                                         RTE_DELIVERY_STATUS);
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
    bool in_service = bring_into_service(0, v);
    write_low(0, RTE_LEVEL | RTE_MASKED | v);
    report(in_service && remote_irr(0), "I12: masked in service: Remote IRR is kept");
    open_gate(1);
    report(arrived(v, 1, 1) && !remote_irr(0),
           "I12: the EOI clears Remote IRR, and nothing is delivered");
    write_low(0, RTE_LEVEL | v);
    bool again = at_gate(1, 2) && remote_irr(0);
    line(0, false);
    open_gate(1);
    report(again && arrived(v, 1, 2), "I12: unmasked with the line active: delivered once");

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
    report(handled(w) == 0, "I12: an edge while masked is lost");
    pulse();
    report(arrived(w, 1, 1), "I12: the edge after unmasking is delivered");
    scene_end(12);
}

/* ---- 13 ---- */

/* In x2APIC mode the logical ID follows from the APIC ID. */
static uint8_t logical_ids(uint8_t set) {
    uint32_t ids = 0;
    for (uint32_t cpu = 0; apic_x2apic_mode && cpu < VCPUS; cpu++)
        ids |= (uint32_t)(set >> cpu & 1) << cpu_apic_id(cpu);
    return apic_x2apic_mode ? (uint8_t)ids : set;
}

/* Routes a pin to a set of logical IDs. 2 is vCPU 1; 10H matches no LDR at first. */
static void route_logical(unsigned n, uint64_t mode, uint8_t vector, uint8_t set) {
    ioapic_write_entry(scene_pin(n), mode | RTE_LEVEL | RTE_LOGICAL | vector |
                                         (uint64_t)logical_ids(set) << RTE_DESTINATION_SHIFT);
}

/* vCPU 1 has the vector of pin 0 in service when it changes its local APIC so that the pin's
 * destination no longer matches. */
static void change_in_service(const char *what, uint8_t vector, void (*change)(void)) {
    uint64_t before = eoi_exits(1);
    uint32_t already = handled(vector);
    line(0, true);
    bool good = remote_irr(0) && at_gate(1, already + 1) && at_gate_do(1, change);
    line(0, false);
    open_gate(1);
    report(good && arrived(vector, 1, already + 1) && !remote_irr(0) && exited(1, before, 1),
           "I13: %s in service: the EOI exits once and reaches the I/O APIC", what);
    line(0, true);
    settle();
    report(!remote_irr(0) && delivery_status(0) && handled(vector) == already + 1,
           "I13: %s: the destination no longer matches", what);
    line(0, false);
}

static void set_other_ldr(void) {
    apic_write(APIC_LDR, 0x20u << 24);
}

static void set_ldr_for_both_models(void) {
    /* Flat model: bits 1 and 4. Cluster model: cluster 1, bit 1. */
    apic_write(APIC_LDR, 0x12u << 24);
}

static void set_cluster_model(void) {
    apic_write(APIC_DFR, APIC_DFR_CLUSTER);
}

static void set_flat_model(void) {
    apic_write(APIC_DFR, APIC_DFR_FLAT);
}

static void set_other_id(void) {
    apic_write(APIC_ID, 9u << 24);
}

static void set_own_id(void) {
    apic_write(APIC_ID, cpu_apic_id(cpu_self()->index) << 24);
}

/* Whether Remote IRR is clear after an EOI in x2APIC mode of an interrupt that was accepted in
 * xAPIC mode. The way back to xAPIC mode is through the disabled state. */
static atomic_bool cleared_in_x2apic_mode;

static void handle_and_change_mode(uint8_t vector) {
    (void)vector;
    uint64_t base = rdmsr(MSR_IA32_APIC_BASE);
    line(0, false);
    wrmsr(MSR_IA32_APIC_BASE, base | APIC_BASE_X2APIC);
    wrmsr(apic_msr(APIC_EOI), 0);
    atomic_store(&cleared_in_x2apic_mode, !remote_irr(0));
    wrmsr(MSR_IA32_APIC_BASE, base & ~APIC_BASE_ENABLE);
    apic_enable();
    apic_set_logical_id();
}

static void mode_changed_in_service(void) {
    const uint8_t v = VECTOR(13, 4);
    atomic_store(&cleared_in_x2apic_mode, false);
    interrupt_handle(v, handle_and_change_mode);
    route(0, v, 3);
    line(0, true);
    settle();
    report(atomic_load(&cleared_in_x2apic_mode) && !remote_irr(0),
           "I13: mode changed in service: the EOI in x2APIC mode reaches the I/O APIC");
    watch_lines(v, 1);
    line(0, true);
    report(arrived(v, 3, 1) && !remote_irr(0),
           "I13: back in xAPIC mode an interrupt is delivered and retired");
}

static void xapic_changes(void) {
    const uint8_t ldr = VECTOR(13, 1), dfr = VECTOR(13, 2), id = VECTOR(13, 3);
    scene_begin();
    watch_at_gate(ldr);
    route_logical(0, 0, ldr, 1 << 1);
    change_in_service("LDR changed", ldr, set_other_ldr);
    report(ipis_exit(1, ldr, IPIS, 0), "I13: LDR changed: later EOIs cause no VM exit");

    scene_begin();
    watch_at_gate(dfr);
    cpu_call(1, set_ldr_for_both_models);
    route_logical(0, 0, dfr, 0x10);
    change_in_service("DFR changed", dfr, set_cluster_model);
    report(ipis_exit(1, dfr, IPIS, 0), "I13: DFR changed: later EOIs cause no VM exit");
    cpu_call(1, set_flat_model);
    cpu_call(1, set_up_vcpu);

    scene_begin();
    watch_at_gate(id);
    route(0, id, 1);
    change_in_service("APIC ID changed", id, set_other_id);
    report(ipis_exit(1, id, IPIS, 0), "I13: APIC ID changed: later EOIs cause no VM exit");
    watch_lines(id, 1);
    route(0, id, 9);
    uint32_t already = handled(id);
    line(0, true);
    report(arrived(id, 1, already + 1) && !remote_irr(0), "I13: the new APIC ID is a destination");
    cpu_call(1, set_own_id);
    scene_end(13);

    if (apic_has_x2apic()) {
        scene_begin();
        mode_changed_in_service();
    } else {
        report_skip("I13: mode changed in service", "no x2APIC mode");
    }
}

void invariant_13_lapic_changes(void) {
    const uint8_t svr = VECTOR(13, 0);
    scene_begin();
    watch_at_gate(svr);
    route(0, svr, 1);
    change_in_service("software-disabled", svr, apic_software_disable);
    cpu_call(1, apic_software_enable);
    if (apic_x2apic_mode)
        report_skip("I13: LDR, DFR, APIC ID", "read-only or absent in x2APIC mode");
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
    report(good && remote_irr(0), "I14: three targets: all three have it in service");
    line(0, false);
    for (uint32_t cpu = 1; cpu < VCPUS; cpu++) {
        open_gate(cpu);
        report(arrived(v, cpu, 1) && !remote_irr(0) && handled(v) == cpu,
               "I14: EOI %u of three: Remote IRR is clear after it", cpu);
    }

    watch_lines(w, 1);
    route_logical(0, (uint64_t)APIC_DELIVERY_LOWEST_PRIORITY << RTE_DELIVERY_SHIFT, w, 0x0e);
    uint32_t once = 0;
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        line(0, true);
        settle();
        once += handled(w) == i && !remote_irr(0);
    }
    report(once == ROUNDS && arrived(w, 0, 0),
           "I14: lowest priority: one of three accepts, %u times", ROUNDS);
    scene_end(14);
}
