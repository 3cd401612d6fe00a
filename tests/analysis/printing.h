/* Printing, for the modules of `make analyse` that pass values on to lib/format.c, which has a row
 * of its own there. Here each call is one of C's snprintf(). Frama-C's contract for it requires an
 * argument of the right type for each conversion, strings that end within their object, and room
 * for the text. Its length may be any. */
#pragma once
#include <stdio.h>

#include "lib/format.h"

#define text_add(text, ...)                                                                        \
    ((void)((text)->length += (size_t)snprintf((text)->out, (text)->size, __VA_ARGS__)))
#define format(out, size, ...) snprintf(out, size, __VA_ARGS__)
