/* The path to a state as a story, and as words that replay it. See story.c. */
#pragma once
#include "tests/model/moves.h"

/* Goes the path again from the bound's start and tells it; ends with what is violated, if anything
 * is, and with the command that replays it. */
void story_tell(const struct bound *bound, const uint8_t *path, unsigned length);
