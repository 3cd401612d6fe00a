/* Invariants 1 to 9: which EOIs must cause a VM exit, and which must not. */
#include "guest/invariants/invariants.h"
#include "guest/invariants/scene.h"
#include "guest/lib/apic.h"
#include "guest/lib/cpus.h"
#include "guest/lib/report.h"

#define ROUNDS 60
#define IPIS   50

void invariant_1_no_lost_eoi(void) {
    const uint8_t v = VECTOR(1, 0);
    scene_begin();
    watch_lines(v, 1);
    for (uint32_t cpu = 0; cpu < VCPUS; cpu++) {
        route(0, v, cpu);
        line(0, true);
        bool first = arrived(v, cpu, 1) && !remote_irr(0);
        line(0, true);
        report(first && arrived(v, cpu, 2) && !remote_irr(0),
               "I1: two level-triggered interrupts at vCPU %u: both EOIs reach the I/O APIC", cpu);
    }
    scene_end(1);
}

/* The line is raised right after the reroute, to a vCPU that runs. */
void invariant_2_publish_order(void) {
    const uint8_t v = VECTOR(2, 0);
    uint32_t good = 0;
    scene_begin();
    watch_lines(v, 1);
    route(0, v, 3);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint32_t cpu = 1 + i % 3;
        reroute(0, cpu);
        line(0, true);
        good += arrived(v, cpu, i / 3 + 1) && !remote_irr(0);
    }
    report(good == ROUNDS && handled(v) == ROUNDS,
           "I2: %u interrupts, each right after a reroute: all EOIs reach the I/O APIC", ROUNDS);
    scene_end(2);
}

void invariant_3_tight(void) {
    const uint8_t v = VECTOR(3, 0);
    scene_begin();
    route(0, v, 1);
    reroute(0, 2);
    report(ipis_exit(1, v, IPIS, 0), "I3: no EOI exits where a route no longer leads");
    write_low(0, v); /* edge-triggered */
    report(ipis_exit(2, v, IPIS, 0), "I3: no EOI exits where the route is edge-triggered");
    write_low(0, RTE_LEVEL | v);
    report(ipis_exit(2, v, IPIS, IPIS), "I3: each EOI exits where a level route leads");
    scene_end(3);
}

void invariant_4_remote_irr(void) {
    const uint8_t v = VECTOR(4, 0), w = VECTOR(4, 1);
    scene_begin();
    watch_lines(v, 1);
    route(0, v, 9); /* no vCPU has this APIC ID */
    line(0, true);
    settle();
    report(!remote_irr(0) && delivery_status(0) && handled(v) == 0,
           "I4: no vCPU accepts it: Remote IRR stays clear, the interrupt waits");
    reroute(0, 1);
    report(arrived(v, 1, 1) && !remote_irr(0) && !delivery_status(0),
           "I4: rerouted to a vCPU that accepts it: delivered");
    cpu_call(1, apic_software_disable);
    line(0, true);
    settle();
    report(!remote_irr(0) && delivery_status(0), "I4: a software-disabled APIC does not accept it");
    cpu_call(1, apic_software_enable);
    report(arrived(v, 1, 2) && !remote_irr(0), "I4: delivered when that APIC is enabled");

    report(bring_into_service(1, w) && remote_irr(1),
           "I4: Remote IRR is set while it is in service");
    line(1, false);
    line(1, true);
    line(1, false);
    open_gate(1);
    report(arrived(w, 1, 1) && !remote_irr(1),
           "I4: while Remote IRR is set the pin delivers nothing");
    scene_end(4);
}

void invariant_5_eoi(void) {
    const uint8_t v = VECTOR(5, 0), w = VECTOR(5, 1);
    scene_begin();
    bool first = bring_into_service(0, v);
    reroute(0, 2);
    open_gate(1);
    report(first && at_gate(2, 1) && remote_irr(0),
           "I5: the line is active at the EOI: delivered again, to the current destination");
    line(0, false);
    open_gate(2);
    report(arrived(v, 1, 1) && arrived(v, 2, 1) && !remote_irr(0), "I5: delivered again only once");

    watch_at_gate(w);
    route(0, w, 1);
    route(1, w, 2);
    line(0, true);
    line(1, true);
    bool both = at_gate(1, 2) && at_gate(2, 2) && remote_irr(0) && remote_irr(1);
    line(0, false);
    line(1, false);
    open_gate(1);
    report(both && arrived(w, 1, 1) && !remote_irr(0) && !remote_irr(1),
           "I5: an EOI clears Remote IRR of every level entry with its vector");
    open_gate(2);
    report(arrived(w, 2, 1) && handled(w) == 2, "I5: the EOI of the other vCPU changes nothing");
    scene_end(5);
}

void invariant_6_rerouted_in_service(void) {
    const uint8_t v = VECTOR(6, 0);
    scene_begin();
    uint64_t before = eoi_exits(1);
    bool in_service = bring_into_service(0, v);
    reroute(0, 2);
    line(0, false);
    open_gate(1);
    report(in_service && arrived(v, 1, 1) && !remote_irr(0) && exited(1, before, 1),
           "I6: rerouted in service: the EOI exits at the old vCPU and reaches the I/O APIC");
    report(ipis_exit(1, v, IPIS, 0), "I6: later EOIs at the old vCPU cause no VM exit");
    watch_lines(v, 1);
    before = eoi_exits(2);
    line(0, true);
    report(arrived(v, 2, 1) && !remote_irr(0) && exited(2, before, 1),
           "I6: the EOI at the new vCPU exits as usual");
    scene_end(6);
}

void invariant_7_rerouted_while_pending(void) {
    const uint8_t v = VECTOR(7, 0), w = VECTOR(7, 1);
    scene_begin();
    watch_lines(v, 1);
    route(0, v, 1);
    hold(1);
    uint64_t before = eoi_exits(1);
    line(0, true);
    bool pending = bit_of(1, APIC_IRR, v);
    reroute(0, 2);
    settle();
    report(pending && bit_of(1, APIC_IRR, v) && remote_irr(0) && handled(v) == 0,
           "I7: rerouted while pending: it stays pending at the old vCPU");
    release(1);
    report(arrived(v, 1, 1) && handled(v) == 1 && !remote_irr(0) && exited(1, before, 1),
           "I7: the old vCPU handles it; its EOI exits once and reaches the I/O APIC");
    report(ipis_exit(1, v, IPIS, 0), "I7: later EOIs there cause no VM exit");

    /* Rerouted at once: the interrupt may not be in IRR yet. */
    watch_lines(w, 1);
    uint32_t good = 0;
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        route(0, w, 1);
        line(0, true);
        reroute(0, 2);
        good += arrived(w, 1, i) && handled(w) == i && !remote_irr(0);
    }
    report(good == ROUNDS, "I7: %u interrupts rerouted right after they were sent are handled",
           ROUNDS);
    report(ipis_exit(1, w, IPIS, 0), "I7: later EOIs with their vector cause no VM exit");
    scene_end(7);
}

/* Three vectors of different priority classes, lowest first. */
static const uint8_t three[] = {0x28, 0x31, VECTOR(8, 0)};

/* Whether exactly the `gone` highest of the three have been retired: the Remote IRR of the others
 * is still set. */
static bool only_retired(unsigned gone) {
    bool good = true;
    for (unsigned i = 0; i < 3; i++)
        good = remote_irr(i) == (i < 3 - gone) && good;
    return good;
}

static void all_pending_at_1(void) {
    for (unsigned i = 0; i < 3; i++) {
        watch_lines(three[i], 1u << i);
        route(i, three[i], 1);
    }
    for (unsigned i = 0; i < 3; i++)
        line(i, true);
    for (unsigned i = 0; i < 3; i++)
        reroute(i, 2);
}

static void pending_and_stale(void) {
    static const uint8_t tpr[] = {0x60, 0x20, 0x00}; /* each admits the next lower class */
    hold(1);
    write_apic(1, APIC_TPR, tpr[0]);
    all_pending_at_1();
    release(1);
    for (unsigned gone = 1; gone <= 3; gone++) {
        write_apic(1, APIC_TPR, tpr[gone - 1]);
        bool good = arrived(three[3 - gone], 1, 1) && only_retired(gone);
        for (unsigned i = 3 - gone; i < 3; i++)
            good = ipis_exit(1, three[i], IPIS, 0) && good;
        report(good, "I8: pending: %u of three retired; only their EOIs cause no VM exit any more",
               gone);
    }
}

static void nested_and_stale(void) {
    bool nested = true;
    for (unsigned i = 0; i < 3; i++) {
        watch_at_gate_nested(three[i]);
        route(i, three[i], 1);
        line(i, true);
        nested = at_gate(1, i + 1) && nested;
    }
    for (unsigned i = 0; i < 3; i++) {
        reroute(i, 2);
        line(i, false);
    }
    report(nested && only_retired(0), "I8: three in service, nested, all rerouted");
    for (unsigned gone = 1; gone <= 3; gone++) {
        open_gate(1);
        settle();
        report(only_retired(gone),
               "I8: in service: %u of three retired, the others are still in service", gone);
    }
    bool good = true;
    for (unsigned i = 0; i < 3; i++)
        good = ipis_exit(1, three[i], IPIS, 0) && good;
    report(good, "I8: in service: later EOIs cause no VM exit");
}

/* The lower vector is in service and the higher one pending, so the EOI of the lower comes first.
 * That each EOI requested a scan is in the hypervisor's SCANS: tests/emulator/invariants.t. */
static void lower_first_and_stale(void) {
    const uint8_t low = 0x29, high = VECTOR(8, 1);
    watch_lines(high, 2);
    route(1, high, 1);
    bool in_service = bring_into_service(0, low);
    line(1, true);
    reroute(0, 2);
    reroute(1, 2);
    line(0, false);
    open_gate(1);
    bool both = arrived(low, 1, 1) && arrived(high, 1, 1) && !remote_irr(0) && !remote_irr(1);
    report(in_service && both,
           "I8: the lower in service, the higher pending: both EOIs reach the I/O APIC");
    both = ipis_exit(1, low, IPIS, 0) && ipis_exit(1, high, IPIS, 0);
    report(both, "I8: the lower first: later EOIs cause no VM exit");
}

void invariant_8_several_stale_vectors(void) {
    scene_begin();
    pending_and_stale();
    scene_end(8);
    scene_begin();
    nested_and_stale();
    scene_end(8);
    scene_begin();
    lower_first_and_stale();
    scene_end(8);
}

/* The first instance of a vector is in service when the second arrives and the pin is rerouted. */
static void two_instances(const char *what, void (*first)(uint8_t), void (*second)(uint8_t),
                          uint8_t vector) {
    scene_begin();
    watch_at_gate(vector);
    route(0, vector, 1);
    route(1, vector, 1);
    uint64_t before = eoi_exits(1);
    first(vector);
    bool good = at_gate(1, 1);
    second(vector);
    reroute(0, 2);
    reroute(1, 2);
    line(0, false);
    line(1, false);
    open_gate(1);
    good = at_gate(1, 2) && good;
    open_gate(1);
    report(good && arrived(vector, 1, 2) && handled(vector) == 2 && exited(1, before, 2),
           "I9: %s: two instances, two exits", what);
    report(ipis_exit(1, vector, IPIS, 0), "I9: %s: later EOIs cause no VM exit", what);
    scene_end(9);
}

static void raise_first(uint8_t vector) {
    (void)vector;
    line(0, true);
}

static void raise_second(uint8_t vector) {
    (void)vector;
    line(1, true);
}

static void edge_at_1(uint8_t vector) {
    send_ipi(1, vector);
}

void invariant_9_bound(void) {
    two_instances("edge before level", edge_at_1, raise_first, VECTOR(9, 0));
    two_instances("two pins", raise_first, raise_second, VECTOR(9, 1));
}
