/* The checks of the invariants, after every move. See checks.c and checks_state.c. */
#pragma once
#include "tests/model/moves.h"

/* Report violations to world_violate(). */
void check_move(const struct state *before, const struct state *after, const struct move *move);
void check_state(const struct state *before, const struct state *state, const struct move *last);
/* After vlapic_eoi_exit(): its results must be what the reference says. */
void check_retired(const struct state *state, unsigned vcpu, uint32_t pins, bool rescan);
