/* The state in which a bound starts. See start.c. */
#pragma once
#include "tests/model/moves.h"

/* Sets world.now to the state in which a bound starts, with its budget. False: the text of the
 * start is wrong. */
bool start_of(const struct bound *bound);
