/* Formatting text into a bounded buffer: see format.h.
 *
 * One pass over the format string. Every byte goes through put(), which counts all of them and
 * stores those that fit; that makes the bound and the returned length right in one place. */
#include "drivers/format.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#define WIDTH_MAX 4096 /* a longer width or precision in a format string is taken for this one */

struct output {
    char *text;
    size_t size;
    size_t length; /* of the whole text, also beyond size */
};

struct conversion {
    bool left, zero;
    int width;
    int precision; /* -1: none */
    int longs;     /* how many l; z counts as one, since size_t is unsigned long */
    char type;
};

static void put(struct output *out, char c)
{
    if (out->length + 1 < out->size)
        out->text[out->length] = c;
    out->length++;
}

static void put_repeated(struct output *out, char c, int count)
{
    for (int i = 0; i < count; i++)
        put(out, c);
}

/* Text of a known length, padded with spaces to the width. */
static void put_padded(struct output *out, const struct conversion *conv, const char *text,
                       int length)
{
    int padding = conv->width - length;

    if (!conv->left)
        put_repeated(out, ' ', padding);
    for (int i = 0; i < length; i++)
        put(out, text[i]);
    if (conv->left)
        put_repeated(out, ' ', padding);
}

static void put_string(struct output *out, const struct conversion *conv, const char *text)
{
    int length = 0;

    if (!text)
        text = "(null)";
    while ((conv->precision < 0 || length < conv->precision) && length < INT_MAX && text[length])
        length++;
    put_padded(out, conv, text, length);
}

/* prefix: what comes before the zeros of the padding, "-" or "0x" or nothing. */
static void put_number(struct output *out, const struct conversion *conv, uint64_t value,
                       unsigned base, const char *prefix)
{
    const char *digits = conv->type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    char text[24];
    int count = 0, prefix_length = 0, zeros;

    do {
        text[count++] = digits[value % base];
        value /= base;
    } while (value);
    while (prefix[prefix_length])
        prefix_length++;

    zeros = conv->precision - count;
    if (conv->precision < 0 && conv->zero && !conv->left)
        zeros = conv->width - prefix_length - count;
    if (zeros < 0)
        zeros = 0;

    int padding = conv->width - prefix_length - zeros - count;
    if (!conv->left)
        put_repeated(out, ' ', padding);
    for (int i = 0; i < prefix_length; i++)
        put(out, prefix[i]);
    put_repeated(out, '0', zeros);
    while (count)
        put(out, text[--count]);
    if (conv->left)
        put_repeated(out, ' ', padding);
}

static const char *parse_number(const char *fmt, int *value)
{
    *value = 0;
    for (; *fmt >= '0' && *fmt <= '9'; fmt++) {
        *value = *value * 10 + (*fmt - '0');
        if (*value > WIDTH_MAX)
            *value = WIDTH_MAX;
    }
    return fmt;
}

/* fmt points behind the '%'; returns where the format goes on behind the conversion. */
static const char *parse_conversion(const char *fmt, struct conversion *conv)
{
    *conv = (struct conversion){.precision = -1};
    for (; *fmt == '-' || *fmt == '0'; fmt++) {
        if (*fmt == '-')
            conv->left = true;
        else
            conv->zero = true;
    }
    fmt = parse_number(fmt, &conv->width);
    if (*fmt == '.')
        fmt = parse_number(fmt + 1, &conv->precision);
    for (; *fmt == 'l' || *fmt == 'z'; fmt++)
        conv->longs++;
    conv->type = *fmt;
    return *fmt ? fmt + 1 : fmt;
}

static void put_signed(struct output *out, const struct conversion *conv, int64_t value)
{
    if (value < 0)
        put_number(out, conv, -(uint64_t)value, 10, "-");
    else
        put_number(out, conv, (uint64_t)value, 10, "");
}

int format_va(char *text, size_t size, const char *fmt, va_list args)
{
    struct output out = {.text = text, .size = size};
    struct conversion conv;

    while (*fmt) {
        const char *start = fmt;

        if (*fmt++ != '%') {
            put(&out, *start);
            continue;
        }
        fmt = parse_conversion(fmt, &conv);
        switch (conv.type) {
        case 's':
            put_string(&out, &conv, va_arg(args, const char *));
            break;
        case 'c': {
            char c = (char)va_arg(args, int);
            put_padded(&out, &conv, &c, 1);
            break;
        }
        case 'd':
        case 'i':
            put_signed(&out, &conv, conv.longs ? va_arg(args, int64_t) : va_arg(args, int));
            break;
        case 'u':
        case 'x':
        case 'X':
            put_number(&out, &conv, conv.longs ? va_arg(args, uint64_t) : va_arg(args, unsigned),
                       conv.type == 'u' ? 10 : 16, "");
            break;
        case 'p':
            put_number(&out, &conv, (uintptr_t)va_arg(args, void *), 16, "0x");
            break;
        case '%':
            put(&out, '%');
            break;
        default:
            while (start < fmt)
                put(&out, *start++);
        }
    }
    if (size)
        text[out.length < size ? out.length : size - 1] = 0;
    return out.length > INT_MAX ? INT_MAX : (int)out.length;
}

int format(char *text, size_t size, const char *fmt, ...)
{
    va_list args;
    int length;

    va_start(args, fmt);
    length = format_va(text, size, fmt, args);
    va_end(args);
    return length;
}
