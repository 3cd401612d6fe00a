/* Traces out: reads the log of a run with `trace = on` and writes its trace as files for people and
 * for other programs. docs/traces.md. The state in them is that of the hypervisor's own modules,
 * which the lock-step replay (tests/lockstep/replay.c) runs on the records. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tests/world.h"
#include "tools/pwtrace/outputs.h"

#define GUESTS_MAX 32
#define LINE_SIZE  512
#define PATH_SIZE  4096

static const char usage[] =
    "usage: pwtrace LOG NAME\n"
    "       pwtrace svg LOG GUEST [FROM TO]\n"
    "\n"
    "Reads the log of a run with `trace = on` and writes, for all guests in it:\n"
    "  NAME.txt   the story, with the state after each record\n"
    "  NAME.vcd   the state as waveforms, for GTKWave\n"
    "  NAME.json  VM exits and interrupts on a time axis, for Perfetto (ui.perfetto.dev)\n"
    "  NAME.svg   a timing figure, of the first guest whose trace is complete\n"
    "With svg it prints the figure of this guest, from the first change of a line on, or of the\n"
    "records FROM to TO, by their numbers in NAME.txt.\n"
    "Status: 0 if they are written, 1 if the trace cannot be read or replayed, 2 for wrong "
    "usage.\n";

static const char *log_path;
static FILE *text;
static struct guest guests[GUESTS_MAX];
static unsigned guest_count;

_Noreturn static void fail(const char *path, const char *what) {
    fprintf(stderr, "pwtrace: %s: %s\n", path, what);
    exit(1);
}

void replay_differs(unsigned line, const char *what) {
    if (text) {
        fprintf(text, "Line %u of the log: here the run and the model differ: %s\n", line, what);
        fclose(text);
    }
    fprintf(stderr, "pwtrace: %s, line %u: the run and the model differ: %s\n", log_path, line,
            what);
    exit(1);
}

int guest_loss(char *out, size_t size, const struct guest *guest) {
    if (guest->lost)
        return snprintf(out, size,
                        "The beginning of the trace of guest %s is lost: %lu records, with those "
                        "of other guests on its CPUs. Without them the state is not known, so it "
                        "is not shown.",
                        guest->name, guest->lost);
    if (!guest->is_ended)
        return snprintf(out, size,
                        "The log ends before the trace of guest %s does: its last records are "
                        "missing, how many is not known.",
                        guest->name);
    return snprintf(out, size, "The trace of guest %s is complete: no record is lost.%s",
                    guest->name,
                    guest->log.software ? " Its interrupts were delivered in software, and of "
                                          "such a guest the state is not shown."
                                        : "");
}

static FILE *create(const char *name, const char *suffix) {
    char path[PATH_SIZE];

    if (snprintf(path, sizeof(path), "%s.%s", name, suffix) >= PATH_SIZE)
        fail(name, "the name is too long");
    FILE *file = fopen(path, "w");
    if (!file)
        fail(path, "cannot be written");
    return file;
}

static void close_checked(FILE *file, const char *name) {
    bool failed = ferror(file) != 0;

    if (fclose(file) != 0 || failed)
        fail(name, "cannot be written");
}

/* ---- the log ---- */

static struct guest *guest_named(const char *name) {
    for (unsigned i = 0; i < guest_count; i++) {
        if (!strcmp(guests[i].name, name))
            return &guests[i];
    }
    return NULL;
}

/* Lists the guests that have a trace. Of two traces with the same name, as in the logs of two runs
 * in one file, log_read() reads the first. */
static void find_guests(FILE *file) {
    char line[LINE_SIZE], name[64];
    struct guest *inside = NULL;
    unsigned long lost;

    while (fgets(line, sizeof(line), file)) {
        if (sscanf(line, "TRACE guest=%63s", name) == 1) {
            inside = NULL;
            if (guest_named(name) || guest_count == GUESTS_MAX)
                continue;
            inside = &guests[guest_count];
            inside->index = guest_count++;
            memcpy(inside->name, name, sizeof(name));
        } else if (inside && sscanf(line, "TRACE end lost=%lu", &lost) == 1) {
            inside->lost = lost;
            inside->is_ended = true;
            inside = NULL;
        }
    }
}

static void read_guest(struct guest *guest) {
    const char *problem = log_read(&guest->log, log_path, guest->name);
    const struct log *log = &guest->log;

    /* A loss is stated in the files. */
    if (guest->is_ended && !guest->lost && problem)
        fail(log_path, problem);
    if (log->cpus > LOG_CPUS || log->vcpus < 1 || log->vcpus > WORLD_VCPUS)
        fail(log_path, "a guest has too many CPUs or vCPUs");
    for (size_t i = 0; i < log->count; i++) {
        if (!log_is_in_range(&log->at[i].record, log->vcpus))
            fail(log_path, "a record that names no vCPU or no pin");
    }
}

static void read_log(void) {
    FILE *file = fopen(log_path, "r");

    if (!file)
        fail(log_path, "cannot be read");
    find_guests(file);
    fclose(file);
    if (!guest_count)
        fail(log_path, "no trace in it: did the guest have `trace = on`, and did it end?");
    for (unsigned i = 0; i < guest_count; i++)
        read_guest(&guests[i]);
}

/* ---- the files ---- */

/* The first change of a line; of a guest without one, its first record. */
static size_t first_line(const struct guest *guest) {
    for (size_t i = 0; i < guest->log.count; i++) {
        if (guest->log.at[i].record.event == TRACE_LINE)
            return i + 1;
    }
    return 1;
}

/* Prints the figure of a guest: `pwtrace svg LOG GUEST [FROM TO]`. */
static int print_figure(char **argv, bool has_range) {
    char loss[320], *end;

    log_path = argv[2];
    read_log();
    struct guest *guest = guest_named(argv[3]);
    if (!guest)
        fail(argv[3], "the log has no trace of this guest");
    guest_loss(loss, sizeof(loss), guest);
    if (!guest_has_state(guest))
        fail(log_path, loss);
    size_t from = first_line(guest), to = guest->log.count;
    if (has_range) {
        from = strtoul(argv[4], &end, 10);
        to = *end ? 0 : strtoul(argv[5], &end, 10);
        if (*end || from < 1 || from > to || to > guest->log.count)
            fail(log_path, "FROM and TO must be numbers of records, as in NAME.txt");
    }
    replay_start(&guest->log);
    svg_begin(replay_world(), from, to);
    for (size_t i = 0; i < guest->log.count; i++) {
        replay_step(i);
        svg_record(guest, i, replay_world());
    }
    svg_write(stdout, guest);
    close_checked(stdout, "the figure");
    return 0;
}

/* The guest of NAME.svg; NULL: no trace is complete. */
static const struct guest *figured(void) {
    for (unsigned i = 0; i < guest_count; i++) {
        if (guest_has_state(&guests[i]))
            return &guests[i];
    }
    return NULL;
}

static void replay(struct guest *guest) {
    const struct world *world = NULL;

    if (guest_has_state(guest)) {
        replay_start(&guest->log);
        world = replay_world();
    }
    text_begin(text, guest, world);
    vcd_begin(guest, world);
    if (guest == figured())
        svg_begin(world, first_line(guest), guest->log.count);
    for (size_t i = 0; i < guest->log.count; i++) {
        if (world)
            replay_step(i);
        text_record(text, guest, i, world);
        vcd_record(guest, i, world);
        if (guest == figured())
            svg_record(guest, i, world);
    }
    text_end(text, guest);
}

int main(int argc, char **argv) {
    if (argc == 2 && !strcmp(argv[1], "--help")) {
        fputs(usage, stdout);
        return 0;
    }
    if ((argc == 4 || argc == 6) && !strcmp(argv[1], "svg"))
        return print_figure(argv, argc == 6);
    if (argc != 3) {
        fputs(usage, stderr);
        return 2;
    }
    log_path = argv[1];
    read_log();

    /* Empty until the replay has reached the end, so that none is left of an earlier run. */
    FILE *vcd = create(argv[2], "vcd"), *json = create(argv[2], "json");
    FILE *svg = create(argv[2], "svg");
    text = create(argv[2], "txt");
    for (unsigned i = 0; i < guest_count; i++)
        replay(&guests[i]);
    close_checked(text, argv[2]);
    vcd_write(vcd, guests, guest_count);
    close_checked(vcd, argv[2]);
    if (figured())
        svg_write(svg, figured());
    else
        svg_write_loss(svg, "The trace of no guest is complete, so there is no figure.");
    close_checked(svg, argv[2]);
    events_begin(json);
    for (unsigned i = 0; i < guest_count; i++)
        events_guest(json, &guests[i]);
    events_end(json);
    close_checked(json, argv[2]);

    for (unsigned i = 0; i < guest_count; i++) {
        char loss[320];
        guest_loss(loss, sizeof(loss), &guests[i]);
        printf("%s\n", loss);
        log_free(&guests[i].log);
    }
    printf("Written: %s.txt, %s.vcd, %s.json, %s.svg\n", argv[2], argv[2], argv[2], argv[2]);
    return 0;
}
