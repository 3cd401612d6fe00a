/* A move as a sentence. See sentence.c. */
#pragma once
#include "tests/model/moves.h"

/* What happens in this move, which is possible in the state `before`. The text is valid until the
 * next call. */
const char *move_sentence(const struct state *before, const struct move *move);
