/* Builds 4-level page tables: the host's, and the extended page tables of guests (arch/vmx/ept.h),
 * whose entries have the address, the large-page bit and "present" in the same places.
 *
 * Tables are allocated by one callback and accessed through another, so the boot loader (with the
 * firmware's memory), the hypervisor (with its own map of RAM) and tests use the same code. This
 * module only writes tables: loading CR3, flushing the TLB, and setting IA32_EFER.NXE before tables
 * with PAGING_NX are used is up to the caller. Entries that lead to a table allow everything; only
 * the entry that maps a page restricts access. Pure. SDM Vol. 3A, "4-Level Paging and 5-Level
 * Paging". Read next: arch/vmx/ept.h, vmm/host/host_memory.c. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* The flags of paging_map() are bits of the page-table entry. Those of extended page tables are in
 * arch/vmx/ept.h. */
#define PAGING_WRITABLE (1ULL << 1)
#define PAGING_UNCACHED ((1ULL << 3) | (1ULL << 4)) /* PWT and PCD: entry 3 of the PAT, UC */
#define PAGING_WRITE_COMBINING                                                                     \
    (1ULL << 3)                /* PWT: entry 1 of the PAT, WC in PAT_HOST (WT after reset) */
#define PAGING_NX (1ULL << 63) /* execute-disable */

#define PAGING_4K 0x1000ULL
#define PAGING_2M 0x200000ULL
#define PAGING_1G 0x40000000ULL

struct paging {
    uint64_t root;        /* physical address of the level-4 table, for CR3; set by paging_init() */
    bool pages_1g;        /* pages of 1 GiB may be used */
    bool pages_4k;        /* no larger page than 4 KiB may be used */
    uint64_t table_flags; /* flags of entries that lead to a table, besides present and writable */
    /* Returns a zeroed, aligned 4-KiB table, and its address in *phys; NULL if out of memory. */
    uint64_t *(*alloc_table)(uint64_t *phys);
    /* Returns a pointer to the table at a physical address. */
    uint64_t *(*table)(uint64_t phys);
};

/* Allocates the level-4 table. The caller has set all members but root. Returns NULL, or what
 * failed, in words. */
const char *paging_init(struct paging *paging);

/* Maps [virt, virt + size) to [phys, phys + size), in bytes and multiples of 4 KiB, with the
 * largest page that fits at each step. Existing mappings are neither replaced nor split: that is a
 * failure. After a failure, pages below the one that failed stay mapped. Returns NULL, or what
 * failed, in words. */
const char *paging_map(struct paging *paging, uint64_t virt, uint64_t phys, uint64_t size,
                       uint64_t flags);

/* For a processor in 5-level mode (CR4.LA57 = 1), in which CR3 points to a table of level 5:
 * allocates one whose first and last entry lead to the level-4 table, so that all addresses of 48
 * bits mean the same as without it. Stores its address in *top. Returns NULL, or what failed, in
 * words. */
const char *paging_add_level_5(struct paging *paging, uint64_t *top);

struct paging_page {
    uint64_t phys; /* of the byte at `virt` */
    uint64_t size; /* bytes of the page that maps it */
    uint64_t flags;
};

/* Describes the page that maps `virt`; false if none does. */
bool paging_lookup(const struct paging *paging, uint64_t virt, struct paging_page *page);
