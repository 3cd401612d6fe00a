/* The route scan. This is the function that the project is about. */
#include "vmm/eoi_map.h"

unsigned eoi_map_scan(struct eoi_map *map, const uint64_t *entry, unsigned pins,
                      const struct apic_identity *self, const struct vector_set *inflight) {
    struct vector_set routed = {0};

    /* Masked entries count: the interrupt may be in flight, and unmasking must cost no scan. */
    for (unsigned pin = 0; pin < pins; pin++) {
        if ((entry[pin] & RTE_LEVEL) && destination_of_entry_matches(self, entry[pin]))
            vector_set_add(&routed, rte_vector(entry[pin]));
    }

    unsigned changed = 0;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t stale = inflight->word[i] & ~routed.word[i];
        uint64_t exit = routed.word[i] | stale;
        changed |= (unsigned)(exit != map->exit.word[i]) << i;
        map->stale.word[i] = stale;
        map->exit.word[i] = exit;
    }
    return changed;
}

bool eoi_map_retired(const struct eoi_map *map, uint8_t vector, const struct vector_set *inflight) {
    return vector_set_has(&map->stale, vector) && !vector_set_has(inflight, vector);
}
