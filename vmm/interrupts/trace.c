/* Reading the trace rings: see trace.h. Read next: trace_text.c. */
#include "vmm/interrupts/trace.h"

uint64_t trace_last(const struct trace_ring *ring, uint64_t n) {
    uint64_t most = n < TRACE_RING_RECORDS ? n : TRACE_RING_RECORDS;

    return ring->count > most ? ring->count - most : 0;
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
