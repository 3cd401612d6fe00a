/* Walks a guest's page tables: see guest_walk.h. At most four reads. */
#include "vmm/guest_walk.h"

#include "arch/control_registers.h"
#include "arch/msr.h"

#define PRESENT    1ULL
#define PAGE_SIZED (1ULL << 7)
#define FRAME      0x000ffffffffff000ULL

/* PAE and 4-level paging have 8-byte entries and 9 bits a level. */
static bool walk_wide(const struct guest_paging *p, uint64_t table, unsigned levels,
                      uint64_t linear, uint64_t *physical) {
    for (unsigned level = levels; level >= 1; level--) {
        unsigned shift = 12 + 9 * (level - 1);
        uint64_t index = (linear >> shift) & (level == 3 && levels == 3 ? 3 : 0x1ff);
        uint64_t entry;

        if (!p->read(p->context, table + 8 * index, 8, &entry) || !(entry & PRESENT))
            return false;
        if (level == 1 || (level < 4 && (entry & PAGE_SIZED) && !(levels == 3 && level == 3))) {
            uint64_t mask = (1ULL << shift) - 1;
            *physical = (entry & FRAME & ~mask) | (linear & mask);
            return true;
        }
        table = entry & FRAME;
    }
    return false;
}

/* 4-level paging translates 48 bits; the others are copies of the highest of them. */
static bool is_canonical(uint64_t linear) {
    return linear >> 47 == 0 || linear >> 47 == 0x1ffff;
}

static bool walk_32bit(const struct guest_paging *p, uint32_t linear, uint64_t *physical) {
    uint64_t entry;

    if (!p->read(p->context, (p->cr3 & 0xfffff000) + 4 * (linear >> 22), 4, &entry) ||
        !(entry & PRESENT))
        return false;
    if ((p->cr4 & CR4_PSE) && (entry & PAGE_SIZED)) {
        *physical = ((entry >> 13) & 0xff) << 32 | (entry & 0xffc00000) | (linear & 0x3fffff);
        return true;
    }
    if (!p->read(p->context, (entry & 0xfffff000) + 4 * (linear >> 12 & 0x3ff), 4, &entry) ||
        !(entry & PRESENT))
        return false;
    *physical = (entry & 0xfffff000) | (linear & 0xfff);
    return true;
}

bool guest_walk(const struct guest_paging *p, uint64_t linear, uint64_t *physical) {
    if (!(p->cr0 & CR0_PG)) {
        *physical = (uint32_t)linear;
        return true;
    }
    if (p->efer & EFER_LMA)
        return !(p->cr4 & CR4_LA57) && is_canonical(linear) &&
               walk_wide(p, p->cr3 & FRAME, 4, linear, physical);
    if (p->cr4 & CR4_PAE)
        return walk_wide(p, p->cr3 & 0xffffffe0, 3, (uint32_t)linear, physical);
    return walk_32bit(p, (uint32_t)linear, physical);
}
