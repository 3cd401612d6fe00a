/* The bounds: see moves.h, and docs/model.md for what they do not cover. */
#include "tests/model/bounds.h"

#include "tests/model/bounds_fields.h"

const struct bound bounds[] = {
    {
        .name = "reroute",
        .start = TWO_OF_ONE_CLASS "enter",
        .budget = {.lines = 3, .writes = 2},
        .writes = MOVED | VECTORS | W(MASK) | W(AGAIN),
    },
    {
        .name = "shared",
        .start = TWO_OF_ONE_VECTOR "enter",
        .budget = {.lines = 2, .writes = 1, .ipis = 1},
        .writes = MOVED | W(VECTOR_2) | W(TRIGGER),
    },
    {
        .name = "edges",
        .start = "write0.trigger write0.62 write0.mask enter",
        .budget = {.lines = 2, .writes = 1, .ipis = 2},
        .writes = MOVED | W(MASK) | W(TRIGGER),
    },
    {
        .name = "logical",
        .start = LOGICAL "enter",
        .budget = {.lines = 2, .writes = 1, .ldrs = 2},
        .writes = MOVED | W(DESTINATION_3) | W(LOGICAL) | W(LOWEST) | W(MASK),
    },
    {
        .name = "nested",
        .start = TWO_CLASSES "line0 enter",
        .budget = {.lines = 2, .writes = 2},
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
    {
        .name = "disabled",
        .start = TWO_CLASSES "enter",
        .budget = {.lines = 2, .ipis = 1, .svrs = 2},
    },
    /* only in `make model` */
    {
        .name = "reroute-deep",
        .start = TWO_OF_ONE_CLASS "enter",
        .budget = {.lines = 4, .writes = 2},
        .writes = ANY,
        .deep = true,
    },
    {
        .name = "shared-deep",
        .start = TWO_OF_ONE_VECTOR "enter",
        .budget = {.lines = 2, .writes = 2, .ipis = 1},
        .writes = MOVED | W(VECTOR_2) | W(TRIGGER),
        .deep = true,
    },
    {
        .name = "edges-deep",
        .start = "write0.trigger write0.62 write0.mask enter",
        .budget = {.lines = 2, .writes = 1, .ipis = 3},
        .writes = MOVED | W(MASK) | W(TRIGGER),
        .deep = true,
    },
    {
        .name = "logical-deep",
        .start = LOGICAL "enter",
        .budget = {.lines = 2, .writes = 2, .ldrs = 2},
        .writes = MOVED | W(DESTINATION_3) | W(LOGICAL) | W(LOWEST) | W(MASK),
        .deep = true,
    },
    {
        .name = "nested-deep",
        .start = TWO_CLASSES "line0 enter",
        .budget = {.lines = 2, .writes = 2, .ipis = 1},
        .writes = MOVED,
        .deep = true,
    },
    {
        .name = "moved-often",
        .start = "write0.trigger write0.mask enter",
        .budget = {.lines = 3, .writes = 6},
        .writes = MOVED,
        .deep = true,
    },
};
const unsigned bound_count = sizeof(bounds) / sizeof(*bounds);
