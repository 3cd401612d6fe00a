/* Converts UEFI's memory map to regions: see memory_map.h.
 *
 * The conversion sweeps from address 0 upwards. At each position it goes through all descriptors
 * for two facts: the strongest kind that any of them claims for this address, and the next address
 * where a claim begins or ends. The range up to there is of one kind. The time grows with the
 * square of the number of descriptors, about ten thousand steps in all, and no memory is needed
 * beyond the result. */
#include "boot/memory_map.h"

#include "lib/memory.h"

#define PAGE        4096ULL
#define PHYS_END    (1ULL << 46) /* the hypervisor's map of RAM ends there */

#define CACHE_TYPES 0xfULL /* EFI_MEMORY_UC, WC, WT, WB: what a range may be mapped as */
#define CACHE_WB    0x8ULL
#define SPECIAL_RAM 0x40000ULL /* EFI_MEMORY_SP: for a purpose of its own, for example scarce */

/* No descriptor covers the address: weaker than every enum boot_memory_kind, which is ordered by
 * strength. */
#define UNCLAIMED (-1)
_Static_assert(BOOT_MEMORY_USABLE < BOOT_MEMORY_LOADER && BOOT_MEMORY_LOADER < BOOT_MEMORY_ACPI &&
                   BOOT_MEMORY_ACPI < BOOT_MEMORY_RUNTIME &&
                   BOOT_MEMORY_RUNTIME < BOOT_MEMORY_MMIO &&
                   BOOT_MEMORY_MMIO < BOOT_MEMORY_RESERVED,
               "the larger kind wins where descriptors overlap");

struct map {
    const uint8_t *bytes;
    size_t size, descriptor_size;
};

/* Indexed by EFI_MEMORY_TYPE. Types beyond the table are reserved. */
static const uint8_t kinds[] = {
    BOOT_MEMORY_RESERVED, /* EfiReservedMemoryType */
    BOOT_MEMORY_LOADER,   /* EfiLoaderCode */
    BOOT_MEMORY_LOADER,   /* EfiLoaderData */
    BOOT_MEMORY_USABLE,   /* EfiBootServicesCode */
    BOOT_MEMORY_USABLE,   /* EfiBootServicesData */
    BOOT_MEMORY_RUNTIME,  /* EfiRuntimeServicesCode */
    BOOT_MEMORY_RUNTIME,  /* EfiRuntimeServicesData */
    BOOT_MEMORY_USABLE,   /* EfiConventionalMemory */
    BOOT_MEMORY_RESERVED, /* EfiUnusableMemory */
    BOOT_MEMORY_ACPI,     /* EfiACPIReclaimMemory */
    BOOT_MEMORY_ACPI,     /* EfiACPIMemoryNVS */
    BOOT_MEMORY_MMIO,     /* EfiMemoryMappedIO */
    BOOT_MEMORY_MMIO,     /* EfiMemoryMappedIOPortSpace */
};

/* RAM that cannot be mapped write-back, or that has a special purpose, is not used. */
static int kind_of(const struct efi_memory_descriptor *d) {
    int kind = d->type < sizeof(kinds) ? kinds[d->type] : BOOT_MEMORY_RESERVED;
    bool never_wb = (d->attribute & CACHE_TYPES) && !(d->attribute & CACHE_WB);

    if (kind == BOOT_MEMORY_USABLE && (never_wb || (d->attribute & SPECIAL_RAM)))
        return BOOT_MEMORY_RESERVED;
    return kind;
}

struct range {
    uint64_t base, end;
};

/* The range of a descriptor; empty and at 0 if the descriptor is ignored. */
static struct range range_of(const struct efi_memory_descriptor *d) {
    if (d->number_of_pages == 0 || d->physical_start % PAGE || d->physical_start >= PHYS_END)
        return (struct range){0, 0};
    uint64_t room = (PHYS_END - d->physical_start) / PAGE;
    uint64_t pages = d->number_of_pages < room ? d->number_of_pages : room;
    return (struct range){d->physical_start, d->physical_start + pages * PAGE};
}

/* The strongest kind that is claimed for the byte at `at`, and in *next the first address above
 * where that may change. */
static int claim_at(const struct map *map, uint64_t at, uint64_t *next) {
    int kind = UNCLAIMED;

    *next = at < MEMORY_MAP_FIRST_USABLE ? MEMORY_MAP_FIRST_USABLE : PHYS_END;
    for (size_t offset = 0; offset < map->size; offset += map->descriptor_size) {
        struct efi_memory_descriptor d;

        memcpy(&d, map->bytes + offset, sizeof(d));
        struct range range = range_of(&d);
        if (range.end <= at)
            continue;
        uint64_t edge = range.base > at ? range.base : range.end;
        if (edge < *next)
            *next = edge;
        int claim = kind_of(&d);
        if (range.base <= at && claim > kind)
            kind = claim;
    }
    if (kind == BOOT_MEMORY_USABLE && at < MEMORY_MAP_FIRST_USABLE)
        return BOOT_MEMORY_RESERVED;
    return kind;
}

bool memory_map_regions(const void *bytes, size_t size, size_t descriptor_size,
                        struct boot_region *region, uint32_t capacity, uint32_t *count) {
    struct map map = {bytes, size, descriptor_size};
    struct boot_region *last = NULL;

    *count = 0;
    if (descriptor_size < sizeof(struct efi_memory_descriptor) || size % descriptor_size)
        return false;
    for (uint64_t at = 0, next; at < PHYS_END; at = next) {
        int kind = claim_at(&map, at, &next);

        if (kind == UNCLAIMED)
            continue;
        if (last && last->kind == (uint32_t)kind && last->base + last->size == at) {
            last->size += next - at;
            continue;
        }
        if (*count >= capacity)
            return false;
        last = &region[(*count)++];
        *last = (struct boot_region){.base = at, .size = next - at, .kind = (uint32_t)kind};
    }
    return true;
}

bool memory_map_has_ram(const struct boot_region *region, uint32_t count, uint64_t base,
                        uint64_t size) {
    for (uint32_t i = 0; i < count; i++) {
        if (region[i].kind < BOOT_MEMORY_MMIO && region[i].base < base + size &&
            base < region[i].base + region[i].size)
            return true;
    }
    return false;
}

uint64_t memory_map_usable(const struct boot_region *region, uint32_t count) {
    uint64_t total = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (region[i].kind == BOOT_MEMORY_USABLE)
            total += region[i].size;
    }
    return total;
}
