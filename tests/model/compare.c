/* The reductions lose nothing: on a bound where both searches end, the states of the full one are,
 * up to what reduce.h counts as equal, exactly those of the reduced one.
 *
 * Left aside are fleeting states, in which a vCPU has a move that reduce.h makes at once, and those
 * in which a vCPU has just left guest mode after a kick: the reduced search does not stop there. */
#include "tests/model/compare.h"

#include "tests/model/explore.h"
#include "tests/model/reduce.h"
#include "tests/model/start.h"
#include "tests/model/store.h"
#include "tests/model/world.h"

static bool is_fleeting(const struct state *state) {
    if (reduce_local_move(state) >= 0)
        return true;
    for (unsigned v = 0; v < MODEL_VCPUS; v++) {
        if (state->vcpu[v].phase == PHASE_OUT || state->vcpu[v].phase == PHASE_READY)
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

static struct store distinct_states(const struct store *from, unsigned symmetries) {
    struct store distinct = store_start(from->count);

    for (uint64_t i = 0; i < from->count; i++) {
        struct state state = from->state[i];
        forget_late_kicks(&state);
        if (is_fleeting(&state))
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

struct comparison compare(const struct bound *bound, uint64_t room) {
    struct bound with_exits = *bound;
    struct explore_options options = {.room = room};
    struct comparison result = {0};
    struct store store[2], distinct[2];

    with_exits.exits = true;
    for (unsigned i = 0; i < 2; i++) {
        options.reduced = i == 1;
        struct exploration search = explore_keep(&with_exits, &options, &store[i]);
        if (search.full || world.violated >= 0)
            return result;
        distinct[i] = distinct_states(&store[i], search.symmetries);
    }
    result.full = store[0].count;
    result.distinct = distinct[0].count;
    result.reduced = distinct[1].count;
    result.equal = contains(&distinct[0], &distinct[1]) && contains(&distinct[1], &distinct[0]);
    for (unsigned i = 0; i < 2; i++) {
        store_end(&store[i]);
        store_end(&distinct[i]);
    }
    return result;
}
