/* The search is breadth-first, so the path to a violation is a shortest one; with reductions, the
 * shortest of those that they leave. Each state is stored with the number of the state that it was
 * found from, and the move. */
#include "tests/model/explore.h"

#include <stdio.h>

#include "tests/model/reduce.h"
#include "tests/model/start.h"
#include "tests/model/store.h"
#include "tests/model/world.h"

#define MAX_PATH 512

/* How a state was found, in 16 bits: a move; in an interrupted round also the step, of those at
 * which it could be interrupted, and 1 + the move that came before this step. */
#define STEP(move, place, other) ((move) | (place) << 14 | ((other) + 1) << 7)
#define MOVE_OF(how)             ((how)&127u)
#define PLACE_OF(how)            ((how) >> 14)
#define OTHER_OF(how)            ((int)((how) >> 7 & 127u) - 1)
_Static_assert(MOVE_COUNT < 127, "7 bits");

/* ---- the search ---- */

struct expansion {
    struct store *it;
    const struct bound *bound;
    const struct explore_options *options;
    unsigned symmetries;
    struct exploration *result;
};

/* Makes a move. False: it violates an invariant. */
static bool make(const struct expansion *x, unsigned move) {
    struct state before = world.now;

    move_apply(move);
    x->result->transitions++;
    if (x->options->debug && world.violated < 0 && !world_is_exact())
        world_violate(0, "a move changes something that is not part of the state");
    if (x->options->reduced && x->options->debug && world.violated < 0)
        reduce_check_symmetries(&before, move, x->symmetries);
    if (x->options->reduced && world.violated < 0)
        reduce_repeat(&before, move);
    return world.violated < 0;
}

/* After each move, with reductions: those that concern one vCPU alone. */
static bool make_local_moves(const struct expansion *x) {
    int move;

    while ((move = reduce_local_move(&world.now)) >= 0) {
        if (!make(x, (unsigned)move))
            return false;
    }
    return true;
}

/* Makes a move and what follows at once, and stores the result. False: this violates an invariant,
 * or there is no more room. */
static bool reach(const struct expansion *x, unsigned move, uint32_t from, unsigned how) {
    bool reduced = x->options->reduced;

    x->result->last = how;
    if (!make(x, move))
        return false;
    int sequel = reduced ? reduce_sequel(move) : -1;
    if ((sequel >= 0 && !make(x, (unsigned)sequel)) || (reduced && !make_local_moves(x)))
        return false;
    if (reduced)
        reduce_canonical(&world.now, x->symmetries);
    x->result->full = !store_add(x->it, &world.now, from, how);
    return !x->result->full;
}

static bool is_tried(const struct expansion *x, const struct state *state, unsigned move) {
    return move_is_possible(state, move, x->bound) &&
           !(x->options->reduced && reduce_skips(state, move));
}

/* The vCPU is at a step of its round: tries each move of others before it. */
static bool interrupt(const struct expansion *x, unsigned vcpu, uint32_t from, unsigned move,
                      unsigned place) {
    const struct state at = world.now;

    for (unsigned other = 0; other < move_count; other++) {
        bool tried = reduce_may_interrupt(other, vcpu) && move_is_possible(&at, other, x->bound);
        if (tried && !reach(x, other, from, STEP(move, place, (int)other)))
            return false;
        world.now = at;
    }
    return true;
}

/* Makes the move again, and the round that follows, with each interruption. */
static bool interrupt_round(const struct expansion *x, uint32_t from, unsigned move) {
    unsigned place = 0;
    int step = reduce_sequel(move);

    if (step >= 0)
        move_apply((unsigned)step);
    while ((step = reduce_local_move(&world.now)) >= 0) {
        unsigned vcpu = move_table[step].who;
        if (reduce_is_interrupted(&world.now, vcpu) && !interrupt(x, vcpu, from, move, place++))
            return false;
        move_apply((unsigned)step);
    }
    return true;
}

/* Makes every move from one state. False: one of them violates an invariant, or there is no more
 * room. */
static bool expand(const struct expansion *x, uint32_t number) {
    const struct state from = x->it->state[number];

    for (unsigned move = 0; move < move_count; move++) {
        if (!is_tried(x, &from, move))
            continue;
        world.now = from;
        if (!reach(x, move, number, STEP(move, 0, -1)))
            return false;
        if (!x->options->interrupted)
            continue;
        world.now = from;
        move_apply(move);
        if (!interrupt_round(x, number, move))
            return false;
    }
    return true;
}

/* ---- the path ---- */

struct path {
    unsigned length;
    uint16_t how[MAX_PATH];
};

static void path_add(struct path *path, unsigned how) {
    if (path->length < MAX_PATH)
        path->how[path->length++] = (uint16_t)how;
}

/* The moves from the first state to this one, then `last`. */
static struct path path_to(const struct store *it, uint32_t number, unsigned last) {
    struct path path = {0}, reversed = {0};

    path_add(&reversed, last);
    for (; it->parent[number] != STORE_NONE && reversed.length < MAX_PATH;
         number = it->parent[number])
        path_add(&reversed, it->how[number]);
    while (reversed.length)
        path_add(&path, reversed.how[--reversed.length]);
    return path;
}

static void follow(struct path *path, unsigned move) {
    path_add(path, move);
    move_apply(move);
}

static void follow_with_sequel(struct path *path, unsigned move) {
    follow(path, move);
    int sequel = reduce_sequel(move);
    if (sequel >= 0)
        follow(path, (unsigned)sequel);
}

/* What the search has made at once after a move, with the move of another that came in between. */
static void follow_local_moves(struct path *path, unsigned how, unsigned permutation) {
    int step, other = OTHER_OF(how);
    unsigned left = PLACE_OF(how);

    while (world.violated < 0 && (step = reduce_local_move(&world.now)) >= 0) {
        if (other >= 0 && reduce_is_interrupted(&world.now, move_table[step].who) && !left--) {
            follow_with_sequel(path, reduce_permute_move((unsigned)other, permutation));
            other = -1;
        } else {
            follow(path, (unsigned)step);
        }
    }
}

/* The search with reductions has stored, for each move, one that stands for it: in a state that was
 * permuted, and without what follows at once. */
static struct path unreduced(const struct expansion *x, const struct path *stored) {
    const int violated = world.violated;
    const char *what = world.what;
    struct path path = {0};

    start_of(x->bound);
    for (unsigned i = 0; i < stored->length && world.violated < 0; i++) {
        struct state canonical = world.now;
        unsigned permutation = reduce_canonical(&canonical, x->symmetries), how = stored->how[i];
        follow_with_sequel(&path, reduce_permute_move(MOVE_OF(how), permutation));
        follow_local_moves(&path, how, permutation);
    }
    world.violated = violated;
    world.what = what;
    return path;
}

static void report_path(const struct expansion *x, uint32_t number) {
    static struct path path;
    static uint8_t moves[MAX_PATH];

    path = path_to(x->it, number, x->result->last);
    if (x->options->reduced)
        path = unreduced(x, &path);
    for (unsigned i = 0; i < path.length; i++)
        moves[i] = MOVE_OF(path.how[i]) & 255;
    x->result->path = moves;
    x->result->path_length = path.length;
}

static void show_progress(const struct expansion *x, uint64_t next) {
    if (x->options->progress && next % (1 << 20) == 0 && next)
        fprintf(stderr, "%s: depth %u, %lu states, %lu of them to do\n", x->bound->name,
                x->result->depth, x->it->count, x->it->count - next);
}

struct exploration explore_keep(const struct bound *bound, const struct explore_options *options,
                                struct store *it) {
    struct exploration result = {0};
    struct expansion x = {it, bound, options, 0, &result};
    uint64_t level_end = 1;

    *it = store_start(options->room);
    reduce_rounds(options->rounds);
    if (!start_of(bound)) {
        world_violate(0, "the start of this bound cannot be read");
        return result;
    }
    x.symmetries = result.symmetries = reduce_symmetries(bound, &world.now);
    if (options->reduced)
        reduce_canonical(&world.now, x.symmetries);
    store_add(it, &world.now, STORE_NONE, 0);
    for (uint64_t next = 0; next < it->count; next++) {
        if (next == level_end) {
            level_end = it->count;
            result.depth++;
        }
        show_progress(&x, next);
        if (!expand(&x, (uint32_t)next)) {
            if (world.violated >= 0)
                report_path(&x, (uint32_t)next);
            break;
        }
    }
    result.states = it->count;
    return result;
}

struct exploration explore(const struct bound *bound, const struct explore_options *options) {
    struct store it;
    struct exploration result = explore_keep(bound, options, &it);

    store_end(&it);
    return result;
}
