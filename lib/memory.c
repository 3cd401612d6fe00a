/* memcpy, memmove, memset and memcmp for freestanding code.
 *
 * String instructions of 8 bytes, then of single bytes: short, and fast on every CPU with VT-x. The
 * compiler would replace a loop in C by a call of the very function that contains it. The
 * instructions rely on a clear direction flag, which the ABI guarantees at each function call, and
 * which trap entries and VM exits clear. SDM Vol. 2B, "MOVS/MOVSB/MOVSW/MOVSD/MOVSQ - Move Data
 * From String to String". */
#include "lib/memory.h"

#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
    void *d = to;
    const void *s = from;
    size_t words = size / 8, bytes = size % 8;

    __asm__ volatile("rep movsq" : "+D"(d), "+S"(s), "+c"(words) : : "memory");
    __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(bytes) : : "memory");
    return to;
}

/* Copies the last byte first, for overlapping ranges where `to` lies above `from`. */
static void copy_backwards(void *to, const void *from, size_t size) {
    uint8_t *d = (uint8_t *)to + size - 1;
    const uint8_t *s = (const uint8_t *)from + size - 1;

    __asm__ volatile("std\n\trep movsb\n\tcld" : "+D"(d), "+S"(s), "+c"(size) : : "memory", "cc");
}

void *memmove(void *to, const void *from, size_t size) {
    if ((uintptr_t)to - (uintptr_t)from < size)
        copy_backwards(to, from, size);
    else
        memcpy(to, from, size);
    return to;
}

void *memset(void *to, int value, size_t size) {
    uint64_t pattern = (uint8_t)value * 0x0101010101010101ULL;
    void *d = to;
    size_t words = size / 8, bytes = size % 8;

    __asm__ volatile("rep stosq" : "+D"(d), "+c"(words) : "a"(pattern) : "memory");
    __asm__ volatile("rep stosb" : "+D"(d), "+c"(bytes) : "a"(pattern) : "memory");
    return to;
}

int memcmp(const void *a, const void *b, size_t size) {
    const uint8_t *x = a, *y = b;

    for (size_t i = 0; i < size; i++) {
        if (x[i] != y[i])
            return x[i] - y[i];
    }
    return 0;
}
