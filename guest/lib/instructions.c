/* What pause() does where IF is 0: see instructions.h. */
#include "guest/lib/instructions.h"

bool pause_exits;
