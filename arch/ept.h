/* Builds extended page tables: what a guest takes for physical memory, and where it really is.
 *
 * An access that these tables do not allow ends the guest's turn with an EPT violation; that is how
 * devices in memory are emulated, and how a guest is kept to its own RAM. Pure: tables come from a
 * callback and are reached through another. It writes tables and nothing else: after a change, or
 * an unmap, of what a CPU may have used, the caller executes INVEPT on each such CPU before it
 * counts on it. Every level above the last allows everything; only the entry that maps restricts.
 * SDM Vol. 3C, "The Extended Page Table Mechanism (EPT)". */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "arch/msr.h"

#define EPT_READ    (1ULL << 0)
#define EPT_WRITE   (1ULL << 1)
#define EPT_EXECUTE (1ULL << 2)
#define EPT_ALL     (EPT_READ | EPT_WRITE | EPT_EXECUTE)

#define EPT_4K      0x1000ULL
#define EPT_2M      0x200000ULL
#define EPT_1G      0x40000000ULL

/* What a walk of length 4 translates: guest-physical addresses below this. */
#define EPT_LIMIT (1ULL << 48)

enum ept_result {
    EPT_OK,
    EPT_UNALIGNED,    /* an address or the size is not a multiple of 4 KiB, or the size is 0 */
    EPT_BAD_GUEST,    /* the range passes EPT_LIMIT */
    EPT_BAD_PHYSICAL, /* the range passes the processor's physical-address width */
    EPT_BAD_RIGHTS,   /* none, unknown ones, write without read, or execute-only if unsupported */
    EPT_BAD_MEMORY_TYPE, /* not UC, WC, WT, WP or WB */
    EPT_UNSUPPORTED,     /* ept_pointer(): the processor cannot walk such tables */
    EPT_NO_MEMORY,       /* alloc_table() returned NULL, or table() did */
};

struct ept {
    uint64_t root;         /* physical address of the top table; set by ept_init() */
    uint64_t capabilities; /* IA32_VMX_EPT_VPID_CAP: page sizes, execute-only */
    uint8_t physical_bits; /* the physical-address width, at most 52 */
    uint64_t table_count;  /* tables taken so far; none is ever given back */
    void *ctx;
    /* Returns a zeroed, aligned 4-KiB table and its physical address; NULL if there is none left.
     */
    uint64_t *(*alloc_table)(void *ctx, uint64_t *phys);
    /* Where the table at a physical address can be read and written. */
    uint64_t *(*table)(void *ctx, uint64_t phys);
};

/* Takes the top table. The caller sets the other members before. */
enum ept_result ept_init(struct ept *ept);

/* Maps [guest, guest + size) to [phys, phys + size) with the largest pages that fit, replacing what
 * is mapped there: a larger page that the range covers in part is split. `rights` are EPT_READ ...,
 * `type` is MEMORY_TYPE_.... Each entry changes in one store, a split included. Out of memory, the
 * pages before the one that failed are mapped and the others are as they were. */
enum ept_result ept_map(struct ept *ept, uint64_t guest, uint64_t phys, uint64_t size,
                        uint64_t rights, unsigned type);

/* Unmaps [guest, guest + size); what is not mapped is skipped. Splitting may need a table. */
enum ept_result ept_unmap(struct ept *ept, uint64_t guest, uint64_t size);

struct ept_page {
    uint64_t phys; /* of the byte that was asked for */
    uint64_t size; /* of the page that maps it */
    uint64_t rights;
    unsigned type;
};

/* What maps a guest-physical address; false if nothing does. */
bool ept_lookup(const struct ept *ept, uint64_t guest, struct ept_page *page);

/* The VMCS's EPT pointer for these tables: write-back, a walk of length 4, accessed and dirty flags
 * if wanted. SDM Vol. 3C, "Extended-Page-Table Pointer (EPTP)". */
enum ept_result ept_pointer(const struct ept *ept, bool accessed_dirty, uint64_t *pointer);

const char *ept_result_text(enum ept_result result);
