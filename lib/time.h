/* Points in time: counts of whatever clock the module at hand says it counts. Pure. */
#pragma once
#include <stdint.h>

/* An event that will not come. It is later than every time, so the earlier of two stays simple. */
#define TIME_NEVER UINT64_MAX
