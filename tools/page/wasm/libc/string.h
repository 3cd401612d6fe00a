/* For the build to WebAssembly: the part of <string.h> that the model uses. See libc.c. */
#pragma once
#include "lib/memory.h"

int strcmp(const char *a, const char *b);
