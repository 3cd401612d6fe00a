/* Linear address to guest-physical address through the guest's own page tables, in each paging mode
 * but 5-level paging: for the bytes of an instruction, and for data that the hypervisor reads or
 * writes in the guest's stead. Pure. SDM Vol. 3A, "Paging". */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct guest_paging {
    uint64_t cr0, cr3, cr4, efer;
    uint8_t *ram;      /* guest-physical 0 and on; 8-byte aligned. The guest may be writing to it */
    uint64_t ram_size; /* 8 bytes at least */
};

/* Bits of a page fault's error code. SDM Vol. 3A, "Page-Fault Exceptions". */
#define PAGE_FAULT_PRESENT 1u
#define PAGE_FAULT_WRITE   2u
#define PAGE_FAULT_USER    4u

enum guest_walk_result {
    GUEST_WALK_FOUND,
    GUEST_WALK_FAULT,   /* a page fault */
    GUEST_WALK_CHANGED, /* another vCPU has just changed the tables: once more from the beginning */
    GUEST_WALK_OUTSIDE, /* the tables are not in RAM, or have five levels */
};

/* For instruction bytes. GUEST_WALK_NOWHERE, where there is never RAM, if the address is not mapped
 * or the tables lie outside RAM. Rights are not checked: the processor has just fetched from there.
 */
#define GUEST_WALK_NOWHERE UINT64_MAX
uint64_t guest_walk(const struct guest_paging *paging, uint64_t linear);

/* The same in 64-bit mode, where paging is on, has four levels, and the address is canonical. */
uint64_t guest_walk_64bit(uint8_t *ram, uint64_t ram_size, uint64_t cr3, uint64_t linear);

/* For data. `access`: PAGE_FAULT_WRITE and PAGE_FAULT_USER say what it is; `user_pages`: whether
 * SMAP lets a supervisor at them. Checks the rights, but for reserved bits and protection keys,
 * and sets the accessed and dirty flags. *error_code is for GUEST_WALK_FAULT. */
enum guest_walk_result guest_walk_data(const struct guest_paging *paging, uint64_t linear,
                                       uint32_t access, bool user_pages, uint64_t *physical,
                                       uint32_t *error_code);
