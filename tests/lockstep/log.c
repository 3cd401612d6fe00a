/* Reads the log of a run: see log.h. */
#include "tests/lockstep/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/world.h"

#define LINE_SIZE 512

static void add(struct log *log, const struct logged *logged) {
    if (log->count == log->room) {
        log->room = log->room ? 2 * log->room : 1024;
        log->at = realloc(log->at, log->room * sizeof(*log->at));
        if (!log->at)
            exit(2);
    }
    log->at[log->count++] = *logged;
    if (logged->cpu >= log->cpus)
        log->cpus = logged->cpu + 1;
}

/* Adds a record, as often as it was repeated. False: the line is not a record. */
static bool add_line(struct log *log, const char *text, unsigned line) {
    unsigned event, vcpu, vector, pin, repeats, cpu;
    unsigned long a, b;

    if (sscanf(text, "TRACE %u %u %x %u %lx %lx %u %u", &event, &vcpu, &vector, &pin, &a, &b,
               &repeats, &cpu) != 8)
        return false;
    const struct logged logged = {.record = {.event = (uint8_t)event,
                                             .vcpu = (uint8_t)vcpu,
                                             .vector = (uint8_t)vector,
                                             .pin = (uint8_t)pin,
                                             .a = a,
                                             .b = b},
                                  .cpu = cpu,
                                  .line = line};
    for (unsigned i = 0; i <= repeats; i++)
        add(log, &logged);
    return true;
}

bool log_is_in_range(const struct trace_record *record, unsigned vcpus) {
    bool has_vcpu = record->vcpu < vcpus, has_pin = record->pin < IOAPIC_PIN_COUNT;

    if (record->event == TRACE_LINE || record->event == TRACE_RTE_WRITE ||
        record->event == TRACE_DELIVER)
        return has_pin;
    return record->event == TRACE_REMOTE_IRR || record->event == TRACE_ORPHANED ||
           record->event == TRACE_DEFERRED || has_vcpu;
}

static const char *read_lines(struct log *log, FILE *file, const char *guest) {
    char text[LINE_SIZE], name[64];
    unsigned long lost;
    bool inside = false;

    for (unsigned line = 1; fgets(text, sizeof(text), file); line++) {
        if (sscanf(text, "TRACE guest=%63s vcpus=%u version=%x", name, &log->vcpus,
                   &log->version) == 3) {
            inside = !strcmp(name, guest);
            log->stale_rescan = !strstr(text, " stale_rescan=off");
            log->software = strstr(text, " delivery=software") != NULL;
        } else if (inside && sscanf(text, "TRACE end lost=%lu", &lost) == 1)
            return lost ? "the beginning of the trace is lost" : NULL;
        else if (inside && add_line(log, text, line) &&
                 !log_is_in_range(&log->at[log->count - 1].record, log->vcpus))
            return "a record that names no vCPU or no pin";
    }
    return "no complete trace of this guest";
}

const char *log_read(struct log *log, const char *path, const char *guest) {
    FILE *file = fopen(path, "r");

    *log = (struct log){0};
    if (!file)
        return "the log cannot be read";
    const char *problem = read_lines(log, file, guest);
    fclose(file);
    if (!problem && (log->cpus > LOG_CPUS || log->vcpus < 1 || log->vcpus > WORLD_VCPUS))
        return "too many CPUs or vCPUs";
    return problem;
}

void log_free(struct log *log) {
    free(log->at);
}
