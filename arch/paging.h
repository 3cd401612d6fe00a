/* Builds 4-level page tables: the host's, and the extended ones of guests (ept.h), whose entries
 * have their addresses, the bit of a large page and "present" in the same places.
 *
 * Pure: it gets its tables from a callback and reaches them through another, so the boot loader
 * (with the firmware's memory), the hypervisor (with its own map of RAM) and tests use the same
 * code. It writes tables and nothing else: loading CR3 and flushing the TLB is for the caller, as
 * is setting IA32_EFER.NXE before tables with PAGING_NX are in use. Every level above the last one
 * allows everything; only the entry that maps a page restricts. SDM Vol. 3A, "4-Level Paging and
 * 5-Level Paging". */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* The flags of paging_map(): the bits of the page-table entry itself. Others than these: ept.h. */
#define PAGING_WRITABLE (1ULL << 1)
#define PAGING_UNCACHED                                                                            \
    ((1ULL << 3) | (1ULL << 4)) /* PWT and PCD: entry 3 of the PAT as at reset, UC */
#define PAGING_WRITE_COMBINING                                                                     \
    (1ULL << 3) /* PWT alone: entry 1 of the PAT, WT at reset; the hypervisor makes it WC */
#define PAGING_NX (1ULL << 63) /* execute-disable */

#define PAGING_4K 0x1000ULL
#define PAGING_2M 0x200000ULL
#define PAGING_1G 0x40000000ULL

struct paging {
    uint64_t root;        /* physical address of the top table, for CR3; set by paging_init() */
    bool pages_1g;        /* the CPU has 1-GiB pages: CPUID.80000001H:EDX[26] */
    uint64_t table_flags; /* of entries that lead to a table, besides present and writable */
    /* Returns a zeroed, aligned 4-KiB table and its physical address; NULL if there is none left.
     */
    uint64_t *(*alloc_table)(uint64_t *phys);
    /* Where the table at a physical address can be read and written. */
    uint64_t *(*table)(uint64_t phys);
};

/* Takes the top table. The other members are set by the caller before. Returns NULL or why not, in
 * words. */
const char *paging_init(struct paging *paging);

/* Maps [virt, virt + size) to [phys, phys + size), with the largest page that fits at each step.
 * Nothing that is mapped is replaced or split; on an error, pages before the one that failed stay
 * mapped. Returns NULL or why not, in words. */
const char *paging_map(struct paging *paging, uint64_t virt, uint64_t phys, uint64_t size,
                       uint64_t flags);

struct paging_page {
    uint64_t phys; /* of the byte that was asked for */
    uint64_t size; /* of the page that maps it */
    uint64_t flags;
};

/* What maps virt; false if nothing does. */
bool paging_lookup(const struct paging *paging, uint64_t virt, struct paging_page *page);
