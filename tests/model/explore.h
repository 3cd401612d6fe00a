/* Breadth-first search of all states within a bound. See explore.c. */
#pragma once
#include "tests/model/moves.h"

struct exploration {
    uint64_t states, transitions;
    unsigned depth;
    bool full;            /* the room did not suffice: not every state was visited */
    unsigned path_length; /* of the path to a violation, if there is one */
    const uint8_t *path;
};

/* room: for how many states. debug: also compares whole structures after each move. */
struct exploration explore(const struct bound *bound, uint64_t room, bool debug);
