/* The machine's memory: allocating pages, and the hypervisor's own address space.
 *
 *   0xffff800000000000 + physical   the direct map: all RAM, never executable; device registers on
 *                                   request, uncached; the screen, write-combining
 *   0xffffc00000000000              stacks, each between two unmapped guard pages
 *   0xffffffff80000000              the image: text executable, constants read-only, data writable
 *
 * Memory is allocated at start-up, by one CPU at a time, and never freed. SDM Vol. 3A, "Paging".
 * Read next: arch/paging.h. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "lib/boot_info.h"

#define DIRECT_MAP_BASE 0xffff800000000000ULL
#define STACKS_BASE     0xffffc00000000000ULL
#define PAGE_SIZE       4096ULL
#define LARGE_PAGE_SIZE 0x200000ULL

/* Where device memory is before memory_init(), under the boot loader's page tables: at its own
 * address below 4 GiB. NULL: nowhere. */
void *memory_before_init(uint64_t physical, uint64_t size);

/* Takes over the usable regions, builds the page tables and loads CR3. From then on *info is in the
 * direct map: the caller continues with the returned pointer. The caller's stack must be in the
 * image. On the boot CPU, once; panics if there is no memory for the tables. */
struct boot_info *memory_init(struct boot_info *info);

/* Allocate `size` zeroed bytes, aligned to `align` (a power of two, at least 4096), the second
 * below 4 GiB. Return the physical address; 0 if no such piece is free. */
uint64_t memory_alloc(uint64_t size, uint64_t align);
uint64_t memory_alloc_low(uint64_t size, uint64_t align);

/* Allocates `size` zeroed bytes in whole pages and returns their address; panics if there are none.
 * If `physical` is not NULL, *physical is the physical address. */
void *memory_alloc_pages(uint64_t size, uint64_t *physical);

/* The address of physical memory in the direct map. */
static inline void *phys_to_virt(uint64_t physical) {
    return (void *)(physical + DIRECT_MAP_BASE);
}

/* The callbacks of struct paging: allocate an empty table (NULL: no memory), and find a table. */
uint64_t *memory_alloc_table(uint64_t *physical);
uint64_t *memory_table(uint64_t physical);

/* Maps the pages of `size` bytes of device registers at `physical`, uncached, and returns the
 * address of `physical`. Panics if they cannot be mapped. */
void *memory_map_device(uint64_t physical, uint64_t size);

/* Maps device memory that is only written, in long runs, such as a screen. NULL: that is
 * impossible. */
void *memory_map_write_combining(uint64_t physical, uint64_t size);

/* For the ACPI parser: maps [physical, physical + size) read-only where it is not mapped yet. NULL:
 * that is impossible. */
const void *memory_map_table(uint64_t physical, uint64_t size);

/* Allocates a stack of `size` bytes between guard pages and returns its top. Panics if there is no
 * memory. */
uint64_t memory_alloc_stack(uint64_t size);

/* Builds page tables for CPUs that are starting: like the hypervisor's own, but the top one is
 * below 4 GiB, and the trampoline's page is also mapped at its own address. Returns the physical
 * address. */
uint32_t memory_trampoline_tables(uint64_t trampoline);

/* Switches the calling CPU to the hypervisor's own address space, with the PAT that it uses. */
void memory_enter(void);

/* CR3 of the hypervisor's own address space. */
uint64_t memory_root(void);
/* The number of bytes that are free. */
uint64_t memory_free(void);
