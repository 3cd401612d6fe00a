/* The reductions: see reduce.h. They concern the order in which independent things happen, kicks
 * that come late, and which of two equal vCPUs or pins is meant. Nothing is left out of a state. */
#include "tests/model/reduce.h"

#include <string.h>

#include "tests/model/world.h"

#define WRITES(field) (1u << (field))

static bool whole_rounds;

void reduce_rounds(bool whole) {
    whole_rounds = whole;
}

/* ---- symmetry ---- */

static bool same_for_both(uint32_t writes) {
    return (writes >> WRITE_DESTINATION_0 & 1) == (writes >> WRITE_DESTINATION_1 & 1);
}

/* A logical destination names bits of LDRs, a physical one a vCPU: a write that changes the mode
 * makes one of the other. Lowest priority takes the pins, and the vCPUs, in turn. */
unsigned reduce_symmetries(const struct bound *bound, const struct state *start) {
    bool logical = bound->writes & WRITES(WRITE_LOGICAL), pins = true;

    for (unsigned p = 0; p < MODEL_PINS; p++)
        logical |= start->pin[p].logical;
    pins = !(bound->writes & WRITES(WRITE_LOWEST));
    return (logical || !pins || !same_for_both(bound->writes) ? 0 : PERMUTE_VCPUS) |
           (pins && !bound->one_pin ? PERMUTE_PINS : 0);
}

/* Of pins by vector, or of pins: neighbouring bits are exchanged. */
static unsigned exchange(unsigned bits) {
    return (bits & 0x15) << 1 | (bits & 0x2a) >> 1;
}

static void permute_pins(struct state *state) {
    struct pin_state first = state->pin[0];

    state->pin[0] = state->pin[1];
    state->pin[1] = first;
    for (unsigned v = 0; v < MODEL_VCPUS; v++) {
        struct cpu_state *s = &state->vcpu[v];
        s->front = exchange(s->front) & 63;
        s->behind = exchange(s->behind) & 63;
        s->posted_pins = exchange(s->posted_pins) & 63;
        s->pins = exchange(s->pins) & 3;
        s->ref_posted = exchange(s->ref_posted) & 63;
        s->ref_waiting = exchange(s->ref_waiting) & 63;
        s->ref_served = exchange(s->ref_served) & 63;
        s->ref_owed = exchange(s->ref_owed) & 3;
    }
}

/* Destination 3 names neither. An LDR stays "its own bit" or "the other's". */
static void permute_vcpus(struct state *state) {
    struct cpu_state first = state->vcpu[0];

    state->vcpu[0] = state->vcpu[1];
    state->vcpu[1] = first;
    for (unsigned p = 0; p < MODEL_PINS; p++) {
        if (state->pin[p].destination < MODEL_VCPUS)
            state->pin[p].destination ^= 1;
    }
}

struct state reduce_permute(const struct state *state, unsigned permutation) {
    struct state permuted = *state;

    if (permutation & PERMUTE_VCPUS)
        permute_vcpus(&permuted);
    if (permutation & PERMUTE_PINS)
        permute_pins(&permuted);
    return permuted;
}

/* Of moves by number. */
static uint8_t permuted_move[4][MOVE_COUNT], step_of[MODEL_VCPUS], kick_of[MODEL_VCPUS];

static unsigned find_move(struct move wanted) {
    unsigned number = 0;

    while (memcmp(&move_table[number], &wanted, sizeof(wanted)) != 0)
        number++;
    return number;
}

static unsigned permute_move(unsigned move, unsigned permutation) {
    struct move it = move_table[move];

    if (it.kind == MOVE_TICK || it.kind == MOVE_IOEOI)
        return move;
    bool of_pin = it.kind == MOVE_LINE || it.kind == MOVE_WRITE;
    if (permutation & (of_pin ? PERMUTE_PINS : PERMUTE_VCPUS))
        it.who ^= 1;
    if ((permutation & PERMUTE_VCPUS) && it.kind == MOVE_WRITE &&
        it.argument <= WRITE_DESTINATION_1)
        it.argument ^= 1;
    return find_move(it);
}

void reduce_init(void) {
    for (unsigned permutation = 0; permutation < 4; permutation++) {
        for (unsigned move = 0; move < move_count; move++)
            permuted_move[permutation][move] = (uint8_t)permute_move(move, permutation);
    }
    for (uint8_t v = 0; v < MODEL_VCPUS; v++) {
        step_of[v] = (uint8_t)find_move((struct move){MOVE_STEP, v, 0});
        kick_of[v] = (uint8_t)find_move((struct move){MOVE_KICK, v, 0});
    }
}

unsigned reduce_permute_move(unsigned move, unsigned permutation) {
    return permuted_move[permutation][move];
}

void reduce_check_symmetries(const struct state *before, unsigned move, unsigned symmetries) {
    const struct state after = world.now;

    for (unsigned permutation = 1; permutation <= symmetries; permutation++) {
        if (permutation & ~symmetries)
            continue;
        struct state expected = reduce_permute(&after, permutation);
        world.now = reduce_permute(before, permutation);
        move_apply(reduce_permute_move(move, permutation));
        if (memcmp(&expected, &world.now, sizeof(expected)) != 0)
            world_violate(0, "the two vCPUs, or the two pins, are not equal");
    }
    world.now = after;
}

/* ---- the TMR ---- */

static void set_tmr(struct state *state, unsigned set) {
    for (unsigned v = 0; v < MODEL_VCPUS; v++)
        state->vcpu[v].tmr = set & ALL_VECTORS;
}

/* In x2APIC mode a self-IPI that exits reads the TMR. */
void reduce_repeat(const struct state *before, unsigned move) {
    struct state with_none = world.now;

    if (world.tmr_counts)
        return;

    world.now = *before;
    set_tmr(&world.now, ALL_VECTORS);
    move_apply(move);
    set_tmr(&world.now, 0);
    set_tmr(&with_none, 0);
    if (memcmp(&with_none, &world.now, sizeof(with_none)) != 0)
        world_violate(24, "something depends on the TMR");
}

/* ---- equal states ---- */

/* A request for which nothing is left to do: a round would change nothing. */
static void forget_request(struct cpu_state *s) {
    if (!s->pir && !s->level && !s->outdated)
        s->requests = s->kick = 0;
}

unsigned reduce_canonical(struct state *state, unsigned symmetries) {
    unsigned chosen = 0;
    struct state least;

    if (!world.tmr_counts)
        set_tmr(state, 0);
    for (unsigned v = 0; v < MODEL_VCPUS; v++) {
        struct cpu_state *s = &state->vcpu[v];
        if (whole_rounds)
            forget_request(s);
        if (s->phase == PHASE_RETIRED || s->phase == PHASE_RENAMED)
            s->kick = 0;
    }
    least = *state;
    for (unsigned permutation = 1; permutation <= symmetries; permutation++) {
        if (permutation & ~symmetries)
            continue;
        struct state permuted = reduce_permute(state, permutation);
        if (memcmp(&permuted, &least, sizeof(least)) < 0) {
            least = permuted;
            chosen = permutation;
        }
    }
    *state = least;
    return chosen;
}

/* ---- order ---- */

/* It reads and writes nothing that another CPU writes or reads; or what it reads can no longer
 * change. */
static bool steps_alone(const struct cpu_state *s) {
    switch ((enum phase)s->phase) {
    case PHASE_OUT:
        return !s->requests;
    case PHASE_TAKEN:
    case PHASE_SYNCED:
        return s->outdated;
    case PHASE_SCANNED:
    case PHASE_WRITTEN:
        return true;
    case PHASE_EOI:
        return !world.suppresses; /* otherwise the reference marks pins */
    case PHASE_READY:
        return !world.software;
    default:
        return false;
    }
}

/* Between an exit and the entry after it; afterwards steps_alone(). */
static bool is_in_round(const struct cpu_state *s) {
    return s->phase >= PHASE_OUT && s->phase <= PHASE_MUST_SCAN;
}

bool reduce_is_interrupted(const struct state *state, unsigned vcpu) {
    return is_in_round(&state->vcpu[vcpu]) && !steps_alone(&state->vcpu[vcpu]);
}

bool reduce_may_interrupt(unsigned number, unsigned vcpu) {
    const struct move *move = &move_table[number];
    bool own = move_is_of_vcpu(move) && move->who == vcpu;

    return !own && (move->kind != MOVE_EXIT || world.software);
}

int reduce_local_move(const struct state *state) {
    for (unsigned v = 0; v < MODEL_VCPUS; v++) {
        const struct cpu_state *s = &state->vcpu[v];
        if (s->phase == PHASE_OUT && s->kick)
            return kick_of[v];
        if (steps_alone(s) || (whole_rounds && is_in_round(s)))
            return step_of[v];
    }
    return -1;
}

int reduce_only_vcpu(const struct state *state) {
    for (unsigned v = 0; v < MODEL_VCPUS; v++) {
        if (state->vcpu[v].phase == PHASE_READY)
            return (int)v;
    }
    return -1;
}

bool reduce_skips(const struct state *state, unsigned number) {
    const struct move *move = &move_table[number];
    int only = reduce_only_vcpu(state);

    if (only >= 0 && (move->kind > MOVE_EOI || move->who != (unsigned)only))
        return true;
    if (whole_rounds && move->kind == MOVE_IPI && state->vcpu[move->who].phase != PHASE_GUEST)
        return true;
    return move->kind == MOVE_EXIT && !world.software;
}

int reduce_sequel(unsigned number) {
    const struct move *move = &move_table[number];
    const struct cpu_state *s = &world.now.vcpu[move->who];
    bool kicks = move->kind == MOVE_IPI && s->phase == PHASE_GUEST && s->kick;

    return whole_rounds && kicks ? kick_of[move->who] : -1;
}
