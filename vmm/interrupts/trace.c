/* Reading the trace rings: see trace.h. Read next: trace_text.c. */
#include "vmm/interrupts/trace.h"

uint64_t trace_last(const struct trace_ring *ring, uint64_t n) {
    uint64_t most = n < TRACE_RING_RECORDS ? n : TRACE_RING_RECORDS;

    return ring->count > most ? ring->count - most : 0;
}

const struct trace_record *trace_next(struct trace_cursor *cursor, unsigned n, unsigned *whose) {
    const struct trace_record *first = NULL;

    for (unsigned i = 0; i < n; i++) {
        const struct trace_ring *ring = cursor[i].ring;
        if (cursor[i].next >= ring->count)
            continue;
        const struct trace_record *next = &ring->record[cursor[i].next % TRACE_RING_RECORDS];
        if (!first || next->time < first->time) {
            first = next;
            *whose = i;
        }
    }
    if (first)
        cursor[*whose].next++;
    return first;
}
