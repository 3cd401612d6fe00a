/* The search is breadth-first, so the path to a violation is a shortest one. States are stored
 * whole, in the order in which they are found, with the number of the state that each was found
 * from, and the move. The hash table holds their numbers and compares whole states, so no collision
 * can hide a state. */
#include "tests/model/explore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/model/start.h"
#include "tests/model/world.h"

#define NONE        0xffffffffu
#define MAX_PATH    512
#define FIRST_TABLE (1ULL << 16)

struct search {
    struct state *state;
    uint32_t *parent;
    uint8_t *move;
    uint32_t *table; /* number of a state + 1; 0: empty */
    uint64_t mask;
    uint64_t count, room;
};

/* Memory that is not used before it is written. */
static void *reserve(uint64_t size) {
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                    -1, 0);

    if (at == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }
    return at;
}

static struct search search_start(uint64_t room) {
    struct search it = {.room = room, .mask = FIRST_TABLE - 1};

    it.state = reserve(room * sizeof(*it.state));
    it.parent = reserve(room * sizeof(*it.parent));
    it.move = reserve(room);
    it.table = reserve(FIRST_TABLE * sizeof(*it.table));
    return it;
}

static void search_end(struct search *it) {
    munmap(it->state, it->room * sizeof(*it->state));
    munmap(it->parent, it->room * sizeof(*it->parent));
    munmap(it->move, it->room);
    munmap(it->table, (it->mask + 1) * sizeof(*it->table));
}

static uint64_t hash(const struct state *state) {
    uint64_t word[sizeof(*state) / 8], h = 0;

    memcpy(word, state, sizeof(word));
    for (unsigned i = 0; i < sizeof(word) / sizeof(*word); i++) {
        h = (h ^ word[i]) * 0x9e3779b97f4a7c15;
        h ^= h >> 29;
    }
    return h * 0xbf58476d1ce4e5b9 >> 16;
}

/* The slot of a state, or the empty one where it belongs. */
static uint32_t *slot_of(const struct search *it, const struct state *state) {
    uint64_t slot = hash(state) & it->mask;

    while (it->table[slot] && memcmp(&it->state[it->table[slot] - 1], state, sizeof(*state)) != 0)
        slot = (slot + 1) & it->mask;
    return &it->table[slot];
}

/* Doubles the table, which is half full. */
static void grow(struct search *it) {
    munmap(it->table, (it->mask + 1) * sizeof(*it->table));
    it->mask = it->mask * 2 + 1;
    it->table = reserve((it->mask + 1) * sizeof(*it->table));
    for (uint64_t i = 0; i < it->count; i++) {
        uint64_t slot = hash(&it->state[i]) & it->mask;
        while (it->table[slot])
            slot = (slot + 1) & it->mask;
        it->table[slot] = (uint32_t)i + 1;
    }
}

/* False: there is no room for the state. */
static bool add(struct search *it, const struct state *state, uint32_t parent, unsigned move) {
    uint32_t *slot = slot_of(it, state);

    if (*slot)
        return true;
    if (it->count == it->room)
        return false;
    it->state[it->count] = *state;
    it->parent[it->count] = parent;
    it->move[it->count] = (uint8_t)move;
    *slot = (uint32_t)++it->count;
    if (it->count * 2 > it->mask)
        grow(it);
    return true;
}

/* The moves from the first state to this one, then `last`; returns how many. */
static unsigned path_to(const struct search *it, uint32_t number, unsigned last, uint8_t *path) {
    unsigned length = 1;
    uint8_t reversed[MAX_PATH];

    reversed[0] = (uint8_t)last;
    for (; it->parent[number] != NONE && length < MAX_PATH; number = it->parent[number])
        reversed[length++] = it->move[number];
    for (unsigned i = 0; i < length; i++)
        path[i] = reversed[length - 1 - i];
    return length;
}

/* ---- the search ---- */

/* Makes every move from one state. False: one of them violates an invariant, or there is no more
 * room. */
static bool expand(struct search *it, uint32_t number, const struct bound *bound, bool debug,
                   struct exploration *result, uint8_t *path) {
    const struct state from = it->state[number];

    for (unsigned move = 0; move < move_count; move++) {
        if (!move_is_possible(&from, move, bound))
            continue;
        world.now = from;
        move_apply(move);
        result->transitions++;
        if (debug && world.violated < 0 && !world_is_exact())
            world_violate(0, "a move changes something that is not part of the state");
        if (world.violated >= 0) {
            result->path_length = path_to(it, number, move, path);
            return false;
        }
        if (!add(it, &world.now, number, move)) {
            result->full = true;
            return false;
        }
    }
    return true;
}

struct exploration explore(const struct bound *bound, uint64_t room, bool debug) {
    static uint8_t path[MAX_PATH];
    struct search it = search_start(room);
    struct exploration result = {.path = path};
    uint64_t level_end = 1;

    if (!start_of(bound)) {
        world_violate(0, "the start of this bound cannot be read");
        return result;
    }
    add(&it, &world.now, NONE, 0);
    for (uint64_t next = 0; next < it.count; next++) {
        if (next == level_end) {
            level_end = it.count;
            result.depth++;
        }
        if (!expand(&it, (uint32_t)next, bound, debug, &result, path))
            break;
    }
    result.states = it.count;
    search_end(&it);
    return result;
}
