/* The records of one guest with `trace = on`, as the hypervisor printed them when the guest had
 * ended: in order of their time, with the CPU that made each. */
#pragma once
#include <stddef.h>

#include "vmm/interrupts/trace.h"

#define LOG_CPUS 4

struct logged {
    struct trace_record record;
    unsigned cpu, line;
};

struct log {
    unsigned vcpus, version; /* of the guest; of its I/O APIC */
    unsigned cpus;           /* that have made records */
    size_t count, room;
    struct logged *at;
};

/* Reads the records of the guest between its two TRACE lines with words. Returns what is wrong, or
 * NULL. */
const char *log_read(struct log *log, const char *path, const char *guest);
void log_free(struct log *log);

/* The next record that the same CPU has made, or NULL. */
const struct logged *log_next(const struct log *log, const struct logged *logged);
