/* The EOI map: for which vectors an EOI by this vCPU must exit, and which of those are stale.
 *
 * The processor retires EOIs without an exit, except for the vectors in the EOI-exit bitmap. The
 * I/O APIC must hear of the EOI of a level interrupt, so the scan puts there every vector that a
 * level route sends to this vCPU, and every vector that is in flight here although no route sends
 * it any more: those are stale, right for the EOIs still owed and a needless exit ever after. When
 * the last of these EOIs has come, eoi_map_retired() says that it is time to scan again.
 *
 * Pure. SDM Vol. 3C, "Virtualizing Interrupts: EOI Virtualization". */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "vmm/interrupts/destination.h"
#include "vmm/interrupts/vector_set.h"

struct eoi_map {
    struct vector_set exit;  /* what the VMCS's four EOI-exit bitmaps hold */
    struct vector_set stale; /* the part of it that no route explains */
};

/* The route scan. entry: the redirection table; inflight: the vCPU's tokens, after everything
 * posted to it has been accepted. Returns the words, as bits 0 to 3, in which either set has
 * changed; *changed gets, in these words only, the bits that are another now. */
unsigned eoi_map_scan(struct eoi_map *map, const uint64_t entry[IOAPIC_PIN_COUNT],
                      const struct apic_identity *who, const struct vector_set *inflight,
                      struct eoi_map *changed);

/* An EOI of `vector` exited and its tokens are retired. True: its bit was stale and nothing of it
 * is in flight any more, so it must go before the next entry: scan. */
bool eoi_map_retired(const struct eoi_map *map, uint8_t vector, const struct vector_set *inflight);
