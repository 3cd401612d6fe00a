/* Invariants 15 to 17, 19, 23 and 24: several interrupts with one vector. */
#include "guest/invariants/invariants.h"
#include "guest/invariants/scene.h"
#include "guest/lib/apic.h"
#include "guest/lib/cpus.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/report.h"

/* ---- 15 ---- */

#define CHAIN_STRIDE 100000u /* IPIs that are handled within one bounded wait */

static struct {
    uint32_t wanted;
    atomic_uint handled;
} chain;

/* At each EOI but the last, the next IPI is in IRR. */
static void handle_chain(uint8_t vector) {
    uint32_t n = atomic_fetch_add_explicit(&chain.handled, 1, memory_order_relaxed) + 1;
    if (n < chain.wanted)
        apic_self_ipi(vector);
    apic_eoi();
}

static bool chain_ends(void) {
    bool continues = true;
    for (uint32_t n = CHAIN_STRIDE; continues && n < chain.wanted; n += CHAIN_STRIDE)
        continues = wait_at_least(&chain.handled, n);
    return wait_at_least(&chain.handled, chain.wanted);
}

/* The first IPI is already in IRR at the stale EOI. It must not count as a level-triggered
 * interrupt that needs the EOI-exit bit. */
void invariant_15_coincidental_reuse(uint32_t ipis) {
    const uint8_t v = VECTOR(15, 0);
    scene_begin();
    uint64_t before = eoi_exits(1);
    bool in_service = bring_into_service(0, v);
    reroute(0, 2);
    line(0, false);
    chain.wanted = ipis;
    atomic_store(&chain.handled, 0);
    interrupt_handle(v, handle_chain);
    send_ipi(1, v);
    settle();
    open_gate(1);
    bool ended = chain_ends();
    settle();
    report(in_service && ended && chain.handled == ipis && !remote_irr(0) && exited(1, before, 1),
           "I15: a stale EOI, then %u IPIs, each in IRR at the EOI before it: one EOI exits", ipis);
    report(ipis_exit(1, v, ipis, 0), "I15: %u more IPIs, one by one: no EOI exits", ipis);
    scene_end(15);
}

/* ---- 16 ---- */

/* One is in service when the other arrives. */
static void one_in_service(bool level_first, uint8_t v) {
    const char *what =
        level_first ? "an edge while a level is in service" : "a level while an edge is in service";
    scene_begin();
    watch_at_gate(v);
    route(0, v, 1);
    if (level_first)
        line(0, true);
    else
        send_ipi(1, v);
    bool first = at_gate(1, 1);
    if (level_first)
        send_ipi(1, v);
    else
        line(0, true);
    settle();
    report(first && remote_irr(0), "I16: %s: both are accepted", what);
    if (level_first)
        line(0, false);
    open_gate(1);
    report(at_gate(1, 2) && remote_irr(0) == !level_first,
           "I16: %s: the first EOI clears Remote IRR only if it is the level's", what);
    line(0, false);
    open_gate(1);
    report(arrived(v, 1, 2) && handled(v) == 2 && !remote_irr(0),
           "I16: %s: two interrupts, and the level's EOI reaches the I/O APIC", what);
    scene_end(16);
}

/* Both are pending before either is in service: they are one interrupt, which counts as the
 * level's. */
static void both_pending(bool level_first, uint8_t v) {
    scene_begin();
    watch_lines(v, 1);
    route(0, v, 1);
    hold(1);
    if (level_first)
        line(0, true);
    settle();
    send_ipi(1, v);
    settle();
    if (!level_first)
        line(0, true);
    settle();
    release(1);
    report(arrived(v, 1, 1) && handled(v) == 1 && !remote_irr(0),
           "I16: %s in IRR: one interrupt, and its EOI reaches the I/O APIC",
           level_first ? "an edge after a level" : "a level after an edge");
    scene_end(16);
}

void invariant_16_edge_and_level(void) {
    one_in_service(true, VECTOR(16, 0));
    one_in_service(false, VECTOR(16, 1));
    both_pending(true, VECTOR(16, 2));
    both_pending(false, VECTOR(16, 3));
}

/* ---- 17 ---- */

static void send_eois(void) {
    for (unsigned i = 0; i < 3; i++)
        apic_eoi();
}

void invariant_17_spurious_eoi(void) {
    const uint8_t v = VECTOR(17, 0);
    scene_begin();
    watch_lines(v, 1);
    route(0, v, 1);
    hold(1);
    uint64_t before = eoi_exits(1);
    line(0, true);
    bool pending = bit_of(1, APIC_IRR, v);
    cpu_call(1, send_eois);
    report(pending && remote_irr(0) && bit_of(1, APIC_IRR, v) && exited(1, before, 0),
           "I17: EOIs with nothing in service change nothing");
    release(1);
    report(arrived(v, 1, 1) && !remote_irr(0) && exited(1, before, 1),
           "I17: the pending interrupt is handled as usual");
    scene_end(17);
}

/* ---- 19 ---- */

void invariant_19_two_pins(void) {
    const uint8_t v = VECTOR(19, 0), w = VECTOR(19, 1);
    scene_begin();
    watch_lines(v, 3);
    route(0, v, 1);
    route(1, v, 1);
    hold(1);
    line(0, true);
    line(1, true);
    bool both = remote_irr(0) && remote_irr(1);
    release(1);
    report(both && arrived(v, 1, 1) && handled(v) == 1 && !remote_irr(0) && !remote_irr(1),
           "I19: two pins pending with one vector: one interrupt, one EOI for both");

    scene_begin();
    route(1, w, 1);
    bool in_service = bring_into_service(0, w);
    reroute(0, 2);
    line(0, false);
    open_gate(1);
    report(in_service && arrived(w, 1, 1) && !remote_irr(0),
           "I19: one of two pins rerouted in service: its EOI clears its Remote IRR");
    watch_lines(w, 2);
    line(1, true);
    report(arrived(w, 1, 2) && !remote_irr(1),
           "I19: the EOI of the other pin still reaches the I/O APIC");
    reroute(1, 2);
    report(ipis_exit(1, w, 50, 0), "I19: both pins rerouted: later EOIs cause no VM exit");
    scene_end(19);
}

/* ---- 23 and 24 ---- */

void invariant_23_glitches(void) {
    const uint8_t v = VECTOR(23, 0), w = VECTOR(23, 1), edge = VECTOR(23, 2);
    scene_begin();
    watch_lines(v, 1);
    route(0, v, 1);
    hold(1);
    line(0, true);
    line(0, false);
    line(0, true);
    release(1);
    report(arrived(v, 1, 1) && handled(v) == 1, "I23: up, down, up while pending: one interrupt");
    line(0, true);
    report(arrived(v, 1, 2), "I23: up after the EOI: another interrupt");

    bool first = bring_into_service(0, w);
    line(0, false);
    line(0, true);
    open_gate(1);
    bool second = at_gate(1, 2);
    line(0, false);
    open_gate(1);
    report(first && second && arrived(w, 1, 2),
           "I23: down and up in service: another interrupt after the EOI");

    watch(edge);
    write_low(0, edge);
    hold(1);
    line(0, true);
    line(0, false);
    line(0, true);
    release(1);
    report(arrived(edge, 1, 1) && handled(edge) == 1,
           "I23: two edges while pending: one interrupt");
    scene_end(23);
}

void invariant_24_tmr(void) {
    const uint8_t v = VECTOR(24, 0);
    scene_begin();
    watch_lines(v, 1);
    hold(1);
    send_ipi(1, v);
    settle();
    bool edge = bit_of(1, APIC_IRR, v) && !bit_of(1, APIC_TMR, v);
    route(0, v, 1);
    settle();
    report(edge && !bit_of(1, APIC_TMR, v),
           "I24: writing a level-triggered entry does not set the TMR bit");
    line(0, true);
    settle();
    report(bit_of(1, APIC_TMR, v), "I24: accepting a level-triggered interrupt sets it");
    write_low(0, v);
    settle();
    report(bit_of(1, APIC_TMR, v), "I24: writing an edge-triggered entry does not clear it");
    release(1);
    bool once = arrived(v, 1, 1);
    hold(1);
    send_ipi(1, v);
    settle();
    report(once && bit_of(1, APIC_IRR, v) && !bit_of(1, APIC_TMR, v),
           "I24: accepting an edge-triggered interrupt clears it");
    release(1);
    report(arrived(v, 1, 2), "I24: both interrupts are handled");
    scene_end(24);
}
