/* Breadth-first search of all states within a bound. See explore.c. */
#pragma once
#include "tests/model/moves.h"
#include "tests/model/store.h"

struct exploration {
    uint64_t states, transitions;
    unsigned depth;
    bool full;            /* the room did not suffice: not every state was visited */
    unsigned symmetries;  /* as reduce_symmetries() */
    unsigned last;        /* how the last state was found */
    unsigned path_length; /* of the path to a violation, if there is one */
    const uint8_t *path;
};

struct explore_options {
    uint64_t room;    /* for how many states */
    bool debug;       /* also compares whole structures after each move */
    bool reduced;     /* with the reductions of reduce.h */
    bool rounds;      /* whole rounds are made at once: reduce_rounds() */
    bool interrupted; /* but each is also tried with one move of others before each of its steps */
    bool progress;    /* shows on standard error how far it is */
};
struct exploration explore(const struct bound *bound, const struct explore_options *options);
/* The same; the caller ends the store. */
struct exploration explore_keep(const struct bound *bound, const struct explore_options *options,
                                struct store *states);
