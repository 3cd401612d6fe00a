/* The trace ring: see trace.h. Read next: trace_text.c. */
#include "vmm/trace.h"

#include <stdbool.h>

/* So many of the oldest records are given up, since a cycle that is about to be folded lies on top
 * of them for a moment. */
#define SPARE TRACE_CYCLE_MAX

static struct trace_record *record_at(struct trace_ring *ring, uint64_t number)
{
    return &ring->record[number % TRACE_RING_RECORDS];
}

static bool same_event(const struct trace_record *a, const struct trace_record *b)
{
    return a->event == b->event && a->vector == b->vector && a->vcpu == b->vcpu &&
           a->pin == b->pin && a->guest == b->guest && a->a == b->a && a->b == b->b;
}

/* Whether the last `length` records repeat the ones before them. Only the last record of a cycle
 * may have been folded before, and with this very length: else the order would be lost. */
static bool is_repetition(struct trace_ring *ring, unsigned length)
{
    if (ring->count < 2 * length)
        return false;
    for (unsigned i = 1; i <= length; i++) {
        const struct trace_record *new = record_at(ring, ring->count - i);
        const struct trace_record *old = record_at(ring, ring->count - i - length);

        if (!same_event(new, old) || new->repeats)
            return false;
        if (old->repeats && (i > 1 || old->cycle != length || old->repeats == UINT16_MAX))
            return false;
    }
    return true;
}

void trace_add(struct trace_ring *ring, const struct trace_record *record)
{
    struct trace_record *added = record_at(ring, ring->count);

    *added = *record;
    added->cycle = 1;
    added->repeats = 0;
    ring->count++;
    for (unsigned length = 1; length <= TRACE_CYCLE_MAX; length++) {
        if (is_repetition(ring, length)) {
            ring->count -= length;
            record_at(ring, ring->count - 1)->cycle = (uint8_t)length;
            record_at(ring, ring->count - 1)->repeats++;
            return;
        }
    }
}

uint64_t trace_first(const struct trace_ring *ring)
{
    const uint64_t kept = TRACE_RING_RECORDS - SPARE;

    return ring->count > kept ? ring->count - kept : 0;
}

const struct trace_record *trace_next(const struct trace_ring *const *ring, uint64_t *cursor,
                                      unsigned n)
{
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
