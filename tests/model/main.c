/* The model checker: visits every state within its bounds and checks the invariants in each.
 *
 *     model [software] [WORD...] [BOUND...]                 explores all bounds, or those named
 *     model [software] compare BOUND...                     with reductions and without: compare.c
 *     model [software] replay BOUND MOVE...                 follows one path, printed as a story
 *     model [software] states BOUND MOVE...                 writes the states on it: see walk.h
 *     model [software] walk SEED COUNT                      COUNT random moves in each bound
 *
 * WORDs: deep, endless: the bounds of that kind, instead of those of `make test` that have a
 * budget. full, reduced: without or with reductions (reduce.h); the default is `reduced` for
 * endless bounds and `full` for others. rounds: reduced, and a vCPU's work before an entry is made
 * at once; interrupted: the same, and also with one move of others before each of its steps. debug:
 * compares whole structures after each move. progress: shows how far it is. room=N: stops after N
 * states.
 *
 * Of a bound, replay and states use only the start: moves are not limited.
 *
 * Prints "BOUND name=... states=... ..." for each bound, "fixed point" at its end if it is endless
 * and no state is left, "MODEL states=... ..." for all, and the shortest path to a violation as a
 * story. software: interrupts are delivered in software; posted, in its place: the bounds with
 * edges, with posted interrupts, which know no reductions. Exit status: 1 if an invariant is
 * violated, 2 if the room did not suffice. See docs/model.md; read next: state.h, moves.h,
 * checks_state.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "tests/model/bounds.h"
#include "tests/model/compare.h"
#include "tests/model/explore.h"
#include "tests/model/reduce.h"
#include "tests/model/story.h"
#include "tests/model/walk.h"
#include "tests/model/world.h"

#define ROOM     60000000ULL
#define MAX_PATH 512

struct options {
    bool deep, endless, full;
    struct explore_options explore;
};

static double seconds(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The most memory that has been in use so far. */
static long mebibytes(void) {
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss / 1024;
}

static const struct bound *find_bound(const struct bound *list, unsigned count, const char *name) {
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(name, list[i].name) == 0)
            return &list[i];
    }
    return NULL;
}

static const struct bound *bound_by_name(const char *name) {
    const struct bound *bound = find_bound(bounds, bound_count, name);

    return bound ? bound : find_bound(endless_bounds, endless_bound_count, name);
}

static void print_violation(const struct bound *bound, const struct exploration *result) {
    static uint8_t path[MAX_PATH];

    printf("VIOLATION invariant=%d bound=%s depth=%u what=\"%s\"\n", world.violated, bound->name,
           result->path_length, world.what);
    memcpy(path, result->path, result->path_length);
    story_tell(bound, path, result->path_length);
}

/* Returns the exit status: 0 if nothing is violated. */
static int run_bound(const struct bound *bound, const struct options *options,
                     struct exploration *sum) {
    double start = seconds();
    struct explore_options how = options->explore;
    how.rounds |= bound->rounds;
    how.reduced = (how.reduced || (bound->endless && !options->full)) && !model_posted;
    how.interrupted &= how.reduced;
    struct exploration result = explore(bound, &how);

    printf("BOUND name=%s states=%lu transitions=%lu depth=%u seconds=%.1f%s\n", bound->name,
           result.states, result.transitions, result.depth, seconds() - start,
           result.full                            ? " cut"
           : bound->endless && world.violated < 0 ? " fixed point"
                                                  : "");
    fflush(stdout);
    sum->states += result.states;
    sum->transitions += result.transitions;
    if (result.depth > sum->depth)
        sum->depth = result.depth;
    if (world.violated >= 0) {
        print_violation(bound, &result);
        return 1;
    }
    /* With room=N the search may be cut short; without it that is an error. */
    return result.full && options->explore.room == ROOM ? 2 : 0;
}

static int run_all(const struct options *options, char **names, int count) {
    const struct bound *list = options->endless ? endless_bounds : bounds;
    unsigned length = options->endless ? endless_bound_count : bound_count;
    struct exploration sum = {0};
    double start = seconds();
    int status = 0;

    for (unsigned i = 0; i < length && !count && status == 0; i++) {
        bool fits = !model_posted || list[i].budget.ipis || list[i].one_poster;
        if (list[i].deep == options->deep && !list[i].open && fits)
            status = run_bound(&list[i], options, &sum);
    }
    for (int n = 0; n < count && status == 0; n++)
        status = run_bound(bound_by_name(names[n]), options, &sum);
    printf("MODEL states=%lu transitions=%lu depth=%u seconds=%.1f memory_mib=%ld\n", sum.states,
           sum.transitions, sum.depth, seconds() - start, mebibytes());
    return status;
}

/* All bounds that are named. */
static int compare_all(char **names, int count) {
    static const char *const how[COMPARED] = {"", " rounds", " interrupted"};
    int status = 0;

    for (int n = 0; n < count; n++) {
        const struct bound *bound = bound_by_name(names[n]);
        if (!bound) {
            fprintf(stderr, "%s: no such bound\n", names[n]);
            return 2;
        }
        struct comparison result = compare(bound, ROOM);
        for (unsigned i = 0; i < COMPARED; i++) {
            const struct compared *it = &result.with[i];
            printf("COMPARE name=%s full=%lu distinct=%lu reduced=%lu%s %s\n", bound->name,
                   result.full, it->distinct, it->reduced, how[i],
                   it->equal ? "equal" : "different");
            status |= !it->equal;
        }
        fflush(stdout);
    }
    return status;
}

static int replay(const char *how, const char *name, char **words, int count) {
    static uint8_t path[MAX_PATH];
    const struct bound *bound =
        strcmp(how, "states") == 0 ? find_bound(bounds, bound_count, name) : bound_by_name(name);

    if (!bound || count > MAX_PATH) {
        fprintf(stderr, "%s: no such bound, or too many moves\n", name);
        return 2;
    }
    for (int i = 0; i < count; i++) {
        int move = move_by_name(words[i]);
        if (move < 0) {
            fprintf(stderr, "%s: no such move\n", words[i]);
            return 2;
        }
        path[i] = (uint8_t)move;
    }
    if (strcmp(how, "states") == 0)
        walk_path(bound, path, (unsigned)count);
    else
        story_tell(bound, path, (unsigned)count);
    return world.violated >= 0;
}

int main(int argc, char **argv) {
    struct options options = {.explore = {.room = ROOM}};
    int i = 1;

    if (argc > 1 && (strcmp(argv[1], "software") == 0 || strcmp(argv[1], "posted") == 0)) {
        model_software = argv[1][0] == 's';
        model_posted = !model_software;
        argc--;
        argv++;
    }
    moves_init();
    reduce_init();
    if (argc > 2 && (strcmp(argv[1], "replay") == 0 || strcmp(argv[1], "states") == 0))
        return replay(argv[1], argv[2], argv + 3, argc - 3);
    if (argc > 2 && strcmp(argv[1], "compare") == 0)
        return compare_all(argv + 2, argc - 2);
    if (argc == 4 && strcmp(argv[1], "walk") == 0) {
        walk_at_random(strtoull(argv[2], NULL, 0), strtoull(argv[3], NULL, 0));
        return world.violated >= 0;
    }
    for (; i < argc; i++) {
        if (strcmp(argv[i], "deep") == 0)
            options.deep = true;
        else if (strcmp(argv[i], "debug") == 0)
            options.explore.debug = true;
        else if (strcmp(argv[i], "full") == 0)
            options.full = true;
        else if (strcmp(argv[i], "reduced") == 0)
            options.explore.reduced = true;
        else if (strcmp(argv[i], "rounds") == 0)
            options.explore.reduced = options.explore.rounds = true;
        else if (strcmp(argv[i], "interrupted") == 0)
            options.explore.reduced = options.explore.rounds = options.explore.interrupted = true;
        else if (strcmp(argv[i], "progress") == 0)
            options.explore.progress = true;
        else if (strcmp(argv[i], "endless") == 0)
            options.endless = true;
        else if (strncmp(argv[i], "room=", 5) == 0)
            options.explore.room = strtoull(argv[i] + 5, NULL, 0);
        else
            break;
    }
    for (int n = i; n < argc; n++) {
        if (!bound_by_name(argv[n])) {
            fprintf(stderr, "%s: no such bound\n", argv[n]);
            return 2;
        }
    }
    return run_all(&options, argv + i, argc - i);
}
