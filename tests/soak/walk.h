/* A random walk of the whole machine, and what is done with one that fails. See walk.c. */
#pragma once
#include "tests/soak/machine.h"

#define SOAK_WALK_MOVES 1500

struct soak_walk {
    struct soak_start start;
    unsigned length;
    struct soak_move move[SOAK_WALK_MOVES];
};

/* Which walk it is depends on the seed alone. */
void soak_choose(struct soak_walk *walk, uint64_t seed);

/* Makes the moves; returns after how many something is violated, or 0. often: compares after each
 * move, not after a few. */
unsigned soak_run(struct soak_machine *machine, const struct soak_walk *walk, bool often);

/* Leaves out what the violation does not need: afterwards no move can be left out. */
void soak_shrink(struct soak_machine *machine, struct soak_walk *walk);

/* The walk in words, and back; false: these are no words of a walk. */
void soak_print(const struct soak_walk *walk);
bool soak_read(struct soak_walk *walk, char **words, int count);
