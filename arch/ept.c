/* Extended page tables: see arch/ept.h. Levels count from 0, whose entries map 4 KiB, to 3. */
#include "arch/ept.h"

#include <stddef.h>

#include "arch/msr.h"

#define TOP_LEVEL      3u
#define ENTRIES        512u
#define ENTRY_LARGE    (1ULL << 7) /* at level 1 or 2: maps a page, is not a table */
#define ENTRY_ADDRESS  0x000ffffffffff000ULL
#define ENTRY_TYPE_WB  ((uint64_t)MEMORY_TYPE_WB << 3)

#define POINTER_WALK_4 (3ULL << 3) /* the length less one */

static const char *const no_memory = "no memory for another table";

static uint64_t span(unsigned level) {
    return EPT_4K << (9 * level);
}

static bool is_table(uint64_t entry, unsigned level) {
    return level > 0 && (entry & EPT_ALL) != 0 && (entry & ENTRY_LARGE) == 0;
}

/* One store, and after those that filled a new table: a CPU may be walking the tables. */
static void set_entry(uint64_t *entry, uint64_t value) {
    __atomic_store_n(entry, value, __ATOMIC_RELEASE);
}

const char *ept_init(struct ept *ept) {
    return ept->alloc_table(ept->ctx, &ept->root) != NULL ? NULL : no_memory;
}

/* The table below an entry of this level. If there is none, a new one that maps what the entry
 * does: the pieces of a large page, or nothing. */
static uint64_t *table_below(struct ept *ept, uint64_t *entry, unsigned level) {
    uint64_t piece = level == 1 ? *entry & ~ENTRY_LARGE : *entry;
    uint64_t phys;
    uint64_t *table;

    if (is_table(*entry, level))
        return ept->table(ept->ctx, *entry & ENTRY_ADDRESS);
    table = ept->alloc_table(ept->ctx, &phys);
    if (table == NULL)
        return NULL;
    for (unsigned i = 0; i < ENTRIES && (*entry & EPT_ALL) != 0; i++)
        table[i] = piece + i * span(level - 1);
    set_entry(entry, phys | EPT_ALL);
    return table;
}

/* Maps the first page of the range and returns its size, 0 if a table is missing. A table stays
 * even if a large page would fit in its place: no table is ever free for reuse while a CPU may walk
 * it. */
static uint64_t map_page(struct ept *ept, uint64_t guest, uint64_t phys, uint64_t size,
                         uint64_t bits) {
    unsigned largest = ept->pages_1g ? 2 : 1;
    uint64_t *table = ept->table(ept->ctx, ept->root);

    for (unsigned level = TOP_LEVEL; table != NULL; level--) {
        uint64_t *entry = &table[guest / span(level) % ENTRIES];
        bool fits = level <= largest && (guest | phys) % span(level) == 0 && size >= span(level);

        if (fits && !is_table(*entry, level)) {
            set_entry(entry, phys | bits | (level > 0 ? ENTRY_LARGE : 0));
            return span(level);
        }
        table = table_below(ept, entry, level);
    }
    return 0;
}

const char *ept_map(struct ept *ept, uint64_t guest, uint64_t phys, uint64_t size,
                    uint64_t rights) {
    uint64_t limit = 1ULL << ept->physical_bits;

    if ((guest | phys | size) % EPT_4K != 0 || size == 0)
        return "an address or the size is not a multiple of 4 KiB, or the size is 0";
    if (guest >= EPT_LIMIT || size > EPT_LIMIT - guest)
        return "the guest-physical range passes 2^48";
    if (phys >= limit || size > limit - phys)
        return "the range passes the physical-address width";
    if ((rights & EPT_READ) == 0 || (rights & ~EPT_ALL) != 0)
        return "a combination of rights that is an EPT misconfiguration";
    while (size != 0) {
        uint64_t done = map_page(ept, guest, phys, size, rights | ENTRY_TYPE_WB);

        if (done == 0)
            return no_memory;
        guest += done;
        phys += done;
        size -= done;
    }
    return NULL;
}

uint64_t ept_pointer(const struct ept *ept) {
    return ept->root | POINTER_WALK_4 | MEMORY_TYPE_WB;
}
