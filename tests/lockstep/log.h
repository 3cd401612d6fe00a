/* The trace records of one guest with `trace = on`, which the hypervisor has printed when the guest
 * had ended: in order of time, each with the CPU that made it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "vmm/interrupts/trace.h"

#define LOG_CPUS 4

struct logged {
    struct trace_record record;
    unsigned cpu, line;
};

struct log {
    unsigned vcpus, version;     /* the guest's vCPUs; the version of its I/O APIC */
    bool stale_rescan, software; /* the guest's configuration */
    unsigned cpus;               /* CPUs that have made records */
    size_t count, room;
    struct logged *at;
};

/* Reads the records of the guest between its lines "TRACE guest=..." and "TRACE end". Returns what
 * is wrong, or NULL. */
const char *log_read(struct log *log, const char *path, const char *guest);
void log_free(struct log *log);
/* Whether the guest has the vCPU or the pin that the record names. */
bool log_is_in_range(const struct trace_record *record, unsigned vcpus);

/* The next record of the same CPU, or NULL. */
static inline const struct logged *log_next(const struct log *log, const struct logged *logged) {
    for (const struct logged *next = logged + 1; next < log->at + log->count; next++) {
        if (next->cpu == logged->cpu)
            return next;
    }
    return NULL;
}

/* Whether another CPU clears Remote IRR for this vector before the next record of this CPU. */
static inline bool log_is_cleared_elsewhere(const struct log *log, const struct logged *logged,
                                            uint8_t vector) {
    const struct logged *end = log->at + log->count;

    for (const struct logged *next = logged + 1; next < end && next->cpu != logged->cpu; next++) {
        const struct trace_record *record = &next->record;
        if (record->event == TRACE_REMOTE_IRR && !record->a && record->vector == vector)
            return true;
    }
    return false;
}
