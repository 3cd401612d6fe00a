/* The route scan: which EOIs of a vCPU must exit. The central function of the project. */
#include "vmm/interrupts/eoi_map.h"

/* Most entries are not level triggered. Eight of them are one cache line: where the OR of a group
 * has no level bit, one test skips all eight. */
#define GROUP 8
_Static_assert(IOAPIC_PIN_COUNT % GROUP == 0, "whole groups of entries");

static inline bool any_level(const uint64_t group[GROUP]) {
    uint64_t all = 0;

    for (unsigned i = 0; i < GROUP; i++)
        all |= group[i];
    return all & RTE_LEVEL;
}

/* Adds the vectors that level entries send to this LAPIC. Masked entries count: their interrupt may
 * be in flight, and unmasking an entry must not require a scan. */
static inline void add_routed(struct vector_set *routed, const uint64_t entry[IOAPIC_PIN_COUNT],
                              struct apic_identity who) {
    for (unsigned pin = 0; pin < IOAPIC_PIN_COUNT; pin += GROUP) {
        const uint64_t *group = entry + pin;
        if (!any_level(group))
            continue;
        for (unsigned i = 0; i < GROUP; i++) {
            if ((group[i] & RTE_LEVEL) && destination_of_entry_matches(&who, group[i]))
                vector_set_add(routed, rte_vector(group[i]));
        }
    }
}

/* Routed or in flight: the EOI must exit. In flight and not routed: that bit is stale. */
unsigned eoi_map_scan(struct eoi_map *map, const uint64_t entry[IOAPIC_PIN_COUNT],
                      const struct apic_identity *who, const struct vector_set *inflight,
                      struct eoi_map *changed) {
    struct vector_set routed = {0};
    unsigned words = 0;

    add_routed(&routed, entry, *who);
    for (unsigned i = 0; i < 4; i++) {
        uint64_t stale = inflight->word[i] & ~routed.word[i];
        uint64_t exit = routed.word[i] | inflight->word[i];
        if (stale == map->stale.word[i] && exit == map->exit.word[i])
            continue;
        changed->stale.word[i] = stale ^ map->stale.word[i];
        changed->exit.word[i] = exit ^ map->exit.word[i];
        map->stale.word[i] = stale;
        map->exit.word[i] = exit;
        words |= 1u << i;
    }
    return words;
}

bool eoi_map_retired(const struct eoi_map *map, uint8_t vector, const struct vector_set *inflight) {
    return vector_set_has(&map->stale, vector) && !vector_set_has(inflight, vector);
}
