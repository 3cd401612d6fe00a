/* The state in which a bound starts. See start.c. */
#pragma once
#include "tests/model/moves.h"

/* Sets world.now to the state in which a bound starts, with its budget. False: the text of the
 * start is wrong. */
bool start_of(const struct bound *bound);

/* The same start without the bound's limits: for replays and the page. Returns the bound in which
 * every move is possible that the state allows, valid until the next call. */
const struct bound *start_free(const struct bound *bound);
