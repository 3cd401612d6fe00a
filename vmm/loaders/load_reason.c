/* Reasons with numbers: see vmm/loaders/load_reason.h. */
#include "vmm/loaders/load_reason.h"

#include <stdarg.h>

#include "lib/format.h"

const char *load_reason(char *reason, const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    format_va(reason, LOAD_REASON_SIZE, fmt, args);
    va_end(args);
    return reason;
}

const char *load_too_little_memory(char *reason, uint64_t has, const char *what, uint64_t end,
                                   uint64_t size) {
    uint64_t needed = size <= UINT64_MAX - end ? end + size : UINT64_MAX;
    uint64_t units = needed / LOAD_MEMORY_UNIT + (needed % LOAD_MEMORY_UNIT != 0);
    uint64_t mib = units * (LOAD_MEMORY_UNIT / LOAD_MIB);

    return load_reason(
        reason, "too little memory: the guest has %lu MiB, %s %lu MiB; set its memory to %luM",
        has / LOAD_MIB, what, mib, mib);
}

const char *load_cut_off_initrd(char *reason, const char *part, uint64_t start, uint64_t size) {
    return load_reason(reason,
                       "the initial RAM disk is cut off: its %lu bytes end within %s that begins "
                       "at byte %lu; copy it again",
                       size, part, start);
}
