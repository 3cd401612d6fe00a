/* The trace ring: see trace.h. Read next: trace_text.c. */
#include "vmm/trace.h"

#include <stdbool.h>

/* Event, guest, vCPU, vector and pin as one number: the record's last eight bytes but `repeats`. */
static uint64_t kind_of(const struct trace_record *record) {
    uint64_t kind;

    _Static_assert(offsetof(struct trace_record, event) + sizeof(kind) == sizeof(*record) &&
                       offsetof(struct trace_record, repeats) + 2 == sizeof(*record),
                   "repeats are the upper two of the last eight bytes");
    __builtin_memcpy(&kind, &record->event, sizeof(kind));
    return kind << 16;
}

static bool same_event(const struct trace_record *a, const struct trace_record *b) {
    return kind_of(a) == kind_of(b) && a->a == b->a && a->b == b->b;
}

void trace_add(struct trace_ring *ring, const struct trace_record *record) {
    struct trace_record *last = &ring->record[(ring->count - 1) % TRACE_RING_RECORDS];

    if (ring->count && same_event(last, record) && last->repeats < UINT16_MAX) {
        last->repeats++;
        return;
    }
    ring->record[ring->count++ % TRACE_RING_RECORDS] = *record;
}

uint64_t trace_first(const struct trace_ring *ring) {
    return ring->count > TRACE_RING_RECORDS ? ring->count - TRACE_RING_RECORDS : 0;
}

const struct trace_record *trace_next(const struct trace_ring *const *ring, uint64_t *cursor,
                                      unsigned n) {
    const struct trace_record *first = 0;
    unsigned chosen = 0;

    for (unsigned i = 0; i < n; i++) {
        if (cursor[i] >= ring[i]->count)
            continue;
        const struct trace_record *next = &ring[i]->record[cursor[i] % TRACE_RING_RECORDS];
        if (!first || next->time < first->time) {
            first = next;
            chosen = i;
        }
    }
    if (first)
        cursor[chosen]++;
    return first;
}
