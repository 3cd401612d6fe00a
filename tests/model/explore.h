/* Breadth-first search over all states within a bound. See explore.c. */
#pragma once
#include "tests/model/moves.h"

struct exploration {
    uint64_t states, transitions;
    unsigned depth;
    bool full;            /* no room for more states: not everything was visited */
    unsigned path_length; /* of the path that violates an invariant, if one does */
    const uint8_t *path;
};

/* The state in which a bound starts, with its budget, in world.now. False: the start's text is
 * wrong. */
bool explore_start(const struct bound *bound);
/* debug: after each move, compares whole structures too. */
struct exploration explore(const struct bound *bound, uint64_t room, bool debug);
