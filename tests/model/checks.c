/* Invariants of a move: what it may change, and what it must. See checks.h. */
#include "tests/model/checks.h"

#include <string.h>

#include "tests/model/icr.h"
#include "tests/model/modes.h"
#include "tests/model/world.h"

/* Steps at which a vCPU accepts interrupts. */
static bool accepts(const struct state *before, const struct move *move) {
    return move->kind == MOVE_STEP && (before->vcpu[move->who].phase == PHASE_TAKEN ||
                                       before->vcpu[move->who].phase == PHASE_MUST_SCAN);
}

/* ---- the EOI ---- */

void check_retired(const struct state *state, unsigned v, uint32_t pins, bool rescan) {
    const struct cpu_state *s = &state->vcpu[v];
    unsigned vector = 1u << s->eoi;
    bool flying = state_vectors_of(s->ref_waiting | s->ref_served) & vector;

    if (world.suppresses) {
        if (pins)
            world_violate(21, "an EOI reaches the I/O APIC although its broadcast is suppressed");
        pins = s->ref_owed;
    }
    if (s->ref_owed & ~pins)
        world_violate(s->irr & vector ? 16 : 5, "an EOI that is owed to a pin does not reach it");
    if (pins & ~s->ref_owed)
        world_violate(9, "an EOI retires a delivery that is still in flight");
    if (rescan && (!(s->stale & vector) || flying))
        world_violate(18, "a rescan is requested that would drop no bit");
    if (!rescan && (s->stale & vector) && !flying && !s->outdated)
        world_violate(8, "the last EOI of a stale vector requests no rescan: its bit stays set");
    if (flying && !(s->inflight & vector))
        world_violate(5, "an EOI retires all tokens of its vector, and one is still in flight");
}

/* The EOI clears Remote IRR on every level entry with this vector, and on no other; each of these
 * pins that is still active delivers again, once. */
static void check_reported(const struct state *before, const struct state *after,
                           const struct move *move) {
    const struct cpu_state *s = &before->vcpu[move->who];

    for (unsigned p = 0; p < MODEL_PINS; p++) {
        const struct pin_state *old = &before->pin[p], *new = &after->pin[p];
        bool ends = s->ref_owed && !world.suppresses && old->remote_irr && old->vector == s->eoi;
        if (ends && new->remote_irr && !world.accepted[p])
            world_violate(19, "an EOI leaves Remote IRR set on an entry with its vector");
        if (!ends && new->remote_irr != old->remote_irr)
            world_violate(10,
                          "an EOI of another vector, or one owed to no pin, changes Remote IRR");
        if (world.delivered[p] > 1)
            world_violate(5, "a pin delivers twice after one EOI");
    }
}

/* The same for a write to the EOI register. */
static void check_eoi_register(const struct state *before, const struct state *after,
                               const struct move *move) {
    for (unsigned p = 0; p < MODEL_PINS; p++) {
        const struct pin_state *old = &before->pin[p], *new = &after->pin[p];
        bool ends = old->remote_irr && old->vector == move->argument;
        if (ends && new->remote_irr && !world.accepted[p])
            world_violate(21, "a write to the EOI register leaves Remote IRR set");
        if (!ends && new->remote_irr != old->remote_irr)
            world_violate(21, "a write to the EOI register changes Remote IRR of another vector");
        if (world.delivered[p] > 1)
            world_violate(5, "a pin delivers twice after one EOI");
    }
}

/* ---- the I/O APIC ---- */

static bool writes_route(unsigned write) {
    return write != WRITE_MASK && write != WRITE_AGAIN;
}

static void check_write(const struct state *before, const struct state *after,
                        const struct move *move) {
    const struct pin_state *old = &before->pin[move->who], *new = &after->pin[move->who];

    if (old->remote_irr && old->level && new->level && !new->remote_irr)
        world_violate(12, "a write to a level entry clears Remote IRR");
    for (unsigned v = 0; v < MODEL_VCPUS; v++) {
        bool notified = after->vcpu[v].requests && !before->vcpu[v].requests;
        if (!writes_route(move->argument) && after->vcpu[v].outdated != before->vcpu[v].outdated)
            world_violate(18, "a write that changes no route requests a scan");
        if (after->vcpu[v].outdated && !before->vcpu[v].outdated && !notified &&
            !after->vcpu[v].requests)
            world_violate(2, "a scan is due and the vCPU is not notified");
    }
}

static void check_pins(const struct state *before, const struct state *after) {
    for (unsigned p = 0; p < MODEL_PINS; p++) {
        const struct pin_state *old = &before->pin[p], *new = &after->pin[p];
        if (new->remote_irr && !old->remote_irr && !world.accepted[p])
            world_violate(4, "Remote IRR is set although no LAPIC has accepted");
        if (world.accepted[p] && new->level && !new->remote_irr)
            world_violate(4, "a level was accepted and Remote IRR is not set");
    }
}

/* ---- the vCPUs ---- */

/* An EOI exit shows what the processor has accepted by itself: if no level interrupt is in flight
 * and an edge has ended, or waits in the IRR, the vector's last acceptance was that of an edge. */
static unsigned tmr_after_eoi(const struct cpu_state *old, const struct cpu_state *new) {
    unsigned vector = 1u << old->eoi;
    bool flying = state_vectors_of(new->ref_waiting | new->ref_served) & vector;
    bool edge = (old->irr & vector) || !old->ref_owed;

    return edge && !flying ? old->tmr & ~vector : old->tmr;
}

/* In x2APIC mode a self-IPI exits while a TMR bit may be set, and then the bits of vectors of which
 * nothing is in flight are given up. */
static void check_x2apic_self_ipi(const struct cpu_state *old, const struct cpu_state *new,
                                  const struct move *move) {
    unsigned flying = state_vectors_of(old->ref_waiting | old->ref_served);
    unsigned kept = old->tmr & ~(1u << move->argument) & flying;

    if (new->tmr != (old->tmr_used && !old->disabled ? kept : old->tmr))
        world_violate(24,
                      "a self-IPI changes the TMR otherwise than by its own bit and ended ones");
}

/* With posted interrupts also where the processor accepts edges, and where ended levels are
 * cleared. False: what the other checks say. */
static bool check_tmr_posted(const struct cpu_state *old, const struct cpu_state *new,
                             const struct move *move) {
    unsigned flying = state_vectors_of(new->ref_waiting | new->ref_served);

    if (move->kind == MOVE_ARRIVE && (old->pir & ~new->pir &new->tmr))
        world_violate(24, "a posted interrupt is accepted, and its TMR bit stays set");
    if (move->kind != MOVE_STEP || old->phase != PHASE_READY || !old->drained || !old->tmr_used)
        return false;
    if (new->tmr != (old->tmr & flying))
        world_violate(24, "not exactly the TMR bits of ended levels are cleared");
    return true;
}

static void check_tmr(const struct state *before, const struct state *after,
                      const struct move *move) {
    for (unsigned v = 0; v < MODEL_VCPUS; v++) {
        const struct cpu_state *old = &before->vcpu[v], *new = &after->vcpu[v];
        if (move->kind == MOVE_INIT && v == move->who) {
            if (new->tmr | new->irr | new->isr | new->pir | new->level | new->front | new->behind)
                world_violate(20, "INIT leaves an interrupt or a token");
            continue;
        }
        if ((move->kind == MOVE_BASE || move->kind == MOVE_ICR) && v == move->who)
            continue; /* modes_check(), icr_check() */
        if (old->x2apic && move->kind == MOVE_SELF && v == move->who) {
            check_x2apic_self_ipi(old, new, move);
            continue;
        }
        if (v == move->who && check_tmr_posted(old, new, move))
            continue;
        if (world.software && move->kind == MOVE_SELF && v == move->who && !old->disabled) {
            if (new->tmr != (old->tmr & ~(1u << move->argument)))
                world_violate(24, "a self-IPI does not clear its TMR bit");
            continue;
        }
        if (v == move->who && move->kind == MOVE_STEP && old->phase == PHASE_EOI) {
            if (new->tmr != tmr_after_eoi(old, new))
                world_violate(24, "after an EOI the TMR bit is not the last acceptance's");
            continue;
        }
        if (!accepts(before, move) || v != move->who) {
            if (old->tmr != new->tmr)
                world_violate(24, "the TMR changes although nothing is accepted");
            continue;
        }
        unsigned levels = state_vectors_of(old->ref_posted & ~new->ref_posted);
        unsigned edges = old->pir & ~new->pir & ~levels;
        if ((levels & ~new->tmr) || (edges & new->tmr))
            world_violate(24, "the TMR bit is not the trigger mode of the accepted interrupt");
        if (edges & ~new->irr)
            world_violate(0, "an edge is accepted and not in the IRR");
    }
}

/* SDM Vol. 3A, "Local APIC State After It Has Been Software Disabled". */
static void check_disabled(const struct state *before, const struct state *after,
                           const struct move *move) {
    for (unsigned v = 0; v < MODEL_VCPUS; v++) {
        const struct cpu_state *old = &before->vcpu[v], *new = &after->vcpu[v];
        if (new->access == VMX_APIC_X2APIC &&new->tmr)
            world_violate(24, "a TMR bit is set, and a self-IPI would not clear it");
        if (old->disabled && new->disabled && (new->irr & ~old->irr & ~old->pir & ~old->level))
            world_violate(0, "a software-disabled LAPIC accepts a self-IPI");
        if (move->kind == MOVE_LATE)
            continue;
        if (old->disabled && ((new->pir & ~old->pir) || (new->level & ~old->level)))
            world_violate(0, "a software-disabled LAPIC accepts a message");
    }
}

/* Only reroutes, writes to LDR and SVR, and stale EOIs request scans. */
static void check_scans(const struct state *before, const struct state *after,
                        const struct move *move) {
    for (unsigned v = 0; v < MODEL_VCPUS; v++) {
        const struct cpu_state *old = &before->vcpu[v];
        bool may = move->kind == MOVE_WRITE ||
                   (move->kind == MOVE_STEP &&
                    (before->vcpu[move->who].phase == PHASE_RENAMED ||
                     (v == move->who && old->phase == PHASE_RETIRED && old->rescan)));
        if (after->vcpu[v].outdated && !old->outdated && !may)
            world_violate(18, "a scan is requested without a reason");
    }
}

static unsigned highest(unsigned set) {
    return set ? 32u - (unsigned)__builtin_clz(set) : 0;
}

static void check_entry(const struct cpu_state *s) {
    if (s->rvi != highest(s->irr))
        world_violate(0, "RVI is not the highest vector in the IRR");
    if (s->svi != highest(s->isr))
        world_violate(0, "SVI is not the highest vector in the ISR");
}

/* Checks that belong to one step of the order of work. */
static void check_step(const struct state *before, const struct state *after,
                       const struct move *move) {
    const struct cpu_state *old = &before->vcpu[move->who], *new = &after->vcpu[move->who];

    if (old->phase == PHASE_RETIRED)
        check_reported(before, after, move);
    if (old->phase == PHASE_READY) {
        check_entry(new);
        modes_check_entry(new);
    }
    if (old->phase == PHASE_MUST_SCAN && new->outdated)
        world_violate(18, "a scan is out of date as soon as it is done");
    if (old->phase == PHASE_RENAMED && !(after->vcpu[0].outdated && after->vcpu[1].outdated))
        world_violate(13, "a local APIC has changed and not every vCPU is requested to scan");
}

static void check_eoi(const struct state *before, const struct state *after,
                      const struct move *move) {
    const struct cpu_state *old = &before->vcpu[move->who], *new = &after->vcpu[move->who];
    unsigned vector = 1u << new->eoi;
    struct state expected = *before;

    if (!world_virtualizes_eoi(move->who)) /* the write has exited */
        expected.vcpu[move->who].phase = PHASE_OUT;
    if (!old->isr && memcmp(&expected, after, sizeof(expected)) != 0)
        world_violate(17, "an EOI with nothing in service changes something");
    if (new->phase == PHASE_EOI && !new->ref_owed && !old->requests &&
        !(state_routed(before, move->who) & vector) &&
        !(state_vectors_of(old->ref_waiting) & vector))
        world_violate(15, "an EOI exits without a route and with nothing in flight");
}

void check_move(const struct state *before, const struct state *after, const struct move *move) {
    if (move->kind == MOVE_STEP)
        check_step(before, after, move);
    if (move->kind == MOVE_EOI)
        check_eoi(before, after, move);
    if (move->kind == MOVE_WRITE)
        check_write(before, after, move);
    if (move->kind == MOVE_IOEOI)
        check_eoi_register(before, after, move);
    if (move->kind == MOVE_BASE)
        modes_check(before, after, move);
    if (move->kind == MOVE_ICR)
        icr_check(before, after, move);
    check_pins(before, after);
    check_tmr(before, after, move);
    check_disabled(before, after, move);
    check_scans(before, after, move);
    check_state(before, after, move);
}
