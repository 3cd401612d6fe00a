/* Translates a guest's linear address to a guest-physical one through the guest's own page tables,
 * in every paging mode but 5-level paging.
 *
 * The processor does this by itself while the guest runs; the hypervisor needs it to fetch the
 * bytes of an instruction that it emulates, and to read or write data on the guest's behalf. The
 * tables are in the guest's RAM and may change at any time, so each entry is read once. Pure. SDM
 * Vol. 3A, "Paging". Read next: vmm/vcpu/guest_memory.h, which adds segments and faults. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct guest_paging {
    uint64_t cr0, cr3, cr4, efer;
    uint64_t pdpte[4]; /* PAE paging: the registers that MOV to CR3 loads, not what is in memory */
    uint8_t *ram;      /* guest-physical address 0; 8-byte aligned; other vCPUs may write to it */
    uint64_t ram_size; /* bytes, at least 8 */
};

/* Bits of a page fault's error code. SDM Vol. 3A, "Page-Fault Exceptions". */
#define PAGE_FAULT_PRESENT 1u
#define PAGE_FAULT_WRITE   2u
#define PAGE_FAULT_USER    4u

enum guest_walk_result {
    GUEST_WALK_FOUND,
    GUEST_WALK_FAULT,   /* a page fault */
    GUEST_WALK_CHANGED, /* another vCPU changed the tables meanwhile: start the walk again */
    GUEST_WALK_OUTSIDE, /* the tables are not in RAM, or paging has five levels */
};

/* For instruction bytes. Returns GUEST_WALK_NOWHERE, an address without RAM, if the linear address
 * is not mapped or the tables lie outside RAM. Access rights are not checked: the processor has
 * just fetched the instruction there. */
#define GUEST_WALK_NOWHERE UINT64_MAX
uint64_t guest_walk(const struct guest_paging *paging, uint64_t linear);

/* The same for 64-bit mode with 4-level paging and a canonical address, which the caller has
 * checked. */
uint64_t guest_walk_64bit(uint8_t *ram, uint64_t ram_size, uint64_t cr3, uint64_t linear);

/* For data. access: PAGE_FAULT_WRITE and PAGE_FAULT_USER as they apply. user_pages: SMAP permits a
 * supervisor access to user pages. Checks access rights, but neither reserved bits nor protection
 * keys, and sets the accessed and dirty flags. *physical is set for GUEST_WALK_FOUND, the page
 * fault's *error_code for GUEST_WALK_FAULT. SDM Vol. 3A, "Determination of Access Rights". */
enum guest_walk_result guest_walk_data(const struct guest_paging *paging, uint64_t linear,
                                       uint32_t access, bool user_pages, uint64_t *physical,
                                       uint32_t *error_code);
