/* Invariants of every state: see checks.h. Sets of vectors are bits. "In flight" is what the
 * reference says, never the tokens. */
#include "tests/model/checks.h"
#include "tests/model/world.h"

static unsigned in_flight(const struct cpu_state *s) {
    return state_vectors_of(s->ref_waiting | s->ref_served);
}

/* The number under which a wrong map is reported, by the step that should have requested a scan. */
static int map_invariant(const struct state *before, const struct move *last, int otherwise) {
    unsigned phase = before->vcpu[last->who & 1].phase;

    if (last->kind != MOVE_STEP)
        return otherwise;
    return phase == PHASE_RENAMED                         ? 13
           : phase == PHASE_RETIRED || phase == PHASE_EOI ? 8
                                                          : otherwise;
}

/* Unless a scan is requested, the map is right: complete, tight, and stale exactly where no route
 * explains a bit. Not checked while a rescan or a new LDR is about to be announced. */
static void check_map(const struct state *before, const struct state *state, unsigned v,
                      const struct move *last) {
    const struct cpu_state *s = &state->vcpu[v];
    unsigned routed = state_routed(state, v), in_flight_now = in_flight(s);

    if (s->outdated || s->phase == PHASE_EOI || s->phase == PHASE_RETIRED ||
        s->phase == PHASE_RENAMED)
        return;
    if (routed & ~s->exit)
        world_violate(map_invariant(before, last, 2), "a new route, and no scan is requested");
    if (s->exit & ~(routed | in_flight_now))
        world_violate(map_invariant(before, last, 3),
                      "a bit without a route and with nothing in flight, and no scan is requested");
    if (s->phase != PHASE_SYNCED && (s->stale ^ (s->exit & ~routed)))
        world_violate(19, "the stale set is not exactly the bits that no route explains");
}

static void check_guest(const struct state *state, unsigned v) {
    const struct cpu_state *s = &state->vcpu[v];
    unsigned routed = state_routed(state, v), in_flight_now = in_flight(s);

    if (in_flight_now & ~s->vmcs_exit)
        world_violate(1, "in guest mode with a level interrupt in flight whose EOI will not exit");
    if (s->requests && !s->kick)
        world_violate(2, "in guest mode with a request, and no kick is on its way");
    if (s->requests)
        return; /* it leaves guest mode before anything else */
    if (s->outdated)
        world_violate(18, "in guest mode with a scan that is out of date");
    if (routed & ~s->vmcs_exit)
        world_violate(2, "routed here, and its EOI will not exit");
    if (s->vmcs_exit & ~(routed | in_flight_now))
        world_violate(3, "an EOI-exit bit without a route and with nothing in flight");
}

/* Posted interrupts: something will make the vCPU accept what is in its PIR. */
static void check_posted(const struct cpu_state *s) {
    bool taken = s->phase >= PHASE_TAKEN && s->phase <= PHASE_MUST_SCAN;

    if (s->pir && !s->on && !s->posters && !taken)
        world_violate(0, "an edge is in the PIR, and nobody has set ON or is about to");
    if (s->phase == PHASE_GUEST && s->level && !s->requests)
        world_violate(0, "a level interrupt is in the inbox, and no request says so");
    if (s->phase == PHASE_GUEST && s->on && !s->notification && !s->kick)
        world_violate(0, "in guest mode with ON set, and no notification or kick is on its way");
}

/* What was sent is not lost: it is in the inbox, in the IRR or in the ISR. */
static void check_kept(const struct cpu_state *s) {
    if (s->posted_pins != s->ref_posted || (state_vectors_of(s->ref_posted) & ~s->level))
        world_violate(7, "a level interrupt was posted and is not in the inbox");
    if (state_vectors_of(s->ref_waiting) & ~s->irr)
        world_violate(7, "a level interrupt was accepted and is not in the IRR");
    if (state_vectors_of(s->ref_served) & ~s->isr)
        world_violate(7, "a level interrupt was delivered and is not in the ISR");
}

static bool is_in_flight(const struct state *state, unsigned p) {
    for (unsigned v = 0; v < MODEL_VCPUS; v++) {
        const struct cpu_state *s = &state->vcpu[v];
        unsigned pins = s->ref_posted | s->ref_waiting | s->ref_served;
        if (((pins | pins >> 2 | pins >> 4) >> p & 1) || (s->ref_owed >> p & 1))
            return true;
    }
    return false;
}

static bool any_vcpu_is(const struct state *state, enum phase phase) {
    return state->vcpu[0].phase == phase || state->vcpu[1].phase == phase;
}

static void check_pin(const struct state *state, unsigned p, const struct move *last) {
    const struct pin_state *pin = &state->pin[p];
    bool has_target = state_targets(state, p) && !any_vcpu_is(state, PHASE_RENAMED);

    if (pin->remote_irr && !pin->level)
        world_violate(11, "Remote IRR is set on an edge entry");
    if (pin->remote_irr && !pin->orphan && !is_in_flight(state, p))
        world_violate(5, "Remote IRR is set and no EOI will clear it");
    if (pin->level && pin->line && !pin->masked && !pin->remote_irr && !pin->deferred && has_target)
        world_violate(last->kind == MOVE_WRITE  ? 12
                      : last->kind == MOVE_STEP ? 5
                                                : 23,
                      "the line is active, the entry unmasked, and nothing was delivered");
    if (pin->edge_pending && (pin->masked || pin->level || has_target))
        world_violate(12,
                      "an edge is pending although the entry is masked, or it could be delivered");
    if (pin->deferred && !(pin->level && pin->line))
        world_violate(22, "a pin is deferred without an active level");
}

void check_state(const struct state *before, const struct state *state, const struct move *last) {
    for (unsigned v = 0; v < MODEL_VCPUS; v++) {
        check_kept(&state->vcpu[v]);
        if (world.vm.posted)
            check_posted(&state->vcpu[v]);
        if (state->vcpu[v].phase == PHASE_GUEST)
            check_guest(state, v);
        check_map(before, state, v, last);
    }
    for (unsigned p = 0; p < MODEL_PINS; p++)
        check_pin(state, p, last);
}
