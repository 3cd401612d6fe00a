/* Compares the search with reductions with the search without them. See compare.c. */
#pragma once
#include "tests/model/moves.h"

struct comparison {
    uint64_t full; /* the states of the full search */
    uint64_t
        distinct; /* of these, what is left when equal ones count once, and fleeting ones do not */
    uint64_t reduced; /* the states of the reduced search, without fleeting ones */
    bool equal;       /* these two sets are the same */
};

/* The full search is made with exits at any time, as the reductions take for granted. */
struct comparison compare(const struct bound *bound, uint64_t room);
