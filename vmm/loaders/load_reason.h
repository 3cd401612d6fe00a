/* Why a kernel cannot be started, in words with numbers. The user reads it behind "guest NAME is
 * not started: ", so it says what is wrong and what to do. Pure. */
#pragma once
#include <stdint.h>

/* Room for the longest reason. */
#define LOAD_REASON_SIZE 192

#define LOAD_MIB         (1UL << 20)
#define LOAD_MEMORY_UNIT (2 * LOAD_MIB) /* of the configuration file's `memory` */

/* All three write to `reason`, LOAD_REASON_SIZE bytes, and return it. */
const char *load_reason(char *reason, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The guest has `has` bytes of memory. `what`, a subject with its verb ("the kernel needs"), needs
 * `end` and `size` bytes in sum; the reason has them in MiB, rounded up to the multiple of 2 MiB
 * that the configuration file wants. */
const char *load_too_little_memory(char *reason, uint64_t has, const char *what, uint64_t end,
                                   uint64_t size);

/* The initial RAM disk has `size` bytes and ends within `part` ("a gzip file"), which begins at
 * byte `start`. */
const char *load_cut_off_initrd(char *reason, const char *part, uint64_t start, uint64_t size);
