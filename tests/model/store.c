/* The states that a search has found, in the order in which it has found them. A hash table holds
 * their numbers and compares whole states, so no collision can hide a state. */
#include "tests/model/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define FIRST_TABLE (1ULL << 16)

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

struct store store_start(uint64_t room) {
    struct store it = {.room = room, .mask = FIRST_TABLE - 1};

    it.state = reserve(room * sizeof(*it.state));
    it.parent = reserve(room * sizeof(*it.parent));
    it.how = reserve(room * sizeof(*it.how));
    it.table = reserve(FIRST_TABLE * sizeof(*it.table));
    return it;
}

void store_end(struct store *it) {
    munmap(it->state, it->room * sizeof(*it->state));
    munmap(it->parent, it->room * sizeof(*it->parent));
    munmap(it->how, it->room * sizeof(*it->how));
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
static uint32_t *slot_of(const struct store *it, const struct state *state) {
    uint64_t slot = hash(state) & it->mask;

    while (it->table[slot] && memcmp(&it->state[it->table[slot] - 1], state, sizeof(*state)) != 0)
        slot = (slot + 1) & it->mask;
    return &it->table[slot];
}

/* Doubles the table, which is half full. */
static void grow(struct store *it) {
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

bool store_has(const struct store *it, const struct state *state) {
    return *slot_of(it, state) != 0;
}

bool store_add(struct store *it, const struct state *state, uint32_t parent, unsigned how) {
    uint32_t *slot = slot_of(it, state);

    if (*slot)
        return true;
    if (it->count == it->room)
        return false;
    it->state[it->count] = *state;
    it->parent[it->count] = parent;
    it->how[it->count] = (uint16_t)how;
    *slot = (uint32_t)++it->count;
    if (it->count * 2 > it->mask)
        grow(it);
    return true;
}
