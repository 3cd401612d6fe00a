/* The four functions that a C compiler may call on its own, for freestanding code.
 *
 * The hypervisor, the boot loader and the guests link lib/memory.c; tests on the host link the C
 * library's instead, which is why memory.c is not in the list of pure modules although it is pure.
 * They behave as ISO C says. */
#pragma once
#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
int memcmp(const void *a, const void *b, size_t size);
