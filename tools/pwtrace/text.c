/* NAME.txt: the story, and below each record what it has changed in the state. */
#include <string.h>

#include "arch/vmx/exit_reason.h"
#include "lib/format.h"
#include "tools/pwtrace/outputs.h"
#include "tools/pwtrace/state.h"

#define STATE_SIZE 4096
#define INDENT     "                     "

/* What was last shown. */
static struct {
    char vcpu[WORLD_VCPUS][STATE_SIZE];
    char pin[IOAPIC_PIN_COUNT][STATE_SIZE];
    struct replay_count count;
} shown;

static void add_set(struct text *to, const char *name, const struct world *world, unsigned vcpu,
                    enum vector_bit bit) {
    bool is_empty = true;

    text_add(to, "%s", name);
    for (unsigned vector = 0; vector < VECTOR_COUNT; vector++) {
        if (state_vector(world, vcpu, (uint8_t)vector, bit)) {
            text_add(to, " %02x", vector);
            is_empty = false;
        }
    }
    if (is_empty)
        text_add(to, " -");
}

static void describe_vcpu(char out[STATE_SIZE], const struct world *world, unsigned vcpu) {
    struct text to = {.out = out, .size = STATE_SIZE};

    add_set(&to, "IRR", world, vcpu, VECTOR_IRR);
    add_set(&to, "; ISR", world, vcpu, VECTOR_ISR);
    add_set(&to, "; EOI exits", world, vcpu, VECTOR_EXIT);
    add_set(&to, "; stale", world, vcpu, VECTOR_STALE);
    add_set(&to, "; in flight", world, vcpu, VECTOR_IN_FLIGHT);
}

static void describe_pin(char out[STATE_SIZE], const struct world *world, unsigned pin) {
    format(out, STATE_SIZE, "line %s; Remote IRR %s; %s",
           state_pin(world, pin, PIN_LINE) ? "high" : "low",
           state_pin(world, pin, PIN_REMOTE_IRR) ? "set" : "clear",
           state_pin(world, pin, PIN_MASKED) ? "masked" : "unmasked");
}

static void show(FILE *file, const char *what, unsigned which, char before[STATE_SIZE],
                 const char *after) {
    if (strcmp(before, after) == 0)
        return;
    memcpy(before, after, strlen(after) + 1);
    if (file)
        fprintf(file, INDENT "= %s %u: %s\n", what, which, after);
}

/* With file NULL the state is only kept, for the comparison. */
static void show_state(FILE *file, const struct guest *guest, const struct world *world) {
    char now[STATE_SIZE];

    for (unsigned pin = 0; pin < IOAPIC_PIN_COUNT; pin++) {
        describe_pin(now, world, pin);
        show(file, "pin", pin, shown.pin[pin], now);
    }
    for (unsigned vcpu = 0; vcpu < guest->log.vcpus; vcpu++) {
        describe_vcpu(now, world, vcpu);
        show(file, "vCPU", vcpu, shown.vcpu[vcpu], now);
    }
}

/* What the processor did in the guest since its entry, which follows from RVI and SVI. */
static void show_silent(FILE *file) {
    const struct replay_count *count = replay_counted();
    unsigned delivered = count->delivered - shown.count.delivered;
    unsigned eois = count->silent_eois - shown.count.silent_eois;
    unsigned self_ipis = count->self_ipis - shown.count.self_ipis;

    shown.count = *count;
    if (delivered || eois || self_ipis)
        fprintf(file,
                INDENT "the processor, without an exit: interrupts delivered %u, EOIs %u, "
                       "self-IPIs %u\n",
                delivered, eois, self_ipis);
}

static void write_sentence(FILE *file, const struct trace_record *record) {
    char line[512];
    unsigned status = (unsigned)record->a;

    if (trace_story(line, sizeof(line), record, 0))
        fprintf(file, "%s\n", line);
    else if (record->event == TRACE_EXIT)
        fprintf(file, "%15lu  vCPU %-3u exits: %s (RVI %02x, SVI %02x)\n",
                (unsigned long)record->time, record->vcpu, exit_reason_name(record->vector),
                status & 0xff, status >> 8 & 0xff);
    else if (record->event == TRACE_BITMAP)
        fprintf(file, "%15lu  vCPU %-3u writes EOI-exit bitmap %02x to %02x: %016lx %016lx\n",
                (unsigned long)record->time, record->vcpu, record->vector, record->vector + 127u,
                (unsigned long)record->b, (unsigned long)record->a);
    else if (trace_text(line, sizeof(line), record, 0))
        fprintf(file, "%s\n", line);
}

void text_begin(FILE *file, const struct guest *guest, const struct world *world) {
    char loss[320];

    guest_loss(loss, sizeof(loss), guest);
    fprintf(file,
            "Guest %s: %u vCPUs, %zu records on %u CPUs. %s\n"
            "The number is that of the record; the log has no times. A line with \"=\" is the "
            "state after it, as far as it has changed; vectors are hexadecimal.\n\n",
            guest->name, guest->log.vcpus, guest->log.count, guest->log.cpus, loss);
    memset(&shown, 0, sizeof(shown));
    if (world)
        show_state(NULL, guest, world);
}

void text_record(FILE *file, const struct guest *guest, size_t number, const struct world *world) {
    struct trace_record record = guest->log.at[number].record;

    record.time = number + 1;
    write_sentence(file, &record);
    if (world) {
        show_silent(file);
        show_state(file, guest, world);
    }
}

void text_end(FILE *file, const struct guest *guest) {
    fprintf(file, "\n");
    if (!guest_has_state(guest))
        return;
    fprintf(file, "At the end of guest %s:\n", guest->name);
    for (unsigned pin = 0; pin < IOAPIC_PIN_COUNT; pin++)
        fprintf(file, "  pin %u: %s\n", pin, shown.pin[pin]);
    for (unsigned vcpu = 0; vcpu < guest->log.vcpus; vcpu++)
        fprintf(file, "  vCPU %u: %s\n", vcpu, shown.vcpu[vcpu]);
    fprintf(file, "\n");
}
