/* Walking a guest's page tables: see guest_walk.h. At most four reads. */
#include "vmm/emulate/guest_walk.h"

#include <stdatomic.h>
#include <stddef.h>

#include "arch/canonical.h"
#include "arch/control_registers.h"
#include "arch/msr.h"

#define PRESENT    1ULL
#define WRITABLE   (1ULL << 1)
#define USER       (1ULL << 2)
#define ACCESSED   (1ULL << 5)
#define DIRTY      (1ULL << 6)
#define PAGE_SIZED (1ULL << 7)
#define FRAME      0x000ffffffffff000ULL

/* The entries that a walk for data has read, from the top. */
struct path {
    unsigned depth, size; /* of an entry: 4 or 8 bytes */
    uint64_t address[4], entry[4];
    uint64_t rights; /* WRITABLE and USER, if set in every entry */
};

/* Every emulated access to device memory walks for the bytes of its instruction, without a path. So
 * these functions are compiled twice, with and without one. */
#define BOTH static inline __attribute__((always_inline))

/* Reads one entry with a single access and records it. */
BOTH enum guest_walk_result next_entry(const struct guest_paging *p, struct path *path,
                                       uint64_t address, unsigned size, uint64_t *entry) {
    if (address > p->ram_size - size)
        return GUEST_WALK_OUTSIDE;
    const uint8_t *at = p->ram + address;
    *entry = size == 8 ? __atomic_load_n((const uint64_t *)at, __ATOMIC_RELAXED)
                       : __atomic_load_n((const uint32_t *)at, __ATOMIC_RELAXED);
    if (path) {
        path->address[path->depth] = address;
        path->entry[path->depth++] = *entry;
        path->rights &= *entry;
    }
    return *entry & PRESENT ? GUEST_WALK_FOUND : GUEST_WALK_FAULT;
}

/* From the page-directory-pointer table (shift 30) or the page directory (shift 21) down: 8-byte
 * entries, 9 bits a level. */
BOTH enum guest_walk_result walk_wide(const struct guest_paging *p, uint64_t table, unsigned shift,
                                      uint64_t linear, struct path *path, uint64_t *physical) {
    for (;; shift -= 9) {
        uint64_t entry, address = table + (linear >> shift & 0x1ff) * 8;
        enum guest_walk_result result = next_entry(p, path, address, 8, &entry);

        if (result != GUEST_WALK_FOUND)
            return result;
        if ((entry & PAGE_SIZED) || shift == 12) {
            uint64_t mask = (1ULL << shift) - 1;
            *physical = (entry & FRAME & ~mask) | (linear & mask);
            return GUEST_WALK_FOUND;
        }
        table = entry & FRAME;
    }
}

/* The top table's entry never maps a page. */
BOTH enum guest_walk_result walk_4_level(const struct guest_paging *p, uint64_t linear,
                                         struct path *path, uint64_t *physical) {
    uint64_t entry, address = (p->cr3 & FRAME) + (linear >> 39 & 0x1ff) * 8;
    enum guest_walk_result result = next_entry(p, path, address, 8, &entry);

    if (result != GUEST_WALK_FOUND)
        return result;
    return walk_wide(p, entry & FRAME, 30, linear, path, physical);
}

/* The four PDPTEs have no access rights and no flags: they are not recorded. */
BOTH enum guest_walk_result walk_pae(const struct guest_paging *p, uint32_t linear,
                                     struct path *path, uint64_t *physical) {
    uint64_t entry = p->pdpte[linear >> 30];

    if (!(entry & PRESENT))
        return GUEST_WALK_FAULT;
    return walk_wide(p, entry & FRAME, 21, linear, path, physical);
}

BOTH enum guest_walk_result walk_32bit(const struct guest_paging *p, uint32_t linear,
                                       struct path *path, uint64_t *physical) {
    uint64_t entry, address = (p->cr3 & 0xfffff000) + 4 * (linear >> 22);
    enum guest_walk_result result = next_entry(p, path, address, 4, &entry);

    if (result != GUEST_WALK_FOUND)
        return result;
    if ((p->cr4 & CR4_PSE) && (entry & PAGE_SIZED)) {
        *physical = ((entry >> 13) & 0xff) << 32 | (entry & 0xffc00000) | (linear & 0x3fffff);
        return GUEST_WALK_FOUND;
    }
    address = (entry & 0xfffff000) + 4 * (linear >> 12 & 0x3ff);
    result = next_entry(p, path, address, 4, &entry);
    *physical = (entry & 0xfffff000) | (linear & 0xfff);
    return result;
}

BOTH enum guest_walk_result walk(const struct guest_paging *p, uint64_t linear, struct path *path,
                                 uint64_t *physical) {
    if (!(p->cr0 & CR0_PG)) {
        *physical = (uint32_t)linear;
        return GUEST_WALK_FOUND;
    }
    if (p->efer & EFER_LMA) {
        if (p->cr4 & CR4_LA57)
            return GUEST_WALK_OUTSIDE;
        return is_canonical(linear, CANONICAL_BITS_4_LEVEL)
                   ? walk_4_level(p, linear, path, physical)
                   : GUEST_WALK_FAULT;
    }
    if (p->cr4 & CR4_PAE)
        return walk_pae(p, (uint32_t)linear, path, physical);
    return walk_32bit(p, (uint32_t)linear, path, physical);
}

uint64_t guest_walk(const struct guest_paging *p, uint64_t linear) {
    uint64_t physical;

    return walk(p, linear, NULL, &physical) == GUEST_WALK_FOUND ? physical : GUEST_WALK_NOWHERE;
}

uint64_t guest_walk_64bit(uint8_t *ram, uint64_t ram_size, uint64_t cr3, uint64_t linear) {
    const struct guest_paging paging = {.cr3 = cr3, .ram = ram, .ram_size = ram_size};
    uint64_t physical;

    return walk_4_level(&paging, linear, NULL, &physical) == GUEST_WALK_FOUND ? physical
                                                                              : GUEST_WALK_NOWHERE;
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

/* Sets flags in an entry, unless it has changed since it was read. */
static bool set_flags(const struct guest_paging *p, const struct path *path, unsigned i,
                      uint64_t flags) {
    uint8_t *at = p->ram + path->address[i];
    uint64_t old = path->entry[i];
    uint32_t old32 = (uint32_t)old;

    if (path->size == 8)
        return atomic_compare_exchange_strong((_Atomic uint64_t *)at, &old, old | flags);
    return atomic_compare_exchange_strong((_Atomic uint32_t *)at, &old32, old32 | (uint32_t)flags);
}

static bool mark(const struct guest_paging *p, const struct path *path, bool write) {
    for (unsigned i = 0; i < path->depth; i++) {
        uint64_t flags = ACCESSED | (write && i == path->depth - 1 ? DIRTY : 0);

        if ((path->entry[i] & flags) != flags && !set_flags(p, path, i, flags))
            return false;
    }
    return true;
}

enum guest_walk_result guest_walk_data(const struct guest_paging *p, uint64_t linear,
                                       uint32_t access, bool user_pages, uint64_t *physical,
                                       uint32_t *error_code) {
    bool wide = (p->efer & EFER_LMA) || (p->cr4 & CR4_PAE);
    struct path path = {.size = wide ? 8 : 4, .rights = WRITABLE | USER};
    enum guest_walk_result result = walk(p, linear, &path, physical);

    if (result == GUEST_WALK_OUTSIDE)
        return result;
    *error_code = access | (result == GUEST_WALK_FOUND ? PAGE_FAULT_PRESENT : 0);
    if (result == GUEST_WALK_FAULT ||
        ((p->cr0 & CR0_PG) && !allowed(p, path.rights, access, user_pages)))
        return GUEST_WALK_FAULT;
    return mark(p, &path, access & PAGE_FAULT_WRITE) ? GUEST_WALK_FOUND : GUEST_WALK_CHANGED;
}
