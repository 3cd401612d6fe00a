/* The states along a path, as records: see walk.h. */
#include "tests/model/walk.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/model/bounds.h"
#include "tests/model/start.h"
#include "tests/model/world.h"

_Static_assert(sizeof(struct walk_record) == 56, "as tests/page/engine.js reads it");

static const struct bound *walked;    /* whose start it was */
static const struct bound *unlimited; /* what start_free() has made of it */

/* Returns what is possible next. */
static uint64_t write_record(unsigned move) {
    uint64_t possible = moves_possible(&world.now, unlimited);
    const struct walk_record record = {
        .bound = (uint8_t)(walked - bounds),
        .move = (uint8_t)move,
        .violated = (uint8_t)(world.violated + 1),
        .possible = possible,
        .state = world.now,
    };

    if (fwrite(&record, sizeof(record), 1, stdout) != 1)
        exit(2);
    return possible;
}

static uint64_t start(const struct bound *bound) {
    walked = bound;
    unlimited = start_free(bound);
    return write_record(WALK_START);
}

static uint64_t make(unsigned move) {
    move_apply(move);
    return write_record(move);
}

void walk_path(const struct bound *bound, const uint8_t *path, unsigned length) {
    uint64_t possible = start(bound);

    for (unsigned i = 0; i < length && (possible >> path[i] & 1); i++)
        possible = make(path[i]);
}

/* xorshift64 */
static uint64_t next_random(uint64_t *random) {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}

/* One of the bits that are set. */
static unsigned choose(uint64_t set, uint64_t *random) {
    unsigned n = (unsigned)(next_random(random) >> 32) % (unsigned)__builtin_popcountll(set);

    for (; n; n--)
        set &= set - 1;
    return (unsigned)__builtin_ctzll(set);
}

void walk_at_random(uint64_t seed, uint64_t count) {
    uint64_t random = seed * 2 + 1;

    for (unsigned b = 0; b < bound_count; b++) {
        uint64_t possible = 0;
        for (uint64_t i = 0; i < count; i++) {
            if (i % WALK_LENGTH == 0 || !possible)
                possible = start(&bounds[b]);
            possible = make(choose(possible, &random));
        }
    }
}
