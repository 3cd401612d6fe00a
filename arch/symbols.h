/* Names for the hypervisor's own addresses, for backtraces.
 *
 * The build links the hypervisor twice: tools/symbols.awk turns the first result's symbols into a
 * table, and the second link puts it last in the image, where it moves nothing. Its layout, all
 * numbers 32 bits wide and little endian:
 *
 *     count, 0
 *     count pairs {address - SYMBOLS_BASE, place of the name in the strings}, sorted by address
 *     the strings, each ended by a zero byte
 *
 * A table that is empty, cut short or wrong finds nothing; it is never read past its end, since the
 * reader may be a panic that is about something else. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define SYMBOLS_BASE 0xffffffff80000000ULL /* where the link map begins */

/* The name of the function that `address` lies in, or NULL if none is known; *offset is the
 * distance in bytes from its first instruction. */
const char *symbol_lookup(uint64_t address, uint64_t *offset);

/* The same in a table of `size` bytes that lies anywhere, 4-byte aligned; for tests. */
const char *symbols_find(const void *table, size_t size, uint64_t address, uint64_t *offset);
