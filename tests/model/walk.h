/* Writes the states along a path, for the test that compares another build of the model with this
 * one (tests/page/engine.t). See walk.c. */
#pragma once
#include "tests/model/moves.h"

/* One of these for each move; before the first one, one with the move WALK_START. */
struct walk_record {
    uint8_t bound, move, violated, unused[5]; /* violated: invariant + 1, or 0 */
    uint64_t possible;                        /* in the new state: bit n for move n */
    struct state state;
};

#define WALK_START 0xff

/* Both write records to standard output. The random walk makes `count` moves in each bound, and
 * begins anew every WALK_LENGTH moves, or earlier where nothing is possible. */
#define WALK_LENGTH 500
void walk_path(const struct bound *bound, const uint8_t *path, unsigned length);
void walk_at_random(uint64_t seed, uint64_t count);
