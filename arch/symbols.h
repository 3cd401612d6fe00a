/* The names of the hypervisor's functions by address, for backtraces.
 *
 * The build links the hypervisor twice: tools/symbols.awk makes a table of the symbols of the first
 * result, and the second link places it at the end of the image, where it moves no address. Its
 * layout, with all numbers 32 bits wide and little endian:
 *
 *     count, 0
 *     count pairs {address - SYMBOLS_BASE, place of the name in the strings}, sorted by address
 *     the strings, each ended by a zero byte
 *
 * In a table that is empty, truncated or invalid nothing is found. It is never read beyond its end:
 * the reader may be a panic with another cause. Read next: vmm/host/panic.c. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define SYMBOLS_BASE 0xffffffff80000000ULL /* the image's first address in linker.ld */

/* The name of the function that contains `address`, and in *offset the distance in bytes from its
 * first instruction; NULL, and *offset unchanged, if none is known. */
const char *symbol_lookup(uint64_t address, uint64_t *offset);

/* The same for a table of `size` bytes at any 4-byte-aligned address; for tests. */
const char *symbols_find(const void *start, size_t size, uint64_t address, uint64_t *offset);
