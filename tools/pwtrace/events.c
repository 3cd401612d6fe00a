/* NAME.json: Chrome trace events, which Perfetto and speedscope open.
 *
 * A process for each guest, a track for each vCPU and each pin whose line rises. On a vCPU's track
 * stand its VM exits, each as a slice that lasts while the CPU records what it does about the exit;
 * on a pin's track the times at which the line is high. An arrow leads from the rise of a line to
 * each EOI that ends the interrupt from it. One record is one microsecond. */
#include <string.h>

#include "arch/vmx/exit_reason.h"
#include "tests/world.h"
#include "tools/pwtrace/outputs.h"

#define PIN_TRACK 100u /* the track of pin 0; that of vCPU 0 is 1 */

static unsigned flows;
static const char *between;

/* Times are those of records, from 1; 0 is none. */
static struct {
    size_t high[IOAPIC_PIN_COUNT]; /* when the line has risen, while it is high */
    size_t rise[IOAPIC_PIN_COUNT]; /* the rise that the I/O APIC has not sent yet */
    size_t sent[IOAPIC_PIN_COUNT]; /* the rise that it has sent last */
    bool remote_irr[IOAPIC_PIN_COUNT];
    /* the rises that the instances of a vector come from: [0] front, [1] behind */
    size_t owed[WORLD_VCPUS][VECTOR_COUNT][2][IOAPIC_PIN_COUNT];
} state;

static void write_text(FILE *file, const char *text) {
    fputc('"', file);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fputc('\\', file);
        if (c < 0x20 || c > 0x7e)
            fprintf(file, "\\u%04x", c);
        else
            fputc(c, file);
    }
    fputc('"', file);
}

static void begin_event(FILE *file, char phase, const char *name, unsigned process,
                        unsigned track) {
    fprintf(file, "%s\n{\"ph\":\"%c\",\"pid\":%u,\"tid\":%u,\"name\":", between, phase, process,
            track);
    write_text(file, name);
    between = ",";
}

static void write_name(FILE *file, const char *what, unsigned process, unsigned track,
                       const char *name) {
    begin_event(file, 'M', what, process, track);
    fprintf(file, ",\"args\":{\"name\":");
    write_text(file, name);
    fprintf(file, "}}");
}

static void write_slice(FILE *file, const struct guest *guest, unsigned track, const char *name,
                        size_t start, size_t end) {
    begin_event(file, 'X', name, guest->index + 1, track);
    fprintf(file, ",\"cat\":\"%s\",\"ts\":%zu,\"dur\":%zu", track < PIN_TRACK ? "exit" : "line",
            start, end - start);
}

/* ---- VM exits ---- */

/* The time after the last record that the CPU has made before the next exit that it handles, but
 * not after the next exit of the same vCPU. */
static size_t end_of_exit(const struct log *log, size_t number) {
    const struct logged *exit = &log->at[number];
    size_t last = number;

    for (size_t i = number + 1; i < log->count; i++) {
        bool is_exit = log->at[i].record.event == TRACE_EXIT;
        bool is_same_cpu = log->at[i].cpu == exit->cpu;
        if (is_exit && (is_same_cpu || log->at[i].record.vcpu == exit->record.vcpu))
            break;
        if (is_same_cpu)
            last = i;
    }
    return last + 2;
}

static void write_exit(FILE *file, const struct guest *guest, size_t number) {
    const struct trace_record *record = &guest->log.at[number].record;
    unsigned status = (unsigned)record->a;

    write_slice(file, guest, record->vcpu + 1u, exit_reason_name(record->vector), number + 1,
                end_of_exit(&guest->log, number));
    fprintf(file, ",\"args\":{\"RVI\":\"%02x\",\"SVI\":\"%02x\",\"line in the log\":%u}}",
            status & 0xff, status >> 8 & 0xff, guest->log.at[number].line);
}

/* Any other record: a mark with its sentence. */
static void write_mark(FILE *file, const struct guest *guest, size_t number) {
    struct trace_record record = guest->log.at[number].record;
    char text[512];
    unsigned track = record.vcpu != TRACE_NO_VCPU ? record.vcpu + 1u : PIN_TRACK + record.pin;

    if (!trace_story(text, sizeof(text), &record, 0) ||
        (record.vcpu == TRACE_NO_VCPU && record.pin == TRACE_NO_PIN))
        return;
    const char *sentence = text + 26; /* after the time and the vCPU or pin */
    while (*sentence == ' ')
        sentence++;
    begin_event(file, 'i', sentence, guest->index + 1, track);
    fprintf(file, ",\"cat\":\"record\",\"s\":\"t\",\"ts\":%zu}", number + 1);
}

/* ---- from a line's rise to its EOI ---- */

static void write_flow(FILE *file, const struct guest *guest, unsigned pin, size_t rise,
                       unsigned vcpu, size_t eoi) {
    flows++;
    begin_event(file, 's', "interrupt", guest->index + 1, PIN_TRACK + pin);
    fprintf(file, ",\"cat\":\"flow\",\"id\":%u,\"ts\":%zu}", flows, rise);
    begin_event(file, 'f', "interrupt", guest->index + 1, vcpu + 1);
    fprintf(file, ",\"cat\":\"flow\",\"bp\":\"e\",\"id\":%u,\"ts\":%zu}", flows, eoi);
}

static void line_changed(FILE *file, const struct guest *guest, unsigned pin, bool level,
                         size_t time) {
    if (!level && state.high[pin]) {
        write_slice(file, guest, PIN_TRACK + pin, "line high", state.high[pin], time);
        fprintf(file, "}");
    }
    state.high[pin] = state.rise[pin] = level ? time : 0;
}

static void sent(unsigned pin) {
    state.sent[pin] = state.rise[pin];
    state.rise[pin] = 0;
}

/* Another CPU may accept the interrupt before the sender records Remote IRR. */
static void accepted(const struct trace_record *record) {
    for (unsigned pin = 0; pin < IOAPIC_PIN_COUNT; pin++) {
        if (!(record->a >> pin & 1))
            continue;
        size_t rise = !state.remote_irr[pin] && state.rise[pin] ? state.rise[pin] : state.sent[pin];
        state.owed[record->vcpu][record->vector][record->b != 0][pin] = rise;
    }
}

static void retired(FILE *file, const struct guest *guest, const struct trace_record *record,
                    size_t time) {
    size_t(*owed)[IOAPIC_PIN_COUNT] = state.owed[record->vcpu][record->vector];

    for (unsigned pin = 0; pin < IOAPIC_PIN_COUNT; pin++) {
        if (owed[0][pin] && record->a >> pin & 1)
            write_flow(file, guest, pin, owed[0][pin], record->vcpu, time);
        owed[0][pin] = owed[1][pin];
        owed[1][pin] = 0;
    }
}

static void follow(FILE *file, const struct guest *guest, size_t number) {
    const struct trace_record *record = &guest->log.at[number].record;

    switch (record->event) {
    case TRACE_LINE:
        line_changed(file, guest, record->pin, record->a != 0, number + 1);
        break;
    case TRACE_REMOTE_IRR:
        if (record->pin >= IOAPIC_PIN_COUNT)
            break;
        state.remote_irr[record->pin] = record->a != 0;
        if (record->a)
            sent(record->pin);
        break;
    case TRACE_ACCEPT_LEVEL:
        accepted(record);
        break;
    case TRACE_EOI_LIVE:
    case TRACE_EOI_STALE:
    case TRACE_EOI_COINCIDENTAL: /* ends nothing, but what waits behind is next */
        retired(file, guest, record, number + 1);
        break;
    case TRACE_DROPPED:
        memset(state.owed[record->vcpu][record->vector], 0,
               sizeof(state.owed[record->vcpu][record->vector]));
        break;
    default:
        break;
    }
}

/* ---- the file ---- */

static void write_tracks(FILE *file, const struct guest *guest) {
    char name[32];

    write_name(file, "process_name", guest->index + 1, 0, guest->name);
    for (unsigned vcpu = 0; vcpu < guest->log.vcpus; vcpu++) {
        snprintf(name, sizeof(name), "vCPU %u", vcpu);
        write_name(file, "thread_name", guest->index + 1, vcpu + 1, name);
    }
    for (unsigned pin = 0; pin < IOAPIC_PIN_COUNT; pin++) {
        snprintf(name, sizeof(name), "pin %u", pin);
        write_name(file, "thread_name", guest->index + 1, PIN_TRACK + pin, name);
    }
}

void events_begin(FILE *file) {
    flows = 0;
    between = "";
    fprintf(file, "{\"otherData\":{\"time\":\"One record is one microsecond: the log has no "
                  "times.\"},\n\"traceEvents\":[");
}

void events_guest(FILE *file, const struct guest *guest) {
    const struct log *log = &guest->log;
    char loss[320];

    memset(&state, 0, sizeof(state));
    write_tracks(file, guest);
    guest_loss(loss, sizeof(loss), guest);
    begin_event(file, 'M', "process_labels", guest->index + 1, 0);
    fprintf(file, ",\"args\":{\"labels\":");
    write_text(file, loss);
    fprintf(file, "}}");
    for (size_t i = 0; i < log->count; i++) {
        if (log->at[i].record.event == TRACE_EXIT)
            write_exit(file, guest, i);
        else
            write_mark(file, guest, i);
        follow(file, guest, i);
    }
    for (unsigned pin = 0; pin < IOAPIC_PIN_COUNT; pin++)
        line_changed(file, guest, pin, false, log->count + 1);
}

void events_end(FILE *file) {
    fprintf(file, "\n]}\n");
}
