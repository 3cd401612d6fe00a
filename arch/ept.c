/* Extended page tables: see arch/ept.h. Levels count from 0, whose entries map 4 KiB, to 3. */
#include "arch/ept.h"

#include <stddef.h>

#define TOP_LEVEL              3u
#define ENTRIES                512u
#define ENTRY_LARGE            (1ULL << 7) /* at level 1 or 2: maps a page, is not a table */
#define ENTRY_ADDRESS          0x000ffffffffff000ULL
#define ENTRY_TYPE_SHIFT       3
#define ENTRY_TYPE_MASK        7ULL

#define POINTER_WALK_4         (3ULL << 3) /* the length less one */
#define POINTER_ACCESSED_DIRTY (1ULL << 6)

static uint64_t span(unsigned level)
{
    return EPT_4K << (9 * level);
}

static unsigned index_at(uint64_t guest, unsigned level)
{
    return (unsigned)(guest >> (12 + 9 * level)) % ENTRIES;
}

static bool present(uint64_t entry)
{
    return (entry & EPT_ALL) != 0;
}

static bool is_table(uint64_t entry, unsigned level)
{
    return level > 0 && present(entry) && (entry & ENTRY_LARGE) == 0;
}

static bool level_maps_pages(const struct ept *ept, unsigned level)
{
    switch (level) {
    case 0:
        return true;
    case 1:
        return (ept->capabilities & EPT_VPID_CAP_2M) != 0;
    case 2:
        return (ept->capabilities & EPT_VPID_CAP_1G) != 0;
    default:
        return false;
    }
}

/* One store, and after those that filled a new table: a CPU may be walking the tables. */
static void set_entry(uint64_t *entry, uint64_t value)
{
    __atomic_store_n(entry, value, __ATOMIC_RELEASE);
}

enum ept_result ept_init(struct ept *ept)
{
    ept->table_count = 0;
    if (ept->alloc_table(ept->ctx, &ept->root) == NULL) {
        return EPT_NO_MEMORY;
    }
    ept->table_count = 1;
    return EPT_OK;
}

/* A new table that maps what a large page's entry maps, or nothing if that is not present. */
static void fill_from(uint64_t *table, uint64_t entry, unsigned level)
{
    uint64_t below = level == 1 ? entry & ~ENTRY_LARGE : entry;

    if (!present(entry)) {
        return;
    }
    for (unsigned i = 0; i < ENTRIES; i++) {
        table[i] = below + i * span(level - 1);
    }
}

/* The table below an entry of this level; made, or made from the large page, if there is none. */
static uint64_t *table_below(struct ept *ept, uint64_t *entry, unsigned level)
{
    uint64_t phys;
    uint64_t *table;

    if (is_table(*entry, level)) {
        return ept->table(ept->ctx, *entry & ENTRY_ADDRESS);
    }
    table = ept->alloc_table(ept->ctx, &phys);
    if (table == NULL) {
        return NULL;
    }
    ept->table_count++;
    fill_from(table, *entry, level);
    set_entry(entry, phys | EPT_ALL);
    return table;
}

/* One page, or one hole, of a range that is mapped or unmapped. */
struct step {
    uint64_t guest;
    uint64_t phys;
    uint64_t size; /* what is left of the range */
    uint64_t bits; /* of the entry, without address and ENTRY_LARGE; 0: unmap */
};

static bool page_fits(const struct ept *ept, const struct step *step, unsigned level)
{
    uint64_t below = span(level) - 1;

    return level_maps_pages(ept, level) && ((step->guest | step->phys) & below) == 0 &&
           step->size >= span(level);
}

static uint64_t page_entry(const struct step *step, unsigned level)
{
    if (step->bits == 0) {
        return 0;
    }
    return step->phys | step->bits | (level > 0 ? ENTRY_LARGE : 0);
}

/* Does the first page of the range, and tells its size. A table stays even if a large page would
 * fit in its place: no table is ever free for reuse while a CPU may walk it. */
static enum ept_result do_step(struct ept *ept, const struct step *step, uint64_t *done)
{
    uint64_t *table = ept->table(ept->ctx, ept->root);

    for (unsigned level = TOP_LEVEL; table != NULL; level--) {
        uint64_t *entry = &table[index_at(step->guest, level)];

        if (step->bits == 0 && !present(*entry)) {
            *done = span(level) - (step->guest & (span(level) - 1));
            return EPT_OK;
        }
        if (page_fits(ept, step, level) && !is_table(*entry, level)) {
            set_entry(entry, page_entry(step, level));
            *done = span(level);
            return EPT_OK;
        }
        table = table_below(ept, entry, level);
    }
    return EPT_NO_MEMORY;
}

static enum ept_result do_range(struct ept *ept, struct step step)
{
    while (step.size != 0) {
        uint64_t done;
        enum ept_result result = do_step(ept, &step, &done);

        if (result != EPT_OK) {
            return result;
        }
        if (done > step.size) {
            done = step.size; /* a hole that reaches beyond the range */
        }
        step.guest += done;
        step.phys += done;
        step.size -= done;
    }
    return EPT_OK;
}

static enum ept_result check_range(uint64_t guest, uint64_t size)
{
    if (((guest | size) & (EPT_4K - 1)) != 0 || size == 0) {
        return EPT_UNALIGNED;
    }
    if (guest >= EPT_LIMIT || size > EPT_LIMIT - guest) {
        return EPT_BAD_GUEST;
    }
    return EPT_OK;
}

static bool rights_are_valid(const struct ept *ept, uint64_t rights)
{
    if (rights == 0 || (rights & ~EPT_ALL) != 0) {
        return false;
    }
    if ((rights & EPT_READ) != 0) {
        return true;
    }
    return rights == EPT_EXECUTE && (ept->capabilities & EPT_VPID_CAP_EXECUTE_ONLY) != 0;
}

static bool type_is_valid(unsigned type)
{
    return type == MEMORY_TYPE_UC || type == MEMORY_TYPE_WC || type == MEMORY_TYPE_WT ||
           type == MEMORY_TYPE_WP || type == MEMORY_TYPE_WB;
}

enum ept_result ept_map(struct ept *ept, uint64_t guest, uint64_t phys, uint64_t size,
                        uint64_t rights, unsigned type)
{
    enum ept_result result = check_range(guest, size);
    uint64_t limit = 1ULL << ept->physical_bits;

    if (result != EPT_OK) {
        return result;
    }
    if ((phys & (EPT_4K - 1)) != 0) {
        return EPT_UNALIGNED;
    }
    if (phys >= limit || size > limit - phys) {
        return EPT_BAD_PHYSICAL;
    }
    if (!rights_are_valid(ept, rights)) {
        return EPT_BAD_RIGHTS;
    }
    if (!type_is_valid(type)) {
        return EPT_BAD_MEMORY_TYPE;
    }
    return do_range(ept, (struct step){.guest = guest,
                                       .phys = phys,
                                       .size = size,
                                       .bits = rights | (uint64_t)type << ENTRY_TYPE_SHIFT});
}

enum ept_result ept_unmap(struct ept *ept, uint64_t guest, uint64_t size)
{
    enum ept_result result = check_range(guest, size);

    if (result != EPT_OK) {
        return result;
    }
    return do_range(ept, (struct step){.guest = guest, .phys = guest, .size = size});
}

bool ept_lookup(const struct ept *ept, uint64_t guest, struct ept_page *page)
{
    const uint64_t *table = ept->table(ept->ctx, ept->root);
    unsigned level = TOP_LEVEL;
    uint64_t entry = 0;

    if (guest >= EPT_LIMIT) {
        return false;
    }
    for (; table != NULL; level--) {
        entry = table[index_at(guest, level)];
        if (!is_table(entry, level)) {
            break;
        }
        table = ept->table(ept->ctx, entry & ENTRY_ADDRESS);
    }
    if (table == NULL || !present(entry)) {
        return false;
    }
    page->size = span(level);
    page->phys = (entry & ENTRY_ADDRESS) | (guest & (span(level) - 1));
    page->rights = entry & EPT_ALL;
    page->type = (unsigned)(entry >> ENTRY_TYPE_SHIFT & ENTRY_TYPE_MASK);
    return true;
}

enum ept_result ept_pointer(const struct ept *ept, bool accessed_dirty, uint64_t *pointer)
{
    uint64_t needed = EPT_VPID_CAP_WALK_4 | EPT_VPID_CAP_WB;

    if (accessed_dirty) {
        needed |= EPT_VPID_CAP_ACCESSED_DIRTY;
    }
    if ((ept->capabilities & needed) != needed) {
        return EPT_UNSUPPORTED;
    }
    *pointer =
        ept->root | POINTER_WALK_4 | MEMORY_TYPE_WB | (accessed_dirty ? POINTER_ACCESSED_DIRTY : 0);
    return EPT_OK;
}

const char *ept_result_text(enum ept_result result)
{
    switch (result) {
    case EPT_OK:
        return "done";
    case EPT_UNALIGNED:
        return "an address or the size is not a multiple of 4 KiB, or the size is 0";
    case EPT_BAD_GUEST:
        return "the guest-physical range passes 2^48";
    case EPT_BAD_PHYSICAL:
        return "the range passes the physical-address width";
    case EPT_BAD_RIGHTS:
        return "a combination of rights that is an EPT misconfiguration";
    case EPT_BAD_MEMORY_TYPE:
        return "no such memory type";
    case EPT_UNSUPPORTED:
        return "the processor cannot walk such tables";
    case EPT_NO_MEMORY:
        return "no memory for another table";
    }
    return "unknown";
}
