/* Builds extended page tables: what a guest takes for physical memory, and where it really is.
 *
 * An access that these tables do not allow ends the guest's turn with an EPT violation; that is how
 * devices in memory are emulated, and how a guest is kept to its own RAM. Pure: tables come from a
 * callback and are reached through another. It writes tables and nothing else: after a change of
 * what a CPU may have used, the caller executes INVEPT on each such CPU before it
 * counts on it. Every level above the last allows everything; only the entry that maps restricts.
 * SDM Vol. 3C, "The Extended Page Table Mechanism (EPT)". */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define EPT_READ    (1ULL << 0)
#define EPT_WRITE   (1ULL << 1)
#define EPT_EXECUTE (1ULL << 2)
#define EPT_ALL     (EPT_READ | EPT_WRITE | EPT_EXECUTE)

#define EPT_4K      0x1000ULL
#define EPT_2M      0x200000ULL
#define EPT_1G      0x40000000ULL

/* What a walk of length 4 translates: guest-physical addresses below this. */
#define EPT_LIMIT (1ULL << 48)

struct ept {
    uint64_t root;         /* physical address of the top table; set by ept_init() */
    bool pages_1g;         /* the processor has 1-GiB pages: IA32_VMX_EPT_VPID_CAP bit 17 */
    uint8_t physical_bits; /* the physical-address width, at most 52 */
    void *ctx;
    /* Returns a zeroed, aligned 4-KiB table and its physical address; NULL if there is none left.
     */
    uint64_t *(*alloc_table)(void *ctx, uint64_t *phys);
    /* Where the table at a physical address can be read and written. */
    uint64_t *(*table)(void *ctx, uint64_t phys);
};

/* Takes the top table. The caller sets the other members before. Returns NULL or why not, in words.
 */
const char *ept_init(struct ept *ept);

/* Maps [guest, guest + size) to [phys, phys + size), write-back, with the largest pages that fit,
 * replacing what is mapped there: a larger page that the range covers in part is split. `rights`
 * are EPT_READ ..., and EPT_READ is among them. Each entry changes in one store, a split included.
 * Returns NULL or why not, in words: out of memory, the pages before the one that failed are mapped
 * and the others are as they were. */
const char *ept_map(struct ept *ept, uint64_t guest, uint64_t phys, uint64_t size, uint64_t rights);

/* The VMCS's EPT pointer for these tables: write-back, a walk of length 4, without accessed and
 * dirty flags. SDM Vol. 3C, "Extended-Page-Table Pointer (EPTP)". */
uint64_t ept_pointer(const struct ept *ept);
