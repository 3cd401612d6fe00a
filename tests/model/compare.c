/* The reductions lose nothing: on a bound where both searches end, the states of the full one are,
 * up to what reduce.h counts as equal, exactly those of the reduced one.
 *
 * Left aside are fleeting states, in which a vCPU has a move that reduce.h makes at once, and those
 * in which a vCPU has just left guest mode after a kick: the reduced search does not stop there.
 * With whole rounds it does not stop either where an edge has been posted to a vCPU. */
#include "tests/model/compare.h"

#include "tests/model/explore.h"
#include "tests/model/reduce.h"
#include "tests/model/start.h"
#include "tests/model/store.h"
#include "tests/model/world.h"

static bool is_fleeting(const struct state *state, bool rounds) {
    if (reduce_local_move(state) >= 0)
        return true;
    for (unsigned v = 0; v < MODEL_VCPUS; v++) {
        const struct cpu_state *s = &state->vcpu[v];
        if (s->phase == PHASE_OUT || s->phase == PHASE_READY || (rounds && s->pir))
            return true;
    }
    return false;
}

/* A kick that comes late, after its request was taken, does what an exit does. */
static void forget_late_kicks(struct state *state) {
    for (unsigned v = 0; v < MODEL_VCPUS; v++) {
        struct cpu_state *s = &state->vcpu[v];
        s->kick &= s->requests;
    }
}

static struct store distinct_states(const struct store *from, unsigned symmetries, bool rounds) {
    struct store distinct = store_start(from->count);

    for (uint64_t i = 0; i < from->count; i++) {
        struct state state = from->state[i];
        forget_late_kicks(&state);
        if (is_fleeting(&state, rounds))
            continue;
        reduce_canonical(&state, symmetries);
        store_add(&distinct, &state, STORE_NONE, 0);
    }
    return distinct;
}

static bool contains(const struct store *all, const struct store *some) {
    for (uint64_t i = 0; i < some->count; i++) {
        if (!store_has(all, &some->state[i]))
            return false;
    }
    return true;
}

static const struct explore_options searches[COMPARED] = {
    {.reduced = true},
    {.reduced = true, .rounds = true},
    {.reduced = true, .rounds = true, .interrupted = true},
};

/* What is left of the full search, and a reduced one. */
static struct compared compare_with(const struct bound *bound, const struct store *full,
                                    unsigned symmetries, const struct explore_options *how) {
    struct explore_options options = *how;
    struct compared result = {0};
    struct store reduced;

    options.room = full->count + 1;
    explore_keep(bound, &options, &reduced);
    struct store of_full = distinct_states(full, symmetries, how->rounds);
    struct store of_reduced = distinct_states(&reduced, symmetries, how->rounds);
    result.distinct = of_full.count;
    result.reduced = of_reduced.count;
    result.equal =
        world.violated < 0 && contains(&of_full, &of_reduced) && contains(&of_reduced, &of_full);
    store_end(&reduced);
    store_end(&of_full);
    store_end(&of_reduced);
    return result;
}

struct comparison compare(const struct bound *bound, uint64_t room) {
    struct bound with_exits = *bound;
    struct explore_options options = {.room = room};
    struct comparison result = {0};
    struct store full;

    with_exits.exits = true;
    struct exploration search = explore_keep(&with_exits, &options, &full);
    for (unsigned i = 0; i < COMPARED && !search.full && world.violated < 0; i++)
        result.with[i] = compare_with(&with_exits, &full, search.symmetries, &searches[i]);
    result.full = search.full || world.violated >= 0 ? 0 : full.count;
    store_end(&full);
    return result;
}
