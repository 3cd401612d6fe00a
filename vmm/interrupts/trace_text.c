/* The trace as text: one terse line for each record, or one sentence for a reader who is learning.
 *
 * A record may hold anything, for example on a machine that has crashed: no field is trusted to be
 * in range. */
#include "arch/apic_registers.h"
#include "arch/msr.h"
#include "lib/format.h"
#include "vmm/interrupts/trace.h"

/* The terse form: the event, and its two values; NULL: not shown. */
static const struct {
    const char *name, *a, *b;
} terse[TRACE_EVENT_COUNT] = {
    [TRACE_NONE] = {"?"},
    [TRACE_LINE] = {"line", "level"},
    [TRACE_RTE_WRITE] = {"rte write", "old", "new"},
    [TRACE_DELIVER] = {"deliver", "destination", "accepted"},
    [TRACE_ACCEPT_EDGE] = {"accept edge", "own"},
    [TRACE_ACCEPT_LEVEL] = {"accept level", "pins", "behind"},
    [TRACE_SCAN] = {"scan", "reasons", "stale"},
    [TRACE_SCAN_ADD] = {"scan: add", "stale"},
    [TRACE_SCAN_REMOVE] = {"scan: remove"},
    [TRACE_SCAN_STALE] = {"scan: now stale"},
    [TRACE_SCAN_ROUTED] = {"scan: routed again"},
    [TRACE_EOI_LIVE] = {"eoi live", "pins"},
    [TRACE_EOI_STALE] = {"eoi stale", "pins"},
    [TRACE_EOI_COINCIDENTAL] = {"eoi coincidental"},
    [TRACE_REMOTE_IRR] = {"remote irr", "value"},
    [TRACE_ORPHANED] = {"orphaned", "vector now"},
    [TRACE_RESCAN] = {"rescan"},
    [TRACE_VCPU_START] = {"start", "at"},
    [TRACE_DROPPED] = {"dropped", "pins"},
    [TRACE_DEFERRED] = {"deferred"},
    [TRACE_REGISTER] = {"apic register", "offset", "value"},
    [TRACE_EXIT] = {"exit", "interrupt status", "eoi"},
    [TRACE_BITMAP] = {"eoi-exit bitmap", "low", "high"},
};

/* The sentence for each event, and the one instead if the value a, or b, is not 0. Events without
 * one are for programs. In a sentence stand $v for the vector, $p for the pins in a, $a for a in
 * decimal, $x for a in hexadecimal, $y for b in hexadecimal, $n for b as a number of vCPUs, $l for
 * the local APIC's register in a, $e for what changed in a redirection table entry, $w for why
 * there is a scan. */
static const struct {
    const char *text, *if_a, *if_b;
} sentence[TRACE_EVENT_COUNT] = {
    [TRACE_LINE] = {"the line goes low", .if_a = "the line goes high"},
    [TRACE_RTE_WRITE] = {"$e"},
    [TRACE_DELIVER] = {"the I/O APIC sends vector $v to destination $a: no local APIC accepts it",
                       .if_b = "the I/O APIC sends vector $v to destination $a: posted to $n"},
    [TRACE_ACCEPT_EDGE] = {"accepts vector $v (edge)",
                           .if_a = "accepts vector $v (edge), sent by itself"},
    [TRACE_ACCEPT_LEVEL] = {"accepts vector $v (level, $p): its EOI must reach the I/O APIC",
                            .if_b = "accepts vector $v (level, $p): it waits behind the instance "
                                    "in service"},
    [TRACE_SCAN] = {"scans the routes$w"},
    [TRACE_SCAN_ADD] = {"    vector $v: routed here, level-triggered: its EOI will cause a VM exit",
                        .if_a = "    vector $v: in flight, but not routed here: its EOI will cause "
                                "a VM exit (stale)"},
    [TRACE_SCAN_REMOVE] = {"    vector $v: its EOI no longer causes a VM exit"},
    [TRACE_SCAN_STALE] = {"    vector $v: in flight, but no longer routed here: its EOI-exit bit "
                          "is kept and marked stale"},
    [TRACE_SCAN_ROUTED] = {"    vector $v: routed here again: its EOI-exit bit is no longer stale"},
    [TRACE_EOI_LIVE] = {"EOI of vector $v exits, live: it ends the interrupt from $p"},
    [TRACE_EOI_STALE] = {"EOI of vector $v exits, stale: it ends the interrupt from $p, which was "
                         "rerouted in flight"},
    [TRACE_EOI_COINCIDENTAL] = {"EOI of vector $v exits, coincidental: no I/O APIC interrupt was "
                                "waiting for this EOI"},
    [TRACE_REMOTE_IRR] = {"Remote IRR is cleared",
                          .if_a = "Remote IRR is set: the pin sends nothing more until its EOI"},
    [TRACE_ORPHANED] = {"the EOI of vector $v leaves Remote IRR set: the entry's vector is now $x"},
    [TRACE_RESCAN] = {"last in-flight EOI of vector $v done: requests a scan to drop its stale "
                      "bit"},
    [TRACE_VCPU_START] = {"starts at $x"},
    [TRACE_DROPPED] = {"resets its local APIC with vector $v in flight: no EOI will reach $p"},
    [TRACE_DEFERRED] = {"storm: at most one delivery per tick from here"},
    [TRACE_REGISTER] = {"resets its local APIC (INIT)", .if_a = "writes its local APIC's $l: $y"},
};

#define GROUPED_SIZE 27 /* 20 digits, 6 commas, the terminating zero */

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

/* Ends a line. */
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
    text_add(&text, ": %s", terse[event].name);
    if (terse[event].a)
        text_add(&text, ", %s 0x%lx", terse[event].a, record->a);
    if (terse[event].b)
        text_add(&text, ", %s 0x%lx", terse[event].b, record->b);
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
    return entry & RTE_LOGICAL ? "logical" : "APIC ID";
}

/* What a write to a redirection table entry changed, in words. */
static void add_entry_changes(struct text *text, uint64_t old, uint64_t new) {
    static const char *const mode[8] = {"fixed", "lowest priority", "SMI",   "mode 3", "NMI",
                                        "INIT",  "reserved mode",   "ExtINT"};
    static const struct {
        uint64_t bit;
        const char *cleared, *set;
    } bits[] = {{RTE_LEVEL, "level -> edge", "edge -> level"},
                {RTE_ACTIVE_LOW, "active high", "active low"},
                {RTE_MASKED, "unmasked", "masked"}};
    const char *between = "the guest changes the pin's entry: ";
    uint64_t diff = old ^ new;

    if (!diff)
        text_add(text, "the guest writes the pin's entry: no change");
    if (diff & RTE_VECTOR_MASK) {
        text_add(text, "%svector 0x%02x -> 0x%02x", between, rte_vector(old), rte_vector(new));
        between = ", ";
    }
    if (diff >> RTE_DESTINATION_SHIFT || (diff & RTE_LOGICAL)) {
        text_add(text, "%sdestination %s %u -> %s %u", between, destination_mode_name(old),
                 rte_destination(old), destination_mode_name(new), rte_destination(new));
        between = ", ";
    }
    if (apic_delivery_mode(old) != apic_delivery_mode(new)) {
        text_add(text, "%s%s -> %s", between, mode[apic_delivery_mode(old)],
                 mode[apic_delivery_mode(new)]);
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
    static const char *const why[] = {"a route has changed", "a local APIC has changed",
                                      "a stale bit is no longer needed"};
    const char *between = ", because ";

    for (unsigned i = 0; i < 3; i++) {
        if (reasons >> i & 1) {
            text_add(text, "%s%s", between, why[i]);
            between = " and ";
        }
    }
}

/* The registers that decide which destinations match a local APIC. */
static void add_register(struct text *text, uint64_t which) {
    switch (which) {
    case APIC_ID:
        text_add(text, "ID");
        break;
    case APIC_LDR:
        text_add(text, "LDR");
        break;
    case APIC_DFR:
        text_add(text, "DFR");
        break;
    case APIC_SVR:
        text_add(text, "SVR");
        break;
    case MSR_IA32_APIC_BASE:
        text_add(text, "IA32_APIC_BASE");
        break;
    default:
        text_add(text, "register 0x%lx", which);
        break;
    }
}

static void add_value(struct text *text, char which, const struct trace_record *record) {
    switch (which) {
    case 'v':
        text_add(text, "0x%02x", record->vector);
        break;
    case 'p':
        add_pins(text, record->a);
        break;
    case 'a':
        text_add(text, "%lu", record->a);
        break;
    case 'x':
        text_add(text, "0x%lx", record->a);
        break;
    case 'y':
        text_add(text, "0x%lx", record->b);
        break;
    case 'n':
        text_add(text, "%lu vCPU%s", record->b, record->b == 1 ? "" : "s");
        break;
    case 'l':
        add_register(text, record->a);
        break;
    case 'e':
        add_entry_changes(text, record->a, record->b);
        break;
    case 'w':
        add_reasons(text, record->a);
        break;
    default:
        break;
    }
}

static const char *sentence_of(const struct trace_record *record) {
    unsigned event = event_of(record);

    if (record->a && sentence[event].if_a)
        return sentence[event].if_a;
    if (record->b && sentence[event].if_b)
        return sentence[event].if_b;
    return sentence[event].text;
}

int trace_story(char *out, size_t size, const struct trace_record *record, uint64_t start) {
    struct text text = {.out = out, .size = size};
    const char *at = sentence_of(record);
    char number[GROUPED_SIZE];

    if (!at) {
        text_add(&text, "%s", "");
        return 0;
    }
    text_add(&text, "%15s  ", grouped(number, record->time - start));
    if (record->vcpu != TRACE_NO_VCPU)
        text_add(&text, "vCPU %-3u ", record->vcpu);
    else if (record->pin != TRACE_NO_PIN)
        text_add(&text, "pin %-4u ", record->pin);
    else
        text_add(&text, "%9s", "");
    for (; *at; at++) {
        if (*at == '$')
            add_value(&text, *++at, record);
        else
            text_add(&text, "%s", (char[]){*at, 0});
    }
    return add_repeats(&text, record);
}
