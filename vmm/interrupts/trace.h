/* The trace: every event of the interrupt path, always recorded.
 *
 * Each physical CPU has a ring of fixed-size records. An event that equals the one before it is
 * folded into that record: it only increments a count, so that ten thousand equal exits do not
 * overwrite the rest. Pure: the caller supplies the time. trace_text() formats a record as one
 * terse line, trace_story() as a sentence. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trace_event {
    TRACE_NONE,
    TRACE_LINE,         /* a line changed: pin, a = new level */
    TRACE_RTE_WRITE,    /* a = old entry, b = new entry: pin */
    TRACE_DELIVER,      /* the I/O APIC sent: pin, vector, a = destination, b = how many accepted */
    TRACE_ACCEPT_EDGE,  /* into the IRR: vcpu, vector, a = 1 if the vCPU sent it to itself */
    TRACE_ACCEPT_LEVEL, /* into the IRR: vcpu, vector, a = pins, b = 0 front, 1 behind */
    TRACE_SCAN,         /* vcpu, a = reasons, b = number of stale vectors; the changes follow */
    TRACE_SCAN_ADD,     /* vcpu, vector: its EOI-exit bit was set; a = 1 if stale */
    TRACE_SCAN_REMOVE,  /* vcpu, vector: its EOI-exit bit was cleared */
    TRACE_SCAN_STALE,   /* vcpu, vector: its bit was explained by a route and is stale now */
    TRACE_SCAN_ROUTED,  /* vcpu, vector: its bit was stale and is explained by a route again */
    TRACE_EOI_LIVE,     /* an EOI exited: vcpu, vector, a = pins retired */
    TRACE_EOI_STALE,
    TRACE_EOI_COINCIDENTAL,
    TRACE_REMOTE_IRR, /* pin, vector, a = new value */
    TRACE_ORPHANED,   /* an EOI left Remote IRR set: pin, vector, a = the entry's vector by now */
    TRACE_RESCAN,     /* a stale EOI requests a scan: vcpu, vector */
    TRACE_VCPU_START, /* vcpu, a = first instruction's address */
    TRACE_DROPPED,    /* a LAPIC reset dropped in-flight tokens: vcpu, vector, a = pins */
    TRACE_DEFERRED,   /* storm control defers the pin's deliveries: pin, vector */
    TRACE_REGISTER,   /* a write that may change which destinations match: vcpu, a = the register's
                         offset, or MSR_IA32_APIC_BASE, or 0 for INIT; b = value */
    /* Only with trace = on in the configuration: */
    TRACE_EXIT,   /* vcpu, vector = reason, a = guest interrupt status, b = the EOI's vector */
    TRACE_BITMAP, /* vcpu, vector = 0 or 128, a, b = the VMCS's EOI-exit bitmap from there on */
    TRACE_EVENT_COUNT
};

/* Why a scan was requested: bits. */
enum scan_reason { SCAN_RTE = 1, SCAN_LAPIC = 2, SCAN_STALE = 4 };
#define SCAN_REASON_SETS 8

#define TRACE_NO_VCPU    0xff
#define TRACE_NO_PIN     0xff

struct trace_record {
    uint64_t time; /* TSC */
    uint64_t a, b;
    union {
        uint64_t what; /* the fields below as one number: trace_what() */
        struct {
            uint8_t event; /* enum trace_event */
            uint8_t guest; /* index of the VM */
            uint8_t vcpu;
            uint8_t vector;
            uint8_t pin;
            uint8_t unused;   /* 0 */
            uint16_t repeats; /* equal events folded into this record */
        };
    };
};
_Static_assert(sizeof(struct trace_record) == 32, "two records per cache line");

/* The bit of `what` at which a field begins: x86 is little-endian. */
#define TRACE_SHIFT(field)                                                                         \
    (8 * (offsetof(struct trace_record, field) - offsetof(struct trace_record, what)))
_Static_assert(TRACE_SHIFT(event) == 0 && TRACE_SHIFT(repeats) == 48, "from the lowest bits up");

/* An event of guest 0, in one register: so the modules that report it pass it on. */
static inline uint64_t trace_what(enum trace_event event, unsigned vcpu, uint8_t vector,
                                  unsigned pin) {
    return (uint64_t)event | (uint64_t)vcpu << TRACE_SHIFT(vcpu) |
           (uint64_t)vector << TRACE_SHIFT(vector) | (uint64_t)pin << TRACE_SHIFT(pin);
}

#define TRACE_RING_RECORDS 4096 /* a power of two */

struct trace_ring {
    uint64_t count; /* records added; the next one goes to count % TRACE_RING_RECORDS */
    struct trace_record record[TRACE_RING_RECORDS];
};

/* Adds a record; or, with `fold`, increments the repeats of the last one if that differs in its
 * time only. `what` has an event and no repeats; the record before the first is all zeros, of no
 * event. This runs for every event: with `fold` a constant it is two dozen instructions. */
static inline void trace_add(struct trace_ring *ring, uint64_t time, uint64_t what, uint64_t a,
                             uint64_t b, bool fold) {
    struct trace_record *last = &ring->record[(ring->count - 1) % TRACE_RING_RECORDS];
    bool same = (last->what ^ what) << (64 - TRACE_SHIFT(repeats)) == 0; /* repeats shifted out */

    if (fold && same && last->a == a && last->b == b && last->repeats < UINT16_MAX) {
        last->what += 1ULL << TRACE_SHIFT(repeats);
        return;
    }
    ring->record[ring->count++ % TRACE_RING_RECORDS] =
        (struct trace_record){.time = time, .a = a, .b = b, .what = what};
}

/* The value of count at which the last n records begin; fewer if the ring has fewer. */
uint64_t trace_last(const struct trace_ring *ring, uint64_t n);
/* That of the oldest record in the ring. */
static inline uint64_t trace_first(const struct trace_ring *ring) {
    return trace_last(ring, TRACE_RING_RECORDS);
}

/* A reader's place in a ring. */
struct trace_cursor {
    const struct trace_ring *ring;
    uint64_t next; /* the record to read next, as a value of ring->count */
};

/* Merges n rings by time: returns the next record in order of time, moves that ring's cursor past
 * it and sets *whose to the index of the cursor; NULL at the end. */
const struct trace_record *trace_next(struct trace_cursor *cursor, unsigned n, unsigned *whose);

/* Format a record as one line without a newline and return its length. Safe for any bytes in the
 * record. `start` is subtracted from the time. trace_text() is the terse form; trace_story() is a
 * sentence for a student, and returns 0 for events that are for programs only. */
int trace_text(char *out, size_t size, const struct trace_record *record, uint64_t start);
int trace_story(char *out, size_t size, const struct trace_record *record, uint64_t start);
