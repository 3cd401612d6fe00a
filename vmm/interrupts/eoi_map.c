/* The route scan. This is the function that the project is about. */
#include "vmm/interrupts/eoi_map.h"

#define GROUP 8
_Static_assert(IOAPIC_PIN_COUNT % GROUP == 0, "whole groups of pins");

unsigned eoi_map_scan(struct eoi_map *map, const uint64_t entry[IOAPIC_PIN_COUNT],
                      const struct apic_identity *who, const struct vector_set *inflight,
                      struct eoi_map *changed) {
    const struct apic_identity self = *who; /* a copy that the loop can keep in registers */
    struct vector_set routed = {0};
    unsigned words = 0;

    /* Masked entries count: the interrupt may be in flight, and unmasking must cost no scan. Most
     * pins are not level triggered: eight at a time are passed over. */
    for (unsigned pin = 0; pin < IOAPIC_PIN_COUNT; pin += GROUP) {
        const uint64_t *e = entry + pin;
        if (!((e[0] | e[1] | e[2] | e[3] | e[4] | e[5] | e[6] | e[7]) & RTE_LEVEL))
            continue;
        for (unsigned i = 0; i < GROUP; i++) {
            if ((e[i] & RTE_LEVEL) && destination_of_entry_matches(&self, e[i]))
                vector_set_add(&routed, rte_vector(e[i]));
        }
    }
    for (unsigned i = 0; i < 4; i++) {
        uint64_t stale = inflight->word[i] & ~routed.word[i];
        uint64_t exit = inflight->word[i] | routed.word[i];
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
