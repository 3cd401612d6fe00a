/* The list of bounds. Each has its own start. See bounds.c. */
#pragma once
#include "tests/model/moves.h"

extern const struct bound bounds[], endless_bounds[];
extern const unsigned bound_count, endless_bound_count;
