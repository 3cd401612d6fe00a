/* Reductions: what the search need not visit, because it would show nothing new. Each is argued in
 * docs/model.md, "Reductions", and tests/model/endless.t compares the reduced search with the full
 * one. See reduce.c. */
#pragma once
#include "tests/model/moves.h"

/* A permutation of the machine: bit 0: the two vCPUs are exchanged, bit 1: the two pins. */
enum { PERMUTE_VCPUS = 1, PERMUTE_PINS = 2 };

/* After moves_init(). */
void reduce_init(void);

/* Whether a vCPU's work between an exit and the entry after it, a round, is made at once. */
void reduce_rounds(bool whole);

/* Which permutations leave the moves of this bound the same. */
unsigned reduce_symmetries(const struct bound *bound, const struct state *start);

/* The permuted state, and the permuted move. Each permutation is its own inverse. */
struct state reduce_permute(const struct state *state, unsigned permutation);
unsigned reduce_permute_move(unsigned move, unsigned permutation);

/* world.now is the result of this move from *before, in which all TMR bits are clear: makes it
 * again with all of them set. Nothing else may differ, so they need not be in a state. */
void reduce_repeat(const struct state *before, unsigned move);

/* Checks that the permuted move leads from the permuted *before to the permuted world.now. */
void reduce_check_symmetries(const struct state *before, unsigned move, unsigned symmetries);

/* Replaces a state by the smallest of its permutations; returns which it was. Forgets kicks that
 * only cause an exit and, with whole rounds, requests for which nothing is left to do. */
unsigned reduce_canonical(struct state *state, unsigned symmetries);

/* The next move of a vCPU that has only one, which concerns no other CPU; -1: there is no such
 * vCPU. It is made at once. */
int reduce_local_move(const struct state *state);

/* The vCPU is at a step of its round before which other moves could make a difference. */
bool reduce_is_interrupted(const struct state *state, unsigned vcpu);

/* Whether this move of another can come before it. */
bool reduce_may_interrupt(unsigned move, unsigned vcpu);

/* The move that has to follow this one, which led to world.now, at once; or -1. An edge from
 * outside is posted directly before the kick. */
int reduce_sequel(unsigned move);

/* The vCPU whose moves alone are tried in this state, or -1: those of all. */
int reduce_only_vcpu(const struct state *state);
/* Whether a move that is possible need not be tried. */
bool reduce_skips(const struct state *state, unsigned move);
