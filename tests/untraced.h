/* The trace effect of the virtual interrupt controllers for tests that do not look at events. */
#pragma once
#include <stdint.h>

static inline void untraced(void *context, uint64_t what, uint64_t a, uint64_t b) {
    (void)context;
    (void)what;
    (void)a;
    (void)b;
}
