/* For the build to WebAssembly: the part of <stdio.h> that the model uses. See libc.c. */
#pragma once
#include <stdarg.h>
#include <stddef.h>

int snprintf(char *out, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int vsnprintf(char *out, size_t size, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));
