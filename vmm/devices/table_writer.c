/* Firmware tables: see table_writer.h. */
#include "vmm/devices/table_writer.h"

#include "lib/memory.h"

void table_append(struct table_writer *w, const void *data, uint64_t size) {
    if (w->full || size > w->size - w->used) {
        w->full = true;
        return;
    }
    memcpy(w->at + w->used, data, size);
    w->used += size;
}

uint8_t table_checksum(const uint8_t *bytes, uint64_t size) {
    uint8_t sum = 0;

    while (size--)
        sum = (uint8_t)(sum + *bytes++);
    return (uint8_t)-sum;
}
