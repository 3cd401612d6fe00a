/* Canonical addresses: the unused upper bits of a linear address are copies of its highest used
 * bit. 4-level paging uses 48 bits, 5-level paging 57. An access to any other address raises #GP,
 * or #SS through the stack segment. Pure. SDM Vol. 1, "Canonical Addressing". Read next:
 * arch/paging.h, vmm/emulate/guest_walk.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define CANONICAL_BITS_4_LEVEL 48u
#define CANONICAL_BITS_5_LEVEL 57u

/* Whether an address is canonical if its lower `bits` bits, 1 to 64, are used. */
static inline bool is_canonical(uint64_t linear, unsigned bits) {
    unsigned unused = 64 - bits;

    return (uint64_t)((int64_t)(linear << unused) >> unused) == linear;
}
