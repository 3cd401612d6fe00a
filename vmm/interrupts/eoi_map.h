/* The EOI map: for which vectors an EOI of this vCPU must exit, and which of these are stale.
 *
 * The processor performs EOIs without a VM exit, except for the vectors in the EOI-exit bitmap. The
 * I/O APIC must receive the EOI of a level interrupt, so the scan sets the bit of every vector that
 * a level route sends to this vCPU, and of every vector that is in flight here although no route
 * sends it here any more. The latter bits are stale: needed for the EOIs that are still owed, and a
 * needless exit at every EOI after these. When the last of them has come, eoi_map_retired() reports
 * that another scan is needed. docs/interrupts.md, "The scan".
 *
 * Pure. SDM Vol. 3C, "Virtualizing Interrupts: EOI Virtualization". */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "vmm/interrupts/destination.h"
#include "vmm/interrupts/vector_set.h"

struct eoi_map {
    struct vector_set exit;  /* the contents of the VMCS's four EOI-exit bitmaps */
    struct vector_set stale; /* those of them that no route explains */
};

/* The words of the contracts: an entry is a route for a vector; some entry is; nothing has changed.
 */
/*@ predicate route(struct apic_identity who, integer entry, integer vector) =
  @     (entry & RTE_LEVEL) != 0 && accepts(who, entry) && (entry & RTE_VECTOR_MASK) == vector;
  @
  @ predicate routed{L}(uint64_t *entry, struct apic_identity who, integer vector) =
  @     \exists integer pin; 0 <= pin < IOAPIC_PIN_COUNT && route(who, entry[pin], vector);
  @
  @ predicate same_entries{L1, L2}(uint64_t *entry) =
  @     \forall integer pin; 0 <= pin < IOAPIC_PIN_COUNT ==>
  @         \at(entry[pin], L1) == \at(entry[pin], L2);
  @
  @ predicate same_word{L1, L2}(struct eoi_map *map, integer i) =
  @     \at(map->exit.word[i], L1) == \at(map->exit.word[i], L2) &&
  @     \at(map->stale.word[i], L1) == \at(map->stale.word[i], L2);
  @*/

/* The route scan. entry: the redirection table; inflight: the vectors for which the vCPU has
 * tokens, after it has accepted everything that was posted to it. Returns in bits 0 to 3 the words
 * in which either set has changed; in these words, and only in these, *changed receives the bits
 * that have changed. */
/*@ requires \valid(map) && \valid(changed);
  @ requires \valid_read(entry + (0 .. IOAPIC_PIN_COUNT - 1));
  @ requires \valid_read(who) && \valid_read(inflight);
  @ requires \separated(map, changed, entry + (0 .. IOAPIC_PIN_COUNT - 1), who, inflight);
  @ assigns *map, *changed;
  @ ensures exit: \forall integer v; 0 <= v < VECTOR_COUNT ==>
  @     (in_set(&map->exit, v) <==>
  @      \old(routed(entry, *who, v)) || in_set(inflight, v));
  @ ensures stale: \forall integer v; 0 <= v < VECTOR_COUNT ==>
  @     (in_set(&map->stale, v) <==>
  @      !\old(routed(entry, *who, v)) && in_set(inflight, v));
  @ ensures words: \forall integer i; 0 <= i < 4 ==>
  @     (bit(\result, i) <==> !same_word{Pre, Post}(map, i));
  @*/
unsigned eoi_map_scan(struct eoi_map *map, const uint64_t entry[IOAPIC_PIN_COUNT],
                      const struct apic_identity *who, const struct vector_set *inflight,
                      struct eoi_map *changed);

/* Called after an EOI of `vector` has exited and its tokens are retired. True: its bit is stale and
 * nothing of it is in flight any more, so the bit must be dropped before the next entry: scan. */
/*@ requires \valid_read(map);
  @ requires \valid_read(inflight);
  @ assigns \nothing;
  @ ensures \result <==> in_set(&map->stale, vector) && !in_set(inflight, vector);
  @*/
bool eoi_map_retired(const struct eoi_map *map, uint8_t vector, const struct vector_set *inflight);
