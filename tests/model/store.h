/* The states that a search has found. See store.c. */
#pragma once
#include "tests/model/state.h"

#define STORE_NONE 0xffffffffu /* the parent of the first state */

struct store {
    struct state *state;
    uint32_t *parent; /* the state from which each was found... */
    uint16_t *how;    /* ...and how: a move, as explore.c says */
    uint32_t *table;  /* number of a state + 1; 0: empty */
    uint64_t mask;
    uint64_t count, room;
};

/* room: for how many states. */
struct store store_start(uint64_t room);
void store_end(struct store *it);

bool store_has(const struct store *it, const struct state *state);
/* Adds a state unless it is there. False: there is no room for it. */
bool store_add(struct store *it, const struct state *state, uint32_t parent, unsigned how);
