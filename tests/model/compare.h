/* Compares the search with reductions with the search without them. See compare.c. */
#pragma once
#include "tests/model/moves.h"

/* One reduced search. */
struct compared {
    uint64_t distinct; /* of the states of the full search, what is left when equal ones count once,
                        * and fleeting ones do not */
    uint64_t reduced;  /* its own states, without fleeting ones */
    bool equal;        /* these two sets are the same */
};

#define COMPARED 3

struct comparison {
    uint64_t full;                  /* the states of the full search; 0: it has not ended */
    struct compared with[COMPARED]; /* without whole rounds; with them; with interrupted ones */
};

/* The full search is made with exits at any time, as the reductions take for granted. */
struct comparison compare(const struct bound *bound, uint64_t room);
