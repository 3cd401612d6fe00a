/* Finds a guest's instruction bytes: linear address to guest-physical address through the guest's
 * own page tables, in each paging mode but 5-level paging. Pure.
 * SDM Vol. 3A, "Paging". */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct guest_paging {
    uint64_t cr0, cr3, cr4, efer;
    /* Reads 4 or 8 bytes at an aligned guest-physical address; false if that is not RAM. */
    bool (*read)(void *context, uint64_t address, unsigned size, uint64_t *value);
    void *context;
};

/* False if the address is not mapped, or the tables lie outside RAM. Rights are not checked: the
 * processor has just fetched from there. */
bool guest_walk(const struct guest_paging *paging, uint64_t linear, uint64_t *physical);
