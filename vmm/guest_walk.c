/* Walks a guest's page tables: see guest_walk.h. At most four reads. */
#include "vmm/guest_walk.h"

#include "arch/control_registers.h"
#include "arch/msr.h"

#define PRESENT    1ULL
#define WRITABLE   (1ULL << 1)
#define USER       (1ULL << 2)
#define ACCESSED   (1ULL << 5)
#define DIRTY      (1ULL << 6)
#define PAGE_SIZED (1ULL << 7)
#define FRAME      0x000ffffffffff000ULL

/* The way that a walk has gone, entry by entry, from the top. */
struct path {
    unsigned depth, size; /* of an entry: 4 or 8 bytes */
    bool outside;
    uint64_t address[4], entry[4];
    uint64_t rights; /* WRITABLE and USER as far as all entries have them */
};

/* Reads one more entry. False: the walk ends without a page. */
static bool next_entry(const struct guest_paging *p, struct path *path, uint64_t address,
                       uint64_t *entry) {
    if (!p->read(p->context, address, path->size, entry)) {
        path->outside = true;
        return false;
    }
    path->address[path->depth] = address;
    path->entry[path->depth++] = *entry;
    return *entry & PRESENT;
}

/* PAE and 4-level paging have 8-byte entries and 9 bits a level. The four at the top of PAE paging
 * have no rights and no flags. */
static bool walk_wide(const struct guest_paging *p, uint64_t table, unsigned levels,
                      uint64_t linear, struct path *path, uint64_t *physical) {
    path->size = 8;
    for (unsigned level = levels; level >= 1; level--) {
        unsigned shift = 12 + 9 * (level - 1);
        bool top_of_pae = level == 3 && levels == 3;
        uint64_t entry, index = (linear >> shift) & (top_of_pae ? 3 : 0x1ff);

        if (!next_entry(p, path, table + 8 * index, &entry))
            return false;
        if (level == 1 || (level < 4 && (entry & PAGE_SIZED) && !top_of_pae)) {
            uint64_t mask = (1ULL << shift) - 1;
            path->rights &= entry;
            *physical = (entry & FRAME & ~mask) | (linear & mask);
            return true;
        }
        if (top_of_pae)
            path->depth = 0;
        else
            path->rights &= entry;
        table = entry & FRAME;
    }
    return false;
}

/* 4-level paging translates 48 bits; the others are copies of the highest of them. */
static bool is_canonical(uint64_t linear) {
    return linear >> 47 == 0 || linear >> 47 == 0x1ffff;
}

static bool walk_32bit(const struct guest_paging *p, uint32_t linear, struct path *path,
                       uint64_t *physical) {
    uint64_t entry;

    path->size = 4;
    if (!next_entry(p, path, (p->cr3 & 0xfffff000) + 4 * (linear >> 22), &entry))
        return false;
    path->rights &= entry;
    if ((p->cr4 & CR4_PSE) && (entry & PAGE_SIZED)) {
        *physical = ((entry >> 13) & 0xff) << 32 | (entry & 0xffc00000) | (linear & 0x3fffff);
        return true;
    }
    if (!next_entry(p, path, (entry & 0xfffff000) + 4 * (linear >> 12 & 0x3ff), &entry))
        return false;
    path->rights &= entry;
    *physical = (entry & 0xfffff000) | (linear & 0xfff);
    return true;
}

static bool walk(const struct guest_paging *p, uint64_t linear, struct path *path,
                 uint64_t *physical) {
    path->depth = 0;
    path->outside = false;
    path->rights = WRITABLE | USER;
    if (!(p->cr0 & CR0_PG)) {
        *physical = (uint32_t)linear;
        return true;
    }
    if (p->efer & EFER_LMA) {
        path->outside = (p->cr4 & CR4_LA57) != 0;
        return !path->outside && is_canonical(linear) &&
               walk_wide(p, p->cr3 & FRAME, 4, linear, path, physical);
    }
    if (p->cr4 & CR4_PAE)
        return walk_wide(p, p->cr3 & 0xffffffe0, 3, (uint32_t)linear, path, physical);
    return walk_32bit(p, (uint32_t)linear, path, physical);
}

bool guest_walk(const struct guest_paging *p, uint64_t linear, uint64_t *physical) {
    struct path path;

    return walk(p, linear, &path, physical);
}

/* ---- for data ---- */

/* SDM Vol. 3A, "Determination of Access Rights". */
static bool allowed(const struct guest_paging *p, uint64_t rights, uint32_t access,
                    bool user_pages) {
    bool user = access & PAGE_FAULT_USER;

    if (user ? !(rights & USER) : (rights & USER) && !user_pages)
        return false;
    return !(access & PAGE_FAULT_WRITE) || (rights & WRITABLE) || (!user && !(p->cr0 & CR0_WP));
}

static bool mark(const struct guest_paging *p, const struct path *path, bool write) {
    for (unsigned i = 0; i < path->depth; i++) {
        uint64_t flags = ACCESSED | (write && i == path->depth - 1 ? DIRTY : 0);

        if ((path->entry[i] & flags) != flags &&
            !p->replace(p->context, path->address[i], path->size, path->entry[i],
                        path->entry[i] | flags))
            return false;
    }
    return true;
}

enum guest_walk_result guest_walk_data(const struct guest_paging *p, uint64_t linear,
                                       uint32_t access, bool user_pages, uint64_t *physical,
                                       uint32_t *error_code) {
    struct path path;
    bool found = walk(p, linear, &path, physical);

    if (path.outside)
        return GUEST_WALK_OUTSIDE;
    *error_code = access | (found ? PAGE_FAULT_PRESENT : 0);
    if (!found || ((p->cr0 & CR0_PG) && !allowed(p, path.rights, access, user_pages)))
        return GUEST_WALK_FAULT;
    return mark(p, &path, access & PAGE_FAULT_WRITE) ? GUEST_WALK_FOUND : GUEST_WALK_CHANGED;
}
