/* Extended page tables: they translate guest-physical to physical addresses. arch/paging.h builds
 * them, with the flags defined here.
 *
 * An access that they do not allow causes a VM exit, an EPT violation: this is how memory-mapped
 * devices are emulated, and how a guest is confined to its own RAM. Each CPU that may have cached a
 * translation would have to execute INVEPT after a change; a guest's tables never change while it
 * runs. Pure. SDM Vol. 3C, "The Extended Page Table Mechanism (EPT)". Read next: arch/paging.h. */
#pragma once
#include <stdint.h>

#include "arch/msr.h"
#include "arch/paging.h"

/* Every mapped page is readable: paging.h takes bit 0 for "present". */
#define EPT_READ  (1ULL << 0)
#define EPT_WRITE (1ULL << 1)
#define EPT_ALL   (7ULL << 0) /* read, write, execute; also for entries that lead to a table */
/* Memory type write-back regardless of the guest's PAT (bit 6, "ignore PAT"): besides the guest
 * only Pinwheel's emulated devices access this memory, and they access it as write-back. */
#define EPT_WB ((uint64_t)MEMORY_TYPE_WB << 3 | 1ULL << 6)

/* The value of VMCS_EPT_POINTER for these tables: write-back, a page walk of length 4, no accessed
 * and dirty flags. SDM Vol. 3C, "Extended-Page-Table Pointer (EPTP)". */
static inline uint64_t ept_pointer(const struct paging *ept) {
    return ept->root | 3 << 3 | MEMORY_TYPE_WB;
}
