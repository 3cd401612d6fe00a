/* The bounds: see moves.h, and docs/model.md for what they leave out. */
#include "tests/model/bounds.h"

#define W(field) (1u << (WRITE_##field))
#define MOVED    (W(DESTINATION_0) | W(DESTINATION_1))
#define VECTORS  (W(VECTOR_0) | W(VECTOR_1) | W(VECTOR_2))

const struct bound bounds[] = {
    {
        .name = "reroute",
        .start = "write0.trigger write0.mask write1.trigger write1.35 write1.mask enter",
        .budget = {.lines = 3, .writes = 2},
        .writes = MOVED | W(MASK) | VECTORS | W(AGAIN),
    },
    {
        .name = "shared",
        .start = "write0.trigger write0.mask write1.trigger write1.mask enter",
        .budget = {.lines = 2, .writes = 2, .ipis = 1},
        .writes = MOVED | W(VECTOR_2) | W(TRIGGER),
    },
    {
        .name = "edges",
        .start = "write0.trigger write0.62 write0.mask enter",
        .budget = {.lines = 2, .writes = 1, .ipis = 3},
        .writes = MOVED | W(MASK) | W(TRIGGER),
    },
    {
        .name = "logical",
        .start = "write0.trigger write0.logical write0.to1 write0.mask enter",
        .budget = {.lines = 2, .writes = 1, .ldrs = 2},
        .writes = MOVED | W(DESTINATION_3) | W(LOGICAL) | W(LOWEST) | W(MASK),
    },
    {
        .name = "nested",
        .start = "write0.trigger write0.mask write1.trigger write1.62 write1.mask line0 enter",
        .budget = {.lines = 2, .writes = 2, .ipis = 1},
        .writes = MOVED,
    },
    {
        .name = "storm",
        .start = "write0.trigger write0.mask enter",
        .budget = {.lines = 2, .writes = 2},
        .writes = MOVED | W(MASK) | W(TRIGGER) | W(VECTOR_1),
        .exits = true,
        .storms = true,
    },
};
const unsigned bound_count = sizeof(bounds) / sizeof(*bounds);
