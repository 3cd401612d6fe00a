/* Formatting text into a bounded buffer: the part of printf that a hypervisor needs.
 *
 * Pure: no allocation, no locale, no globals, no floating point. Conversions: %s %d %u %x %%, with
 * the modifiers l, ll and z, a width, and the flags 0 and -. A conversion that is not in this list
 * is copied to the output unchanged, so that the mistake is visible. Read next: drivers/console.h,
 * which prints the result. */
#pragma once
#include <stdarg.h>
#include <stddef.h>

/* Write at most `size` bytes, the terminating zero included (nothing if size is 0), and return the
 * length of the whole text, as snprintf does: a length of `size` or more means that it was cut. */
int format(char *out, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int format_va(char *out, size_t size, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));

/* A text that is built in several steps. */
struct text {
    char *out;
    size_t size;   /* of `out`, in bytes; the terminating zero needs one of them */
    size_t length; /* of the whole text, including what did not fit */
};

/* Append to the text, with the same conversions and the same bound as format(). */
void text_add(struct text *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_add_va(struct text *text, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));
