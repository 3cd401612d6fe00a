/* The route scan: which EOIs of a vCPU must exit. The central function of the project. */
#include "vmm/interrupts/eoi_map.h"

/* Most entries are not level triggered. Eight of them are one cache line: where the OR of a group
 * has no level bit, one test skips all eight. */
#define GROUP 8
_Static_assert(IOAPIC_PIN_COUNT % GROUP == 0, "whole groups of entries");

/*@ predicate within(uint64_t *entry, uint64_t *group, integer count) =
  @     \base_addr(entry) == \base_addr(group) && group <= entry < group + count;
  @*/

/* False: none of the group is level triggered. */
/*@ requires \valid_read(group + (0 .. GROUP - 1));
  @ assigns \nothing;
  @ ensures !\result ==> \forall uint64_t *entry; within(entry, group, GROUP) ==>
  @     (*entry & RTE_LEVEL) == 0;
  @*/
static inline bool any_level(const uint64_t group[GROUP]) {
    uint64_t all = 0;

    /*@ loop invariant range: 0 <= i <= GROUP;
      @ loop invariant (all & RTE_LEVEL) == 0 ==>
      @     \forall uint64_t *entry; within(entry, group, i) ==> (*entry & RTE_LEVEL) == 0;
      @ loop assigns i, all;
      @ loop variant GROUP - i;
      @*/
    for (unsigned i = 0; i < GROUP; i++)
        all |= group[i];
    return all & RTE_LEVEL;
}

/* In the contracts, vector 64 w + b is bit b of word w. */
/*@ predicate every{L, E}(struct vector_set *routed, uint64_t *entry, integer pins,
  @                       struct apic_identity who) =
  @     \forall integer p, w, b; 0 <= p < pins && 0 <= w < 4 && 0 <= b < 64 &&
  @         route(who, \at(entry[p], E), 64 * w + b) ==> \at(bit(routed->word[w], b), L);
  @
  @ predicate only{L, E}(struct vector_set *routed, uint64_t *entry, integer pins,
  @                      struct apic_identity who) =
  @     \forall integer w, b; 0 <= w < 4 && 0 <= b < 64 && \at(bit(routed->word[w], b), L) ==>
  @         \exists integer p; 0 <= p < pins && route(who, \at(entry[p], E), 64 * w + b);
  @*/

/* Adds the entry's vector if the entry is a level route to this LAPIC. */
/*@ requires \valid(routed) && \valid_read(who);
  @ requires \separated(routed, who);
  @ assigns routed->word[0 .. 3];
  @ ensures \forall integer w, b; 0 <= w < 4 && 0 <= b < 64 ==>
  @     (bit(routed->word[w], b) <==>
  @      \old(bit(routed->word[w], b)) || route(\old(*who), entry, 64 * w + b));
  @*/
static inline void add_route(struct vector_set *routed, uint64_t entry,
                             const struct apic_identity *who) {
    if ((entry & RTE_LEVEL) && destination_of_entry_matches(who, entry))
        vector_set_add(routed, rte_vector(entry));
}

/* Adds the vectors that level entries send to this LAPIC. Masked entries count: their interrupt may
 * be in flight, and unmasking an entry must not require a scan. */
/*@ requires \valid(routed);
  @ requires \valid_read(entry + (0 .. IOAPIC_PIN_COUNT - 1));
  @ requires \separated(routed, entry + (0 .. IOAPIC_PIN_COUNT - 1));
  @ requires \forall integer w, b; 0 <= w < 4 && 0 <= b < 64 ==> !bit(routed->word[w], b);
  @ assigns routed->word[0 .. 3];
  @ ensures every{Post, Pre}(routed, entry, IOAPIC_PIN_COUNT, who);
  @ ensures only{Post, Pre}(routed, entry, IOAPIC_PIN_COUNT, who);
  @*/
static inline void add_routed(struct vector_set *routed, const uint64_t entry[IOAPIC_PIN_COUNT],
                              struct apic_identity who) {
    /*@ loop invariant range: 0 <= pin <= IOAPIC_PIN_COUNT && pin % GROUP == 0;
      @ loop invariant same_entries{Pre, Here}(entry);
      @ loop invariant every{Here, Pre}(routed, entry, pin, who);
      @ loop invariant only{Here, Pre}(routed, entry, pin, who);
      @ loop assigns pin, routed->word[0 .. 3];
      @ loop variant IOAPIC_PIN_COUNT - pin;
      @*/
    for (unsigned pin = 0; pin < IOAPIC_PIN_COUNT; pin += GROUP) {
        const uint64_t *group = entry + pin;
        if (!any_level(group))
            continue;
        /*@ loop invariant range: 0 <= i <= GROUP;
          @ loop invariant same_entries{Pre, Here}(entry);
          @ loop invariant every{Here, Pre}(routed, entry, pin + i, who);
          @ loop invariant only{Here, Pre}(routed, entry, pin + i, who);
          @ loop assigns i, routed->word[0 .. 3];
          @ loop variant GROUP - i;
          @*/
        for (unsigned i = 0; i < GROUP; i++)
            add_route(routed, group[i], &who);
    }
}

/* Word i of both sets. Routed or in flight: the EOI must exit. In flight and not routed: that bit
 * is stale. False: nothing has changed. */
/*@ requires \valid(map) && \valid(changed) && i < 4;
  @ requires \separated(map, changed);
  @ assigns map->exit.word[i], map->stale.word[i], changed->exit.word[i], changed->stale.word[i];
  @ ensures map->exit.word[i] == (routed | inflight);
  @ ensures map->stale.word[i] == ((routed | inflight) ^ routed);
  @ ensures \result <==> !same_word{Pre, Post}(map, i);
  @ ensures \result ==>
  @     changed->exit.word[i] == (map->exit.word[i] ^ \old(map->exit.word[i])) &&
  @     changed->stale.word[i] == (map->stale.word[i] ^ \old(map->stale.word[i]));
  @*/
static inline bool scan_word(struct eoi_map *map, unsigned i, uint64_t routed, uint64_t inflight,
                             struct eoi_map *changed) {
    uint64_t exit = routed | inflight, stale = exit ^ routed;

    if (stale == map->stale.word[i] && exit == map->exit.word[i])
        return false;
    changed->stale.word[i] = stale ^ map->stale.word[i];
    changed->exit.word[i] = exit ^ map->exit.word[i];
    map->stale.word[i] = stale;
    map->exit.word[i] = exit;
    return true;
}

unsigned eoi_map_scan(struct eoi_map *map, const uint64_t entry[IOAPIC_PIN_COUNT],
                      const struct apic_identity *who, const struct vector_set *inflight,
                      struct eoi_map *changed) {
    struct vector_set routed = {0};
    unsigned words = 0;

    add_routed(&routed, entry, *who);
    /*@ loop invariant range: 0 <= i <= 4;
      @ loop invariant \forall integer w; 0 <= w < i ==>
      @     map->exit.word[w] == (routed.word[w] | inflight->word[w]);
      @ loop invariant \forall integer w; 0 <= w < i ==>
      @     map->stale.word[w] == ((routed.word[w] | inflight->word[w]) ^ routed.word[w]);
      @ loop invariant \forall integer w; i <= w < 4 ==>
      @     map->exit.word[w] == \at(map->exit.word[w], Pre);
      @ loop invariant \forall integer w; i <= w < 4 ==>
      @     map->stale.word[w] == \at(map->stale.word[w], Pre);
      @ loop invariant \forall integer w; 0 <= w < i ==>
      @     (bit(words, w) <==> map->exit.word[w] != \at(map->exit.word[w], Pre) ||
      @                         map->stale.word[w] != \at(map->stale.word[w], Pre));
      @ loop invariant \forall integer w; i <= w < 32 ==> !bit(words, w);
      @ loop assigns i, words, *map, *changed;
      @ loop variant 4 - i;
      @*/
    for (unsigned i = 0; i < 4; i++) {
        if (scan_word(map, i, routed.word[i], inflight->word[i], changed))
            words |= 1u << i;
    }
    return words;
}

bool eoi_map_retired(const struct eoi_map *map, uint8_t vector, const struct vector_set *inflight) {
    return vector_set_has(&map->stale, vector) && !vector_set_has(inflight, vector);
}
