/* Formatting text into a bounded buffer: the part of printf that a hypervisor needs.
 *
 * Pure: no allocation, no locale, no globals, no floating point. Conversions: %s %d %u %x %%, with
 * the modifiers l, ll and z, a width, and the flags 0 and -. A conversion that is not in this list
 * is copied to the output as it stands, so that a slip is seen. Read next: drivers/console.h, which
 * prints what this makes. */
#pragma once
#include <stdarg.h>
#include <stddef.h>

/* Both write at most `size` bytes, the terminating zero included (nothing at all if size is 0), and
 * return the length of the whole text, as snprintf does: the text was cut if that is >= size. */
int format(char *out, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int format_va(char *out, size_t size, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));

/* Text that is written in several steps: like format(), each behind the one before. */
struct text {
    char *out;
    size_t size;
    size_t length; /* of the whole text, also beyond size */
};

void text_add(struct text *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_add_va(struct text *text, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));
