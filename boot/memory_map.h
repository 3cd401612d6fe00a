/* UEFI's memory map to the list of regions in struct boot_info.
 *
 * Pure. The firmware describes memory with up to some hundred descriptors, in any order, in a size
 * of its own choosing; the hypervisor wants few ranges, sorted, that do not overlap. Where firmware
 * contradicts itself the more careful reading wins: a byte that anything calls reserved is
 * reserved. UEFI 2.10, "EFI_BOOT_SERVICES.GetMemoryMap()". Read next: lib/boot_info.h. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "lib/boot_info.h"

/* EFI_MEMORY_DESCRIPTOR, as far as version 1 of it goes. */
struct efi_memory_descriptor {
    uint32_t type;
    uint32_t pad;
    uint64_t physical_start;
    uint64_t virtual_start;
    uint64_t number_of_pages;
    uint64_t attribute;
};
_Static_assert(sizeof(struct efi_memory_descriptor) == 40, "UEFI 2.10");

/* Memory below this is never usable: firmware, and what it runs in system-management mode, is known
 * to write there behind the operating system's back, and page 0 is for catching null pointers. */
#define MEMORY_MAP_FIRST_USABLE 0x100000ULL

/* Fills `region` from `map`, `map_size` bytes of descriptors each `descriptor_size` long.
 * Descriptors that are empty, not page-aligned or wholly beyond 2^52 are left out, one that passes
 * 2^52 is cut there. *count is the number of regions written. False if a descriptor is smaller than
 * 40 bytes, if the map ends within one, or if there are more than `capacity` regions; then the
 * lowest are listed. */
bool memory_map_regions(const void *map, size_t map_size, size_t descriptor_size,
                        struct boot_region *region, uint32_t capacity, uint32_t *count);

/* Bytes in the usable regions. */
uint64_t memory_map_usable(const struct boot_region *region, uint32_t count);
