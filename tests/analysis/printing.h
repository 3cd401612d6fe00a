/* Printing, for the modules of `make analyse` that pass values on to lib/format.c, which has a row
 * of its own there. Here each call is one of C's snprintf(). Frama-C's contract for it requires an
 * argument of the right type for each conversion, strings that end within their object, and room
 * for the text. Its length may be any; its last byte stands for the zero that ends it. */
#pragma once
#include <stdio.h>

#include "lib/format.h"

/*@ requires room: \valid(text) && \valid(text->out + (0 .. text->size - 1));
  @ assigns text->length, text->out[0 .. text->size - 1] \from fmt[..]; */
void text_add_va(struct text *text, const char *fmt, va_list args);

/*@ requires room: \valid(out + (0 .. size - 1));
  @ assigns out[0 .. size - 1] \from fmt[..];
  @ assigns \result \from size; */
int format_va(char *out, size_t size, const char *fmt, va_list args);

static inline int analysis_ended(char *out, size_t size, int length) {
    out[size - 1] = 0;
    return length;
}

#define text_add(text, ...)                                                                        \
    ((void)((text)->length += (size_t)snprintf((text)->out, (text)->size, __VA_ARGS__)))
#define format(out, size, ...) analysis_ended(out, size, snprintf(out, size, __VA_ARGS__))
