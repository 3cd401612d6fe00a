/* The order of work before an entry and after an EOI, step by step: see order.h. */
#include "tests/model/order.h"

#include <string.h>

#include "tests/model/checks.h"
#include "tests/model/world.h"
#include "vmm/vcpu/posted.h"
#include "vmm/vcpu/virq.h"

/* Pins that were owed this EOI and still have Remote IRR: their vector was rewritten (invariant
 * 10). */
static void reference_orphans(uint8_t vector, unsigned owed) {
    for (unsigned p = 0; p < MODEL_PINS; p++) {
        struct pin_state *pin = &world.now.pin[p];
        if ((owed >> p & 1) && pin->remote_irr && model_vector[pin->vector] != vector)
            pin->orphan = 1;
    }
}

static void scan(unsigned v) {
    struct cpu_state *s = &world.now.vcpu[v];
    unsigned changed = steps_scan(&world.vm.routing, v);

    world_note_acceptance(v);
    s->changed = changed & 3;
    s->phase = changed ? PHASE_SCANNED : PHASE_WRITTEN;
}

static void leave_eoi(unsigned v) {
    struct cpu_state *s = &world.now.vcpu[v];

    s->pins = s->eoi = s->ref_owed = 0;
    s->rescan = 0;
    s->phase = PHASE_OUT;
}

/* As in routing_eoi_exit(): a coincidental EOI ends here. */
static void retire(unsigned v) {
    struct cpu_state *s = &world.now.vcpu[v];
    uint32_t pins;
    bool rescan;

    steps_retire(&world.vm.routing, v, model_vector[s->eoi], &pins, &rescan);
    world_pack();
    check_retired(&world.now, v, pins, rescan);
    for (unsigned p = 0; p < MODEL_PINS && world.suppresses; p++)
        world.now.pin[p].orphan |= s->ref_owed >> p & 1;
    s->pins = pins & 3;
    s->rescan = rescan;
    s->phase = PHASE_RETIRED;
    if (!pins && !rescan)
        leave_eoi(v);
}

static void report(unsigned v) {
    const struct cpu_state *s = &world.now.vcpu[v];

    steps_report_eoi(&world.vm.routing, v, model_vector[s->eoi], s->pins, s->rescan);
    world_pack();
    reference_orphans(model_vector[s->eoi], s->ref_owed);
    leave_eoi(v);
}

/* What is deliverable now, and was not injected, waits for an exit. */
static void check_window(unsigned v) {
    if (world.software && virq_deliverable(&world.vcpu[v]) && !virq_wants_window(&world.vcpu[v]))
        world_violate(0, "an interrupt waits, and no interrupt-window exit is requested");
}

/* The steps of virq_prepare_entry() and of the run loop, one by one, in their order. */
void order_step(unsigned v) {
    struct cpu_state *s = &world.now.vcpu[v];

    switch ((enum phase)s->phase) {
    case PHASE_OUT: /* arms, then takes the requests */
        s->phase = s->requests || s->on ? PHASE_TAKEN : PHASE_READY;
        s->drained = s->on;
        atomic_store_explicit(world.vcpu[v].requests, 0, memory_order_relaxed);
        break;
    case PHASE_TAKEN:
        if (!steps_wants_scan(&world.vm.routing, v)) { /* otherwise under the lock, with the scan */
            vlapic_accept(routing_vlapic(&world.vm.routing, v));
        }
        world_note_acceptance(v);
        s->phase = PHASE_SYNCED;
        break;
    case PHASE_SYNCED:
        s->phase = steps_wants_scan(&world.vm.routing, v) ? PHASE_MUST_SCAN : PHASE_WRITTEN;
        break;
    case PHASE_MUST_SCAN:
        scan(v);
        break;
    case PHASE_SCANNED:
        steps_write_words(&world.vcpu[v], s->changed);
        s->changed = 0;
        s->phase = PHASE_WRITTEN;
        break;
    case PHASE_WRITTEN:
        steps_write_status(&world.vcpu[v]);
        s->phase = PHASE_READY;
        break;
    case PHASE_READY:
        if (s->drained)
            posted_drained(&world.vcpu[v]);
        s->drained = 0;
        check_window(v);
        s->phase = PHASE_GUEST;
        break;
    case PHASE_EOI:
        retire(v);
        break;
    case PHASE_RETIRED:
        report(v);
        break;
    case PHASE_RENAMED:
        steps_announce_identity(&world.vm.routing, v);
        s->phase = PHASE_OUT;
        break;
    default:
        break;
    }
}

/* All steps at once, as production makes them. */
static void whole_entry(unsigned v) {
    virq_prepare_entry(&world.vcpu[v]);
    world_note_acceptance(v);
    world_pack();
}

static void steps_of_entry(unsigned v) {
    while (world.now.vcpu[v].phase != PHASE_READY) {
        order_step(v);
        world_pack();
    }
}

void order_compare(unsigned v) {
    const struct state before = world.now;
    struct trace_ring *trace = world.trace;
    struct state whole;

    world.trace = NULL;
    world.moving = false;
    whole_entry(v);
    world.now.vcpu[v].phase = PHASE_READY;
    whole = world.now;
    world.now = before;
    world_unpack();
    steps_of_entry(v);
    if (memcmp(&whole, &world.now, sizeof(whole)) != 0)
        world_violate(0, "virq_prepare_entry() differs from its steps in their order");
    world.now = before;
    world.trace = trace;
    world_unpack();
    world.moving = true;
}
