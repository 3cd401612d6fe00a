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

/* Makes every move from one state. False: one of them, *last, violates an invariant, or there is no
 * more room. */
static bool expand(const struct expansion *x, uint32_t number, unsigned *last) {
    const struct state from = x->it->state[number];
    bool reduced = x->options->reduced;

    for (unsigned move = 0; move < move_count; move++) {
        if (!move_is_possible(&from, move, x->bound) || (reduced && reduce_skips(&from, move)))
            continue;
        world.now = from;
        *last = move;
        if (!make(x, move) || (reduced && !make_local_moves(x)))
            return false;
        if (reduced)
            reduce_canonical(&world.now, x->symmetries);
        if (!store_add(x->it, &world.now, number, move)) {
            x->result->full = true;
            return false;
        }
    }
    return true;
}

/* ---- the path ---- */

struct path {
    unsigned length;
    uint8_t move[MAX_PATH];
};

static void path_add(struct path *path, unsigned move) {
    if (path->length < MAX_PATH)
        path->move[path->length++] = (uint8_t)move;
}

/* The moves from the first state to this one, then `last`. */
static struct path path_to(const struct store *it, uint32_t number, unsigned last) {
    struct path path = {0}, reversed = {0};

    path_add(&reversed, last);
    for (; it->parent[number] != STORE_NONE && reversed.length < MAX_PATH;
         number = it->parent[number])
        path_add(&reversed, it->move[number]);
    while (reversed.length)
        path_add(&path, reversed.move[--reversed.length]);
    return path;
}

static void follow(struct path *path, unsigned move) {
    path_add(path, move);
    move_apply(move);
}

static void follow_local_moves(struct path *path) {
    int move;

    while (world.violated < 0 && (move = reduce_local_move(&world.now)) >= 0)
        follow(path, (unsigned)move);
}

/* The search with reductions has stored, for each move, one that stands for it: in a state that was
 * permuted, and without the local moves behind it. */
static struct path unreduced(const struct expansion *x, const struct path *stored) {
    const int violated = world.violated;
    const char *what = world.what;
    struct path path = {0};

    start_of(x->bound);
    for (unsigned i = 0; i < stored->length && world.violated < 0; i++) {
        struct state canonical = world.now;
        unsigned permutation = reduce_canonical(&canonical, x->symmetries);
        follow(&path, reduce_permute_move(stored->move[i], permutation));
        follow_local_moves(&path);
    }
    world.violated = violated;
    world.what = what;
    return path;
}

static void report_path(const struct expansion *x, uint32_t number, unsigned last) {
    static struct path path;

    path = path_to(x->it, number, last);
    if (x->options->reduced)
        path = unreduced(x, &path);
    x->result->path = path.move;
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
    unsigned last = 0;

    *it = store_start(options->room);
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
        if (!expand(&x, (uint32_t)next, &last)) {
            if (world.violated >= 0)
                report_path(&x, (uint32_t)next, last);
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
