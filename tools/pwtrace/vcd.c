/* NAME.vcd: a value change dump (IEEE 1364), for GTKWave and other waveform viewers.
 *
 * Only signals that change are in it, and the header comes first: so the changes of all guests are
 * kept, and written in order of time. */
#include <stdlib.h>

#include "tools/pwtrace/outputs.h"
#include "tools/pwtrace/state.h"

#define CODES 94 /* the printable characters, of which identifiers consist */

static const char *const pin_name[PIN_BITS] = {"line", "remote_irr", "masked"};
static const char *const vector_name[VECTOR_BITS] = {"irr", "isr", "eoi_exit", "stale",
                                                     "in_flight"};

struct change {
    size_t time;
    unsigned guest, signal;
    bool value;
};

static struct change *changes;
static size_t change_count, room;

static bool now[SIGNALS]; /* of the guest that is being replayed */

static void add(const struct change *change) {
    if (change_count == room) {
        room = room ? 2 * room : 1024;
        changes = realloc(changes, room * sizeof(*changes));
        if (!changes)
            exit(2);
    }
    changes[change_count++] = *change;
}

void vcd_begin(const struct guest *guest, const struct world *world) {
    for (unsigned signal = 0; world && signal < SIGNALS; signal++) {
        now[signal] = state_signal(world, signal);
        if (now[signal])
            add(&(struct change){.guest = guest->index, .signal = signal, .value = true});
    }
}

void vcd_record(const struct guest *guest, size_t number, const struct world *world) {
    for (unsigned signal = 0; world && signal < SIGNALS; signal++) {
        bool value = state_signal(world, signal);
        if (value == now[signal])
            continue;
        now[signal] = value;
        add(&(struct change){
            .time = number + 1, .guest = guest->index, .signal = signal, .value = value});
    }
}

/* ---- writing ---- */

static int by_time(const void *left, const void *right) {
    const struct change *a = left, *b = right;

    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    if (a->guest != b->guest)
        return a->guest < b->guest ? -1 : 1;
    return a->signal < b->signal ? -1 : a->signal > b->signal;
}

static const char *code_of(unsigned guest, unsigned signal) {
    static char code[8];
    unsigned number = guest * SIGNALS + signal, length = 0;

    do {
        code[length++] = (char)('!' + number % CODES);
        number /= CODES;
    } while (number);
    code[length] = 0;
    return code;
}

/* A name may have characters that end an identifier of the format. */
static void write_scope(FILE *file, const char *name) {
    fprintf(file, "$scope module ");
    for (; *name; name++) {
        bool is_plain = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
                        (*name >= '0' && *name <= '9');
        fputc(is_plain ? *name : '_', file);
    }
    fprintf(file, " $end\n");
}

static void write_variable(FILE *file, unsigned guest, unsigned signal, const char *name) {
    fprintf(file, "$var wire 1 %s %s $end\n", code_of(guest, signal), name);
}

/* Declares those of `count` signals from `first` on that change, in a scope if there is one. */
static void write_scoped(FILE *file, unsigned guest, const char *scope, unsigned first,
                         unsigned count, const bool *used, const char *const *names) {
    bool is_open = false;

    for (unsigned i = 0; i < count; i++) {
        if (!used[first + i])
            continue;
        if (!is_open)
            write_scope(file, scope);
        is_open = true;
        write_variable(file, guest, first + i, names[i]);
    }
    if (is_open)
        fprintf(file, "$upscope $end\n");
}

static void write_guest(FILE *file, const struct guest *guest, const bool used[SIGNALS]) {
    char name[32];

    write_scope(file, guest->name);
    for (unsigned pin = 0; pin < IOAPIC_PIN_COUNT; pin++) {
        snprintf(name, sizeof(name), "pin%u", pin);
        write_scoped(file, guest->index, name, pin * PIN_BITS, PIN_BITS, used, pin_name);
    }
    for (unsigned vcpu = 0; vcpu < guest->log.vcpus; vcpu++) {
        snprintf(name, sizeof(name), "vcpu%u", vcpu);
        write_scope(file, name);
        for (unsigned vector = 0; vector < VECTOR_COUNT; vector++) {
            unsigned first = signal_of_vector(vcpu, vector, VECTOR_IRR);
            snprintf(name, sizeof(name), "vector%02x", vector);
            write_scoped(file, guest->index, name, first, VECTOR_BITS, used, vector_name);
        }
        fprintf(file, "$upscope $end\n");
    }
    fprintf(file, "$upscope $end\n");
}

/* A signal is used if it changes after the start; *initial receives its value at the start. */
static void find_used(unsigned guest, bool used[SIGNALS], bool initial[SIGNALS]) {
    for (unsigned signal = 0; signal < SIGNALS; signal++)
        used[signal] = initial[signal] = false;
    for (size_t i = 0; i < change_count; i++) {
        if (changes[i].guest == guest && changes[i].time == 0)
            initial[changes[i].signal] = true;
        else if (changes[i].guest == guest)
            used[changes[i].signal] = true;
    }
}

static void write_initial(FILE *file, unsigned guest) {
    static bool used[SIGNALS], initial[SIGNALS];

    find_used(guest, used, initial);
    for (unsigned signal = 0; signal < SIGNALS; signal++) {
        if (used[signal])
            fprintf(file, "%d%s\n", initial[signal], code_of(guest, signal));
    }
}

static void write_changes(FILE *file) {
    size_t time = 0;

    for (size_t i = 0; i < change_count; i++) {
        if (changes[i].time == 0)
            continue;
        if (changes[i].time != time)
            fprintf(file, "#%zu\n", changes[i].time);
        time = changes[i].time;
        fprintf(file, "%d%s\n", changes[i].value, code_of(changes[i].guest, changes[i].signal));
    }
}

void vcd_write(FILE *file, const struct guest *guests, unsigned count) {
    static bool used[SIGNALS], initial[SIGNALS];
    size_t end = 0;
    char loss[320];

    fprintf(file, "$version pwtrace $end\n"
                  "$comment The time is the number of the record, separately for each guest. $end\n"
                  "$timescale 1 ns $end\n");
    for (unsigned i = 0; i < count; i++) {
        guest_loss(loss, sizeof(loss), &guests[i]);
        fprintf(file, "$comment %s $end\n", loss);
        find_used(i, used, initial);
        write_guest(file, &guests[i], used);
        if (guest_has_state(&guests[i]) && guests[i].log.count > end)
            end = guests[i].log.count;
    }
    fprintf(file, "$enddefinitions $end\n#0\n$dumpvars\n");
    for (unsigned i = 0; i < count; i++)
        write_initial(file, i);
    fprintf(file, "$end\n");
    if (change_count)
        qsort(changes, change_count, sizeof(*changes), by_time);
    write_changes(file);
    fprintf(file, "#%zu\n", end + 1);
    free(changes);
}
