/* The bounds without a budget: what is not 0 in it may happen any number of times. Where such a
 * search ends, it has visited every state that any history can reach. See moves.h, docs/model.md.
 */
#include "tests/model/bounds.h"
#include "tests/model/bounds_fields.h"

const struct bound endless_bounds[] = {
    {
        .name = "moved-always",
        .start = "write0.trigger write0.mask enter",
        .budget = {.lines = 1, .writes = 1},
        .writes = MOVED,
        .endless = true,
    },
    {
        .name = "reroute-always",
        .start = TWO_OF_ONE_CLASS "enter",
        .budget = {.lines = 1, .writes = 1},
        .writes = MOVED,
        .endless = true,
    },
    {
        .name = "rewrite-always",
        .start = TWO_OF_ONE_CLASS "enter",
        .budget = {.lines = 1, .writes = 1},
        .writes = MOVED | VECTORS,
        .one_pin = true,
        .endless = true,
    },
    {
        .name = "nested-always",
        .start = TWO_CLASSES "line0 enter",
        .budget = {.lines = 1, .writes = 1},
        .writes = MOVED,
        .endless = true,
    },
    {
        .name = "disabled-always",
        .start = TWO_CLASSES "enter",
        .budget = {.lines = 1, .svrs = 1},
        .endless = true,
    },
    /* the same, only in `make model` */
    {
        .name = "storm-always",
        .start = "write0.trigger write0.mask enter",
        .budget = {.lines = 1, .writes = 1},
        .writes = MOVED | W(MASK) | W(TRIGGER),
        .one_pin = true,
        .storms = true,
        .deep = true,
        .endless = true,
    },
    {
        .name = "shared-always",
        .start = TWO_OF_ONE_VECTOR "enter",
        .budget = {.lines = 1, .writes = 1},
        .writes = MOVED,
        .deep = true,
        .endless = true,
    },
    {
        .name = "edges-always",
        .start = "write0.trigger write0.62 write0.mask enter",
        .budget = {.lines = 1, .writes = 1, .ipis = 1},
        .writes = MOVED,
        .one_pin = true,
        .deep = true,
        .endless = true,
    },
    {
        .name = "logical-always",
        .start = LOGICAL "enter",
        .budget = {.lines = 1, .writes = 1, .ldrs = 1},
        .writes = MOVED | W(DESTINATION_3) | W(MASK),
        .one_pin = true,
        .deep = true,
        .endless = true,
    },
    {
        .name = "logical-lowest",
        .start = LOGICAL "enter",
        .budget = {.lines = 1, .writes = 1},
        .writes = MOVED | W(DESTINATION_3) | W(LOGICAL) | W(LOWEST) | W(MASK),
        .one_pin = true,
        .deep = true,
        .endless = true,
    },
    {
        .name = "rewrite-mask",
        .start = TWO_OF_ONE_CLASS "enter",
        .budget = {.lines = 1, .writes = 1},
        .writes = MOVED | VECTORS | W(MASK) | W(AGAIN),
        .one_pin = true,
        .deep = true,
        .endless = true,
    },
    {
        .name = "disabled-edges",
        .start = TWO_CLASSES "enter",
        .budget = {.lines = 1, .svrs = 1, .ipis = 1},
        .deep = true,
        .endless = true,
    },
    {
        .name = "nested-mask",
        .start = TWO_CLASSES "line0 enter",
        .budget = {.lines = 1, .writes = 1},
        .writes = MOVED | W(MASK),
        .deep = true,
        .endless = true,
    },
};
const unsigned endless_bound_count = sizeof(endless_bounds) / sizeof(*endless_bounds);
