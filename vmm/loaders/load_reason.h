/* Why a kernel cannot be started, where that is said with numbers. Pure. */
#pragma once
#include <stdint.h>

/* Room for the longest reason. */
#define LOAD_REASON_SIZE 192

/* Both write into `reason`, LOAD_REASON_SIZE bytes, and return it.
 *
 * The guest has `has` bytes of memory, `what` (a subject with its verb: "the kernel needs") would
 * need it up to `end` and `size` bytes behind, which is told as the configuration file wants it: a
 * multiple of 2 MiB. */
const char *load_too_little_memory(char *reason, uint64_t has, const char *what, uint64_t end,
                                   uint64_t size);
/* `part` (with its article) begins at `start` in the initial RAM disk and does not end in it. */
const char *load_cut_off_initrd(char *reason, const char *part, uint64_t start, uint64_t size);
