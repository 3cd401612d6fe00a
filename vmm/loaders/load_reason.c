/* Reasons with numbers: see vmm/loaders/load_reason.h. */
#include "vmm/loaders/load_reason.h"

#include "lib/format.h"

#define MIB         (1UL << 20)
#define MEMORY_UNIT (2 * MIB) /* of the configuration file's `memory` */

const char *load_too_little_memory(char *reason, uint64_t has, const char *what, uint64_t end,
                                   uint64_t size) {
    uint64_t needed = size <= UINT64_MAX - end ? end + size : UINT64_MAX;
    uint64_t units = needed / MEMORY_UNIT + (needed % MEMORY_UNIT != 0);

    format(reason, LOAD_REASON_SIZE, "too little memory: the guest has %lu MiB, %s %lu MiB",
           has / MIB, what, units * (MEMORY_UNIT / MIB));
    return reason;
}

const char *load_cut_off_initrd(char *reason, const char *part, uint64_t start, uint64_t size) {
    format(reason, LOAD_REASON_SIZE,
           "the initial RAM disk is cut off: its %lu bytes end within %s that begins at byte %lu",
           size, part, start);
    return reason;
}
