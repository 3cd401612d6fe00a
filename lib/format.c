/* Formatting text into a bounded buffer: see format.h.
 *
 * One pass over the format string. Every byte goes through put(), which counts all of them and
 * stores those that fit; that makes the bound and the returned length right in one place. The
 * terminating zero then replaces the last byte that does not fit with it. */
#include "lib/format.h"

#include <stdbool.h>
#include <stdint.h>

#define WIDTH_MAX 4096 /* a larger width in a format string is reduced to this */

struct conversion {
    bool left, zero;
    int width;
    bool is_long; /* l, ll or z: each is 64 bits */
    char type;
};

static void put(struct text *text, char c) {
    if (text->length < text->size)
        text->out[text->length] = c;
    text->length++;
}

/* Pads the field, which ends before `end`, to the width: with spaces on either side, or with zeros
 * after the sign. */
static void put_padded(struct text *text, const struct conversion *conv, const char *field,
                       const char *end) {
    ptrdiff_t padding = conv->width - (end - field);
    bool zeros = conv->zero && !conv->left;

    if (zeros && field < end && *field == '-')
        put(text, *field++);
    for (; !conv->left && padding > 0; padding--)
        put(text, zeros ? '0' : ' ');
    while (field < end)
        put(text, *field++);
    for (; padding > 0; padding--)
        put(text, ' ');
}

static void put_string(struct text *text, const struct conversion *conv, const char *string) {
    if (!string)
        string = "(null)";
    const char *end = string;
    while (*end)
        end++;
    put_padded(text, conv, string, end);
}

static void put_number(struct text *text, const struct conversion *conv, uint64_t value,
                       unsigned base, bool negative) {
    char digits[24], *end = digits + sizeof(digits), *at = end;

    do {
        *--at = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    if (negative)
        *--at = '-';
    put_padded(text, conv, at, end);
}

/* `fmt` points after the '%'; returns where the format continues after the conversion. */
static const char *parse_conversion(const char *fmt, struct conversion *conv) {
    *conv = (struct conversion){0};
    for (; *fmt == '-' || *fmt == '0'; fmt++) {
        conv->left |= *fmt == '-';
        conv->zero |= *fmt == '0';
    }
    for (; *fmt >= '0' && *fmt <= '9'; fmt++) {
        conv->width = conv->width * 10 + (*fmt - '0');
        if (conv->width > WIDTH_MAX)
            conv->width = WIDTH_MAX;
    }
    for (; *fmt == 'l' || *fmt == 'z'; fmt++)
        conv->is_long = true;
    conv->type = *fmt;
    return *fmt ? fmt + 1 : fmt;
}

void text_add_va(struct text *text, const char *fmt, va_list args) {
    struct conversion conv;

    while (*fmt) {
        const char *start = fmt;

        if (*fmt++ != '%') {
            put(text, *start);
            continue;
        }
        fmt = parse_conversion(fmt, &conv);
        if (conv.type == 's') {
            put_string(text, &conv, va_arg(args, const char *));
        } else if (conv.type == 'd') {
            int64_t value = conv.is_long ? va_arg(args, int64_t) : va_arg(args, int);
            put_number(text, &conv, value < 0 ? -(uint64_t)value : (uint64_t)value, 10, value < 0);
        } else if (conv.type == 'u' || conv.type == 'x') {
            uint64_t value = conv.is_long ? va_arg(args, uint64_t) : va_arg(args, unsigned);
            put_number(text, &conv, value, conv.type == 'u' ? 10 : 16, false);
        } else if (conv.type == '%') {
            put(text, '%');
        } else {
            while (start < fmt)
                put(text, *start++);
        }
    }
    if (text->size)
        text->out[text->length < text->size ? text->length : text->size - 1] = 0;
}

void text_add(struct text *text, const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    text_add_va(text, fmt, args);
    va_end(args);
}

int format_va(char *out, size_t size, const char *fmt, va_list args) {
    struct text text = {.out = out, .size = size};

    text_add_va(&text, fmt, args);
    return (int)text.length;
}

int format(char *out, size_t size, const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    int length = format_va(out, size, fmt, args);
    va_end(args);
    return length;
}
