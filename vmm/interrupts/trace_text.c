/* The trace as text: one terse line for each record, or one sentence for a reader who learns.
 *
 * A table has the words for each event. Records may come from anywhere, a crashed machine too:
 * every field is taken as any number. */
#include "arch/apic_registers.h"
#include "lib/format.h"
#include "vmm/interrupts/trace.h"

/* What a and b are, NULL: not used; and the sentence, which may be another one if the last of them
 * that is used is not 0. In it $v is the vector, $p the pins in a, $a and $b are numbers, $x is a
 * in hexadecimal, $r what changed in a route, $w why there is a scan. */
static const struct {
    const char *name, *a, *b;
    const char *story, *other;
} events[TRACE_EVENT_COUNT] = {
    [TRACE_NONE] = {"?", 0, 0, "", 0},
    [TRACE_LINE] = {"line", "level", 0, "the line goes low", "the line goes high"},
    [TRACE_RTE_WRITE] = {"rte write", "old", "new", "$r", 0},
    [TRACE_DELIVER] = {"deliver", "destination", "accepted",
                       "the I/O APIC sends vector $v to destination $a: nobody accepts it",
                       "the I/O APIC sends vector $v to destination $a: accepted by $b"},
    [TRACE_ACCEPT_EDGE] = {"accept edge", "own", 0, "accepts vector $v (edge)", 0},
    [TRACE_ACCEPT_LEVEL] = {"accept level", "pins", "behind",
                            "accepts vector $v (level, $p): the I/O APIC is owed its EOI",
                            "accepts vector $v (level, $p): it waits behind the one in service"},
    [TRACE_SCAN] = {"scan", "reasons", "stale", "scans the routes$w", 0},
    [TRACE_SCAN_ADD] = {"scan: add", "stale", 0,
                        "    vector $v: its EOI will exit: a level route leads here",
                        "    vector $v: its EOI will exit: in flight, though no route leads here "
                        "(stale)"},
    [TRACE_SCAN_REMOVE] = {"scan: remove", 0, 0, "    vector $v: its EOI exits no longer", 0},
    [TRACE_SCAN_STALE] = {"scan: now stale", 0, 0,
                          "    vector $v: no route leads here now, but one is in flight: its bit "
                          "stays, stale",
                          0},
    [TRACE_SCAN_ROUTED] = {"scan: routed again", 0, 0,
                           "    vector $v: a route leads here again: its bit is not stale now", 0},
    [TRACE_EOI_LIVE] = {"eoi live", "pins", 0, "EOI of vector $v exits: live, it came from $p", 0},
    [TRACE_EOI_STALE] = {"eoi stale", "pins", 0,
                         "EOI of vector $v exits: stale, the route has gone elsewhere but this one "
                         "came from $p",
                         0},
    [TRACE_EOI_COINCIDENTAL] = {"eoi coincidental", 0, 0,
                                "EOI of vector $v exits: coincidental, nothing from the I/O APIC "
                                "was behind it",
                                0},
    [TRACE_REMOTE_IRR] = {"remote irr", "value", 0, "Remote IRR is cleared",
                          "Remote IRR is set: the pin waits for its EOI"},
    [TRACE_ORPHANED] = {"orphaned", "vector now", 0,
                        "the EOI of vector $v leaves Remote IRR set: the route has $x now", 0},
    [TRACE_RESCAN] = {"rescan", 0, 0, "asks for one scan: the stale bit of vector $v is used up",
                      0},
    [TRACE_KICK] = {"kick", 0, 0, "is called out of the guest", 0},
    [TRACE_VCPU_START] = {"start", "at", 0, "starts at $x", 0},
    [TRACE_DROPPED] = {"dropped", "pins", 0,
                       "is reset with vector $v in flight: its EOI will not come, for $p", 0},
    [TRACE_REGISTER] = {"apic register", "offset", "value",
                        "changes what its local APIC answers to", 0},
    [TRACE_EXIT] = {"exit", "interrupt status", "eoi", "", 0},
    [TRACE_BITMAP] = {"eoi-exit bitmap", "low", "high", "", 0},
    [TRACE_DEFERRED] = {"deferred", 0, 0, "the line is stuck: from now on one delivery a tick", 0},
};

#define GROUPED_SIZE 27 /* 20 digits, 6 commas, the end */

/* 1234567 as 1,234,567. */
static const char *grouped(char out[GROUPED_SIZE], uint64_t value) {
    char *at = out + GROUPED_SIZE - 1;

    *at = 0;
    for (unsigned digits = 0; digits == 0 || value; digits++, value /= 10) {
        if (digits && digits % 3 == 0)
            *--at = ',';
        *--at = (char)('0' + value % 10);
    }
    return at;
}

/* The end of a line. */
static int add_repeats(struct text *text, const struct trace_record *record) {
    char number[GROUPED_SIZE];

    if (record->repeats)
        text_add(text, "  ... and %s more like it", grouped(number, record->repeats));
    return (int)text->length;
}

static unsigned event_of(const struct trace_record *record) {
    return record->event < TRACE_EVENT_COUNT ? record->event : TRACE_NONE;
}

int trace_text(char *out, size_t size, const struct trace_record *record, uint64_t start) {
    struct text text = {.out = out, .size = size};
    unsigned event = event_of(record);
    char number[GROUPED_SIZE];

    text_add(&text, "%15s  ", grouped(number, record->time - start));
    text_add(&text, "guest %u", record->guest);
    if (record->vcpu != TRACE_NO_VCPU)
        text_add(&text, " vcpu %u", record->vcpu);
    if (record->pin != TRACE_NO_PIN)
        text_add(&text, " pin %u", record->pin);
    if (record->vector)
        text_add(&text, " vector 0x%02x", record->vector);
    text_add(&text, ": %s", events[event].name);
    if (events[event].a)
        text_add(&text, ", %s 0x%lx", events[event].a, record->a);
    if (events[event].b)
        text_add(&text, ", %s 0x%lx", events[event].b, record->b);
    return add_repeats(&text, record);
}

/* ---- the story ---- */

/* "pin 5" or "pins 5, 9". */
static void add_pins(struct text *text, uint64_t pins) {
    const char *between = pins & (pins - 1) ? "pins " : "pin ";

    for (unsigned pin = 0; pin < 64; pin++) {
        if (pins >> pin & 1) {
            text_add(text, "%s%u", between, pin);
            between = ", ";
        }
    }
}

static const char *destination_mode_name(uint64_t entry) {
    return entry & RTE_LOGICAL ? "logical" : "APIC";
}

/* What a write to a redirection table entry changed, in words, each change once. */
static void add_route_changes(struct text *text, uint64_t old, uint64_t new) {
    static const char *const mode[8] = {"fixed", "lowest priority", "SMI",   "mode 3", "NMI",
                                        "INIT",  "reserved mode",   "ExtINT"};
    static const struct {
        uint64_t bit;
        const char *cleared, *set;
    } bits[] = {{RTE_LEVEL, "level -> edge", "edge -> level"},
                {RTE_ACTIVE_LOW, "active high", "active low"},
                {RTE_MASKED, "unmasked", "masked"}};
    const char *between = "the guest changes its route: ";
    uint64_t diff = old ^ new;

    if (!diff)
        text_add(text, "the guest writes its route as it was");
    if (diff & RTE_VECTOR_MASK) {
        text_add(text, "%svector 0x%02x -> 0x%02x", between, rte_vector(old), rte_vector(new));
        between = ", ";
    }
    if (diff >> RTE_DESTINATION_SHIFT || (diff & RTE_LOGICAL)) {
        text_add(text, "%sdestination %s %u -> %s %u", between, destination_mode_name(old),
                 rte_destination(old), destination_mode_name(new), rte_destination(new));
        between = ", ";
    }
    if (rte_delivery_mode(old) != rte_delivery_mode(new)) {
        text_add(text, "%s%s -> %s", between, mode[rte_delivery_mode(old)],
                 mode[rte_delivery_mode(new)]);
        between = ", ";
    }
    for (unsigned i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        if (diff & bits[i].bit) {
            text_add(text, "%s%s", between, new &bits[i].bit ? bits[i].set : bits[i].cleared);
            between = ", ";
        }
    }
}

static void add_reasons(struct text *text, uint64_t reasons) {
    static const char *const why[] = {"a route changed", "a local APIC changed",
                                      "a stale bit was used up"};
    const char *between = ", because ";

    for (unsigned i = 0; i < 3; i++) {
        if (reasons >> i & 1) {
            text_add(text, "%s%s", between, why[i]);
            between = " and ";
        }
    }
}

static void add_value(struct text *text, char which, const struct trace_record *record) {
    if (which == 'v')
        text_add(text, "0x%02x", record->vector);
    else if (which == 'p')
        add_pins(text, record->a);
    else if (which == 'r')
        add_route_changes(text, record->a, record->b);
    else if (which == 'w')
        add_reasons(text, record->a);
    else if (which == 'x')
        text_add(text, "0x%lx", record->a);
    else
        text_add(text, "%lu", which == 'a' ? record->a : record->b);
}

int trace_story(char *out, size_t size, const struct trace_record *record, uint64_t start) {
    struct text text = {.out = out, .size = size};
    unsigned event = event_of(record);
    char number[GROUPED_SIZE];
    uint64_t last = events[event].b ? record->b : record->a;
    const char *story = last && events[event].other ? events[event].other : events[event].story;

    if (!*story) {
        text_add(&text, "%s", story);
        return 0;
    }
    text_add(&text, "%15s  ", grouped(number, record->time - start));
    if (record->vcpu != TRACE_NO_VCPU)
        text_add(&text, "vCPU %-3u ", record->vcpu);
    else if (record->pin != TRACE_NO_PIN)
        text_add(&text, "pin %-4u ", record->pin);
    else
        text_add(&text, "%9s", "");
    for (; *story; story++) {
        if (*story == '$')
            add_value(&text, *++story, record);
        else
            text_add(&text, "%s", (char[]){*story, 0});
    }
    return add_repeats(&text, record);
}
