/* The four functions to which a C compiler generates calls of its own, for freestanding code.
 *
 * They behave as ISO C specifies. The hypervisor, the boot loader and the guests link lib/memory.c;
 * tests on the host link the C library's functions instead, so memory.c is not in the list of pure
 * modules although it is pure. */
#pragma once
#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
int memcmp(const void *a, const void *b, size_t size);
