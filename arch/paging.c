/* Builds 4-level page tables: see paging.h.
 *
 * A walk goes down from level 4 (PML4) to the level whose entry maps the page: level 3 for 1 GiB, 2
 * for 2 MiB, 1 for 4 KiB. Bits 12 to 51 of an entry hold the address of the next table or of the
 * page. At levels 3 and 2, bit 7 (PS) distinguishes a page from a table. */
#include "arch/paging.h"

#include <stddef.h>

#include "arch/canonical.h"

#define ENTRY_PRESENT  (1ULL << 0)
#define ENTRY_WRITABLE (1ULL << 1)
#define ENTRY_PAGE     (1ULL << 7) /* PS, at levels 2 and 3 */
#define ENTRY_ADDRESS  0x000ffffffffff000ULL

#define NO_FLAGS       (ENTRY_ADDRESS | ENTRY_PAGE)
#define TOP_LEVEL      4
#define LINEAR_BITS    CANONICAL_BITS_4_LEVEL
#define PHYS_END       (1ULL << 52)

static const char *const no_memory = "no memory for a table";

/* Bytes that one entry of a table of this level covers. */
static uint64_t level_size(int level) {
    return PAGING_4K << (9 * (level - 1));
}

static unsigned level_index(uint64_t virt, int level) {
    return (virt / level_size(level)) % 512;
}

const char *paging_init(struct paging *paging) {
    return paging->alloc_table(&paging->root) ? NULL : no_memory;
}

/* The table to which *entry leads, allocated if there is none yet. */
static const char *next_table(struct paging *paging, uint64_t *entry, uint64_t **table) {
    uint64_t phys;

    if (!(*entry & ENTRY_PRESENT)) {
        *table = paging->alloc_table(&phys);
        if (!*table)
            return no_memory;
        *entry = phys | ENTRY_PRESENT | ENTRY_WRITABLE | paging->table_flags;
        return NULL;
    }
    if (*entry & ENTRY_PAGE)
        return "mapped already";
    *table = paging->table(*entry & ENTRY_ADDRESS);
    return *table ? NULL : no_memory;
}

/* next_table() serves all levels: a level-4 entry never maps a page, and its bit 7 is reserved. */
static const char *map_page(struct paging *paging, uint64_t virt, uint64_t phys, int leaf_level,
                            uint64_t flags) {
    uint64_t *table = paging->table(paging->root);
    uint64_t *entry;

    if (!table)
        return no_memory;
    for (int level = TOP_LEVEL; level > leaf_level; level--) {
        const char *problem = next_table(paging, &table[level_index(virt, level)], &table);
        if (problem)
            return problem;
    }
    entry = &table[level_index(virt, leaf_level)];
    if (*entry & ENTRY_PRESENT)
        return "mapped already";
    *entry = phys | flags | ENTRY_PRESENT | (leaf_level > 1 ? ENTRY_PAGE : 0);
    return NULL;
}

static int largest_level(const struct paging *paging, uint64_t virt, uint64_t phys, uint64_t size) {
    int level = paging->pages_4k ? 1 : paging->pages_1g ? 3 : 2;

    while (level > 1 && ((virt | phys) % level_size(level) || size < level_size(level)))
        level--;
    return level;
}

static const char *check_range(uint64_t virt, uint64_t phys, uint64_t size, uint64_t flags) {
    uint64_t last = virt + (size - 1);
    bool one_half = (virt ^ last) >> 63 == 0; /* does not cross the non-canonical hole */

    if ((virt | phys | size) % PAGING_4K || size == 0)
        return "not a multiple of the page size";
    if (last < virt || !one_half || !is_canonical(virt, LINEAR_BITS) ||
        !is_canonical(last, LINEAR_BITS))
        return "not a canonical address";
    if (phys >= PHYS_END || size > PHYS_END - phys)
        return "not a physical address";
    return flags & NO_FLAGS ? "not a flag" : NULL;
}

const char *paging_map(struct paging *paging, uint64_t virt, uint64_t phys, uint64_t size,
                       uint64_t flags) {
    const char *problem = check_range(virt, phys, size, flags);

    while (!problem && size) {
        int level = largest_level(paging, virt, phys, size);

        problem = map_page(paging, virt, phys, level, flags);
        virt += level_size(level);
        phys += level_size(level);
        size -= level_size(level);
    }
    return problem;
}

const char *paging_add_level_5(struct paging *paging, uint64_t *top) {
    uint64_t *table = paging->alloc_table(top);

    if (!table)
        return no_memory;
    table[0] = table[511] = paging->root | ENTRY_PRESENT | ENTRY_WRITABLE | paging->table_flags;
    return NULL;
}

bool paging_lookup(const struct paging *paging, uint64_t virt, struct paging_page *page) {
    const uint64_t *table = paging->table(paging->root);

    if (!is_canonical(virt, LINEAR_BITS))
        return false;
    for (int level = TOP_LEVEL; table && level > 0; level--) {
        uint64_t entry = table[level_index(virt, level)];

        if (!(entry & ENTRY_PRESENT))
            return false;
        if (level == 1 || (entry & ENTRY_PAGE)) {
            uint64_t offset = virt % level_size(level);

            page->size = level_size(level);
            page->phys = (entry & ENTRY_ADDRESS & ~(page->size - 1)) | offset;
            page->flags = entry & ~(NO_FLAGS | ENTRY_PRESENT);
            return true;
        }
        table = paging->table(entry & ENTRY_ADDRESS);
    }
    return false;
}
