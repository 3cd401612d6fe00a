/* Formatting text into a bounded buffer: the part of printf that a hypervisor needs.
 *
 * Pure: no allocation, no locale, no globals, no floating point. Conversions: %s %c %d %i %u %x %X
 * %p %%, with the modifiers l, ll and z, a width, the flags 0 and -, and a precision (for %s the
 * most bytes to read, for integers the fewest digits). A conversion that is not in this list is
 * copied to the output as it stands, so that a slip is seen. Read next: drivers/console.h, which
 * prints what this makes. */
#pragma once
#include <stdarg.h>
#include <stddef.h>

/* Both write at most `size` bytes, the terminating zero included (nothing at all if size is 0), and
 * return the length of the whole text, as snprintf does: the text was cut if that is >= size. */
int format(char *out, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int format_va(char *out, size_t size, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));
