/* The machine's memory: handing out pages, and the hypervisor's own address space.
 *
 *   0xffff800000000000 + physical   all RAM, never executable; device pages on request, uncached,
 *                                   or write-combining for the screen
 *   0xffffc00000000000              stacks, each between two unmapped guard pages
 *   0xffffffff80000000              the image: text read and execute, constants read, data write
 *
 * Pages are handed out and not given back: everything is allocated while starting. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "lib/boot_info.h"

#define DIRECT_MAP_BASE 0xffff800000000000ULL
#define STACKS_BASE     0xffffc00000000000ULL
#define PAGE_SIZE       4096ULL
#define LARGE_PAGE_SIZE 0x200000ULL

/* Takes the usable regions; then builds the tables and loads CR3. Afterwards *info is reached
 * through the direct map: the returned pointer replaces it. The caller's stack must lie in the
 * image. */
struct boot_info *memory_init(struct boot_info *info);

/* The physical address of `size` zeroed bytes, aligned to `align` (a power of two, at least 4096);
 * 0 if there is no such piece left. The second form stays below 4 GiB. One CPU at a time. */
uint64_t memory_alloc(uint64_t size, uint64_t align);
uint64_t memory_alloc_low(uint64_t size, uint64_t align);

/* One page or more, mapped; panics if there is none. *physical may be NULL. */
void *memory_alloc_pages(uint64_t size, uint64_t *physical);

static inline void *phys_to_virt(uint64_t physical) {
    return (void *)(physical + DIRECT_MAP_BASE);
}

/* The callbacks of arch/paging.h: an empty table or NULL, and where a table is. */
uint64_t *memory_alloc_table(uint64_t *physical);
uint64_t *memory_table(uint64_t physical);

/* Maps the page of device registers that `physical` lies in; returns its address. */
void *memory_map_device(uint64_t physical);

/* Maps device memory that is only written, in long runs, such as a screen; NULL if it cannot. */
void *memory_map_write_combining(uint64_t physical, uint64_t size);

/* For the ACPI parser: makes [physical, physical + size) readable if it is not; NULL if it cannot.
 */
const void *memory_map_table(uint64_t physical, uint64_t size);

/* A stack of `size` bytes between guard pages; returns its top. */
uint64_t memory_alloc_stack(uint64_t size);

/* Tables like the hypervisor's own, the top one below 4 GiB, which map the trampoline's page at its
 * own address as well; for CPUs that are starting. Returns the physical address. */
uint32_t memory_trampoline_tables(uint64_t trampoline);

/* Takes this CPU into the hypervisor's own address space. */
void memory_enter(void);

/* CR3 of the hypervisor's own address space. */
uint64_t memory_root(void);
/* Bytes still free. */
uint64_t memory_free(void);
