/* Prints the path to a state as a story, and as the words that replay it. See story.c. */
#pragma once
#include "tests/model/moves.h"

/* Follows the path from the start of the bound and prints each move; ends with what is violated, if
 * anything is, and with the command that replays the path. */
void story_tell(const struct bound *bound, const uint8_t *path, unsigned length);
