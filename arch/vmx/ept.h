/* Extended page tables: what a guest takes for physical memory, and where it really is. paging.h
 * builds them, with these flags.
 *
 * An access that these tables do not allow ends the guest's turn with an EPT violation; that is how
 * devices in memory are emulated, and how a guest is kept to its own RAM. After a change of what a
 * CPU may have used, INVEPT is executed on each such CPU; the tables of a guest do not change.
 * SDM Vol. 3C, "The Extended Page Table Mechanism (EPT)". */
#pragma once
#include <stdint.h>

#include "arch/msr.h"
#include "arch/paging.h"

/* All that is mapped can be read: a page that can be written or executed only is none. */
#define EPT_READ  (1ULL << 0)
#define EPT_WRITE (1ULL << 1)
#define EPT_ALL   (7ULL << 0) /* read, write, execute; of entries that lead to a table, too */
/* Write-back, whatever the guest's PAT says (bit 6, "ignore PAT"): no device but ours, which uses
 * it as write-back memory, looks at it. */
#define EPT_WB ((uint64_t)MEMORY_TYPE_WB << 3 | 1ULL << 6)

/* The VMCS's EPT pointer for these tables: write-back, a walk of length 4, without accessed and
 * dirty flags. SDM Vol. 3C, "Extended-Page-Table Pointer (EPTP)". */
static inline uint64_t ept_pointer(const struct paging *ept) {
    return ept->root | 3 << 3 | MEMORY_TYPE_WB;
}
