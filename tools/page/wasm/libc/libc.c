/* For the build to WebAssembly: the few functions of a C library that the model and the compiler
 * call. lib/memory.c has x86's string instructions, so these are written in C; the compiler must
 * not turn a loop here into a call of itself (-fno-builtin). */
#include <stdio.h>
#include <string.h>

#include "lib/format.h"

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
    char *d = to;
    const char *s = from;

    while (size--)
        *d++ = *s++;
    return to;
}

void *memmove(void *to, const void *from, size_t size) {
    char *d = to;
    const char *s = from;

    if (d <= s)
        return memcpy(to, from, size);
    while (size--)
        d[size] = s[size];
    return to;
}

void *memset(void *to, int value, size_t size) {
    char *d = to;

    while (size--)
        *d++ = (char)value;
    return to;
}

int memcmp(const void *a, const void *b, size_t size) {
    const unsigned char *x = a, *y = b;

    for (; size; size--, x++, y++) {
        if (*x != *y)
            return *x - *y;
    }
    return 0;
}

int strcmp(const char *a, const char *b) {
    for (; *a && *a == *b; a++)
        b++;
    return (unsigned char)*a - (unsigned char)*b;
}

int vsnprintf(char *out, size_t size, const char *fmt, va_list args) {
    return format_va(out, size, fmt, args);
}

int snprintf(char *out, size_t size, const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    int length = format_va(out, size, fmt, args);
    va_end(args);
    return length;
}
