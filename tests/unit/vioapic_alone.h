/* Shared by the tests of vmm/interrupts/vioapic.c alone: an I/O APIC whose effects are recorded.
 * The test chooses how many LAPICs accept what it sends. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/interrupts/vioapic.h"

#define V          0x51
#define TO(id)     ((uint64_t)(id) << RTE_DESTINATION_SHIFT)
#define MODE(name) ((uint64_t)APIC_DELIVERY_##name << RTE_DELIVERY_SHIFT)

static struct vioapic io;
static unsigned acceptors; /* how many LAPICs accept what is sent */
static struct {
    unsigned delivered, reroutes, step;
    unsigned rerouted_at, delivered_at; /* the step of the last of each */
    unsigned pin;
    struct apic_message message;
    uint64_t old_entry, new_entry;
    unsigned traced[TRACE_EVENT_COUNT];
} seen;

static inline unsigned deliver(void *context, unsigned pin, const struct apic_message *message) {
    (void)context;
    seen.delivered++;
    seen.delivered_at = ++seen.step;
    seen.pin = pin;
    seen.message = *message;
    return acceptors;
}

static inline void reroute(void *context, uint64_t old_entry, uint64_t new_entry) {
    (void)context;
    seen.reroutes++;
    seen.rerouted_at = ++seen.step;
    seen.old_entry = old_entry;
    seen.new_entry = new_entry;
}

static inline void trace(void *context, uint64_t what, uint64_t a, uint64_t b) {
    const struct trace_record record = {.what = what};

    (void)context;
    (void)a;
    (void)b;
    seen.traced[record.event]++;
}

static const struct vioapic_effects effects = {
    .deliver = deliver, .reroute = reroute, .trace = trace};

static inline int set_up(void **state) {
    (void)state;
    memset(&io, 0xee, sizeof(io));
    io.effects = &effects;
    io.context = NULL;
    vioapic_reset(&io, 0x11);
    acceptors = 1;
    memset(&seen, 0, sizeof(seen));
    return 0;
}

static inline uint32_t read_register(uint32_t index) {
    vioapic_write(&io, IOAPIC_INDEX, 4, index);
    return vioapic_read(&io, IOAPIC_DATA, 4);
}

static inline void write_register(uint32_t index, uint32_t value) {
    vioapic_write(&io, IOAPIC_INDEX, 4, index);
    vioapic_write(&io, IOAPIC_DATA, 4, value);
}

static inline void write_entry(unsigned pin, uint64_t entry) {
    write_register(IOAPIC_REG_ENTRY + 2 * pin + 1, (uint32_t)(entry >> 32));
    write_register(IOAPIC_REG_ENTRY + 2 * pin, (uint32_t)entry);
}

static inline uint64_t read_entry(unsigned pin) {
    return read_register(IOAPIC_REG_ENTRY + 2 * pin) |
           (uint64_t)read_register(IOAPIC_REG_ENTRY + 2 * pin + 1) << 32;
}
