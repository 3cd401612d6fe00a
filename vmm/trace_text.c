/* The trace as text: one terse line for each record, or one sentence for a reader who learns.
 *
 * Records may come from anywhere, a crashed machine too: every field is taken as any number. */
#include <stdarg.h>
#include <stdbool.h>

#include "arch/apic_registers.h"
#include "drivers/format.h"
#include "vmm/trace.h"

/* Text that grows to the right; what does not fit is cut. */
struct text {
    char *out;
    size_t size, length;
};

__attribute__((format(printf, 2, 3))) static void say(struct text *text, const char *fmt, ...)
{
    size_t at = text->length < text->size ? text->length : text->size;
    va_list args;

    va_start(args, fmt);
    text->length += (size_t)format_va(text->out + at, text->size - at, fmt, args);
    va_end(args);
}

#define GROUPED_SIZE 27 /* 20 digits, 6 commas, the end */

/* 1234567 as 1,234,567. */
static const char *grouped(char out[GROUPED_SIZE], uint64_t value)
{
    char *at = out + GROUPED_SIZE - 1;

    *at = 0;
    for (unsigned digits = 0; digits == 0 || value; digits++, value /= 10) {
        if (digits && digits % 3 == 0)
            *--at = ',';
        *--at = (char)('0' + value % 10);
    }
    return at;
}

static void say_time(struct text *text, uint64_t time)
{
    char number[GROUPED_SIZE];

    say(text, "%15s  ", grouped(number, time));
}

static void say_repeats(struct text *text, const struct trace_record *record)
{
    char number[GROUPED_SIZE];

    if (record->repeats)
        say(text, "  ... and %s more like it", grouped(number, record->repeats));
}

/* "pin 5" or "pins 5, 9". */
static void say_pins(struct text *text, uint64_t pins)
{
    const char *between = pins & (pins - 1) ? "pins " : "pin ";

    for (unsigned pin = 0; pin < 64; pin++) {
        if (pins >> pin & 1) {
            say(text, "%s%u", between, pin);
            between = ", ";
        }
    }
}

/* ---- the terse form ---- */

static const struct {
    const char *name, *a, *b; /* what a and b are; NULL: not used */
} events[TRACE_EVENT_COUNT] = {
    [TRACE_LINE] = {"line", "level", 0},
    [TRACE_RTE_WRITE] = {"rte write", "old", "new"},
    [TRACE_DELIVER] = {"deliver", "destination", "accepted"},
    [TRACE_ACCEPT_EDGE] = {"accept edge", 0, 0},
    [TRACE_ACCEPT_LEVEL] = {"accept level", "pins", "behind"},
    [TRACE_SCAN] = {"scan", "reasons", "stale"},
    [TRACE_SCAN_ADD] = {"scan: add", "stale", 0},
    [TRACE_SCAN_REMOVE] = {"scan: remove", 0, 0},
    [TRACE_SCAN_STALE] = {"scan: now stale", 0, 0},
    [TRACE_SCAN_ROUTED] = {"scan: routed again", 0, 0},
    [TRACE_EOI_LIVE] = {"eoi live", "pins", 0},
    [TRACE_EOI_STALE] = {"eoi stale", "pins", 0},
    [TRACE_EOI_COINCIDENTAL] = {"eoi coincidental", 0, 0},
    [TRACE_REMOTE_IRR] = {"remote irr", "value", 0},
    [TRACE_ORPHANED] = {"orphaned", "vector now", 0},
    [TRACE_RESCAN] = {"rescan", 0, 0},
    [TRACE_KICK] = {"kick", 0, 0},
    [TRACE_VCPU_START] = {"start", "at", 0},
    [TRACE_DROPPED] = {"dropped", "pins", 0},
    [TRACE_DEFERRED] = {"deferred", 0, 0},
};

int trace_text(char *out, size_t size, const struct trace_record *record, uint64_t start)
{
    struct text text = {.out = out, .size = size};
    unsigned event = record->event < TRACE_EVENT_COUNT ? record->event : TRACE_NONE;

    say_time(&text, record->time - start);
    say(&text, "guest %u", record->guest);
    if (record->vcpu != TRACE_NO_VCPU)
        say(&text, " vcpu %u", record->vcpu);
    if (record->pin != TRACE_NO_PIN)
        say(&text, " pin %u", record->pin);
    if (record->vector)
        say(&text, " vector 0x%02x", record->vector);
    say(&text, ": %s", events[event].name ? events[event].name : "?");
    if (events[event].a)
        say(&text, ", %s 0x%lx", events[event].a, record->a);
    if (events[event].b)
        say(&text, ", %s 0x%lx", events[event].b, record->b);
    say_repeats(&text, record);
    return (int)text.length;
}

/* ---- the story ---- */

static const char *delivery_mode_name(uint64_t entry)
{
    static const char *const name[8] = {"fixed", "lowest priority", "SMI",   "mode 3", "NMI",
                                        "INIT",  "reserved mode",   "ExtINT"};

    return name[rte_delivery_mode(entry)];
}

static const char *destination_mode_name(uint64_t entry)
{
    return entry & RTE_LOGICAL ? "logical" : "APIC";
}

/* What a write to a redirection table entry changed, in words, each change once. */
static void say_entry_changes(struct text *text, uint64_t old, uint64_t new)
{
    const char *between = "the guest changes its route: ";
    uint64_t diff = old ^ new;

    if (diff & RTE_VECTOR_MASK) {
        say(text, "%svector 0x%02x -> 0x%02x", between, rte_vector(old), rte_vector(new));
        between = ", ";
    }
    if (diff >> RTE_DESTINATION_SHIFT || (diff & RTE_LOGICAL)) {
        say(text, "%sdestination %s %u -> %s %u", between, destination_mode_name(old),
            rte_destination(old), destination_mode_name(new), rte_destination(new));
        between = ", ";
    }
    if (diff & RTE_LEVEL) {
        say(text, "%s%s", between, new &RTE_LEVEL ? "edge -> level" : "level -> edge");
        between = ", ";
    }
    if (rte_delivery_mode(old) != rte_delivery_mode(new)) {
        say(text, "%s%s -> %s", between, delivery_mode_name(old), delivery_mode_name(new));
        between = ", ";
    }
    if (diff & RTE_ACTIVE_LOW) {
        say(text, "%sactive %s", between, new &RTE_ACTIVE_LOW ? "low" : "high");
        between = ", ";
    }
    if (diff & RTE_MASKED)
        say(text, "%s%s", between, new &RTE_MASKED ? "masked" : "unmasked");
    else if (!diff)
        say(text, "the guest writes its route as it was");
}

static void say_reasons(struct text *text, uint64_t reasons)
{
    static const char *const why[] = {"a route changed", "a local APIC changed",
                                      "a stale bit was used up"};
    const char *between = ", because ";

    say(text, "scans the routes");
    for (unsigned i = 0; i < 3; i++) {
        if (reasons >> i & 1) {
            say(text, "%s%s", between, why[i]);
            between = " and ";
        }
    }
}

static void say_delivery(struct text *text, const struct trace_record *record)
{
    say(text, "the I/O APIC sends vector 0x%02x to destination %lu: ", record->vector, record->a);
    if (record->b == 0)
        say(text, "nobody accepts it");
    else if (record->b == 1)
        say(text, "accepted");
    else
        say(text, "accepted by %lu", record->b);
}

static void say_acceptance(struct text *text, const struct trace_record *record)
{
    say(text, "accepts vector 0x%02x (level, ", record->vector);
    say_pins(text, record->a);
    say(text,
        record->b ? "): it waits behind the one in service" : "): the I/O APIC is owed its EOI");
}

static void say_eoi(struct text *text, const struct trace_record *record)
{
    say(text, "EOI of vector 0x%02x exits: ", record->vector);
    if (record->event == TRACE_EOI_COINCIDENTAL) {
        say(text, "coincidental, nothing from the I/O APIC was behind it");
    } else if (record->event == TRACE_EOI_STALE) {
        say(text, "stale, the route has gone elsewhere but this one came from ");
        say_pins(text, record->a);
    } else {
        say(text, "live, it came from ");
        say_pins(text, record->a);
    }
}

/* What the scan did to one vector's bit. */
static void say_scan_change(struct text *text, const struct trace_record *record)
{
    say(text, "    vector 0x%02x: ", record->vector);
    switch (record->event) {
    case TRACE_SCAN_ADD:
        say(text, record->a ? "its EOI will exit: in flight, though no route leads here (stale)"
                            : "its EOI will exit: a level route leads here");
        break;
    case TRACE_SCAN_REMOVE:
        say(text, "its EOI exits no longer");
        break;
    case TRACE_SCAN_STALE:
        say(text, "no route leads here now, but one is in flight: its bit stays, stale");
        break;
    default:
        say(text, "a route leads here again: its bit is not stale now");
        break;
    }
}

static bool say_sentence(struct text *text, const struct trace_record *record)
{
    switch (record->event) {
    case TRACE_LINE:
        say(text, "the line goes %s", record->a ? "high" : "low");
        return true;
    case TRACE_RTE_WRITE:
        say_entry_changes(text, record->a, record->b);
        return true;
    case TRACE_DELIVER:
        say_delivery(text, record);
        return true;
    case TRACE_ACCEPT_EDGE:
        say(text, "accepts vector 0x%02x (edge)", record->vector);
        return true;
    case TRACE_ACCEPT_LEVEL:
        say_acceptance(text, record);
        return true;
    case TRACE_SCAN:
        say_reasons(text, record->a);
        return true;
    case TRACE_SCAN_ADD:
    case TRACE_SCAN_REMOVE:
    case TRACE_SCAN_STALE:
    case TRACE_SCAN_ROUTED:
        say_scan_change(text, record);
        return true;
    case TRACE_EOI_LIVE:
    case TRACE_EOI_STALE:
    case TRACE_EOI_COINCIDENTAL:
        say_eoi(text, record);
        return true;
    case TRACE_REMOTE_IRR:
        say(text,
            record->a ? "Remote IRR is set: the pin waits for its EOI" : "Remote IRR is cleared");
        return true;
    case TRACE_ORPHANED:
        say(text, "the EOI of vector 0x%02x leaves Remote IRR set: the route has 0x%02lx now",
            record->vector, record->a & 0xff);
        return true;
    case TRACE_RESCAN:
        say(text, "asks for one scan: the stale bit of vector 0x%02x is used up", record->vector);
        return true;
    case TRACE_KICK:
        say(text, "is called out of the guest");
        return true;
    case TRACE_VCPU_START:
        say(text, "starts at 0x%lx", record->a);
        return true;
    case TRACE_DROPPED:
        say(text, "is reset with vector 0x%02x in flight: its EOI will not come, for ",
            record->vector);
        say_pins(text, record->a);
        return true;
    case TRACE_DEFERRED:
        say(text, "the line is stuck: from now on one delivery a tick");
        return true;
    default:
        return false;
    }
}

int trace_story(char *out, size_t size, const struct trace_record *record, uint64_t start)
{
    struct text text = {.out = out, .size = size};

    say_time(&text, record->time - start);
    if (record->vcpu != TRACE_NO_VCPU)
        say(&text, "vCPU %-3u ", record->vcpu);
    else if (record->pin != TRACE_NO_PIN)
        say(&text, "pin %-4u ", record->pin);
    else
        say(&text, "%9s", "");
    if (!say_sentence(&text, record)) {
        if (size)
            out[0] = 0;
        return 0;
    }
    say_repeats(&text, record);
    return (int)text.length;
}
