/* Converts UEFI's memory map to the list of regions in struct boot_info.
 *
 * The firmware describes memory by up to a few hundred descriptors, in any order and each of a size
 * that it chooses. The hypervisor needs few ranges that are sorted and do not overlap. Where
 * descriptors contradict each other, the more restrictive one counts: a byte that any of them calls
 * reserved is reserved. Pure. UEFI 2.10, "EFI_BOOT_SERVICES.GetMemoryMap()". Read next:
 * lib/boot_info.h. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "lib/boot_info.h"

/* EFI_MEMORY_DESCRIPTOR, version 1; later versions may append members. */
struct efi_memory_descriptor {
    uint32_t type;
    uint32_t pad;
    uint64_t physical_start;
    uint64_t virtual_start;
    uint64_t number_of_pages;
    uint64_t attribute;
};
_Static_assert(sizeof(struct efi_memory_descriptor) == 40, "UEFI 2.10");

/* Memory below this is never usable: some firmware, also in system-management mode, writes there
 * while an operating system runs, and page 0 stays free to catch null pointers. */
#define MEMORY_MAP_FIRST_USABLE 0x100000ULL

/* Fills `region` from `map`, `map_size` bytes of descriptors of `descriptor_size` bytes each.
 * Descriptors that are empty, not page-aligned or entirely above 2^46 are ignored; one that crosses
 * 2^46 ends there. *count is the number of regions written. False if a descriptor is smaller than
 * 40 bytes or the map ends within one, then *count is 0; or if there are more than `capacity`
 * regions, then the lowest are listed. */
bool memory_map_regions(const void *map, size_t map_size, size_t descriptor_size,
                        struct boot_region *region, uint32_t capacity, uint32_t *count);

/* Whether any of these bytes is RAM: of a region that is not device memory or reserved. */
bool memory_map_has_ram(const struct boot_region *region, uint32_t count, uint64_t base,
                        uint64_t size);

/* The sum of the usable regions, in bytes. */
uint64_t memory_map_usable(const struct boot_region *region, uint32_t count);
