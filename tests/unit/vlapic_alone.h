/* Shared by the tests of the virtual LAPIC alone: one LAPIC whose effects are recorded. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/interrupts/vlapic.h"

#define V        0x51
#define ID       0x23
#define LVTS     6
#define MSR(reg) (0x800u + (reg) / 16)

static struct apic_page page;
static struct vlapic apic;
static struct {
    unsigned sent, identity_changes, access_changes, timer_changes, eoi_exits;
    struct apic_message message;
    enum apic_shorthand shorthand;
    uint8_t eoi_vector;
    unsigned traced[TRACE_EVENT_COUNT];
    struct apic_identity before, next; /* when a change of the identity was announced last */
} seen;

static inline void send(void *context, const struct apic_message *message,
                        enum apic_shorthand shorthand) {
    (void)context;
    seen.sent++;
    seen.message = *message;
    seen.shorthand = shorthand;
    if (shorthand == APIC_SHORTHAND_SELF)
        vlapic_accept_own(&apic, message->vector);
}

static inline void identity_changes(void *context, const struct apic_identity *next) {
    (void)context;
    seen.before = apic.identity;
    seen.next = *next;
}

static inline void identity_changed(void *context) {
    (void)context;
    assert_memory_equal(&seen.next, &apic.identity, sizeof(seen.next));
    seen.identity_changes++;
}

static inline void access_changed(void *context) {
    (void)context;
    seen.access_changes++;
}

static inline void eoi_exit(void *context, uint8_t vector) {
    (void)context;
    seen.eoi_exits++;
    seen.eoi_vector = vector;
}

static inline void timer_changed(void *context, uint32_t offset) {
    (void)context;
    (void)offset;
    seen.timer_changes++;
}

static inline uint32_t timer_current(void *context) {
    (void)context;
    return 777;
}

static inline void trace(void *context, uint64_t what, uint64_t a, uint64_t b) {
    const struct trace_record record = {.what = what};

    (void)context;
    (void)a;
    (void)b;
    seen.traced[record.event]++;
}

static const struct vlapic_effects effects = {
    .send = send,
    .identity_changes = identity_changes,
    .identity_changed = identity_changed,
    .access_changed = access_changed,
    .eoi_exit = eoi_exit,
    .timer_changed = timer_changed,
    .timer_current = timer_current,
    .trace = trace,
};

/* Power-on, xAPIC mode. */
static inline int power_on(void **state) {
    (void)state;
    memset(&page, 0xee, sizeof(page));
    memset(&apic, 0xee, sizeof(apic));
    apic.page = &page;
    apic.initial_id = ID;
    apic.physical_address_mask = (1ULL << 39) - 1;
    apic.x2apic_offered = true;
    apic.broadcast_suppression = false;
    apic.effects = &effects;
    memset(&seen, 0, sizeof(seen));
    vlapic_power_on(&apic, true);
    return 0;
}

/* A trap-like write in xAPIC mode. */
static inline void write_page(uint32_t offset, uint32_t value) {
    apic_page_write(&page, offset, value);
    vlapic_written(&apic, offset);
}

static inline uint32_t read_page(uint32_t offset) {
    return vlapic_read(&apic, offset);
}

/* xAPIC mode, software-enabled. */
static inline int xapic(void **state) {
    power_on(state);
    write_page(APIC_SVR, APIC_SVR_ENABLE | 0xff);
    memset(&seen, 0, sizeof(seen));
    return 0;
}

/* x2APIC mode, software-enabled. */
static inline int x2apic(void **state) {
    xapic(state);
    assert_true(vlapic_write_base(&apic, apic.base | APIC_BASE_X2APIC));
    memset(&seen, 0, sizeof(seen));
    return 0;
}

static inline bool write_msr(uint32_t reg, uint64_t value) {
    return vlapic_write_msr(&apic, MSR(reg), value);
}

static inline uint64_t read_msr(uint32_t reg) {
    uint64_t value = 0xdead;

    assert_true(vlapic_read_msr(&apic, MSR(reg), &value));
    return value;
}

/* The errors since the last call: a write to the ESR makes it show them. */
static inline uint32_t errors(void) {
    write_page(APIC_ESR, 0);
    return read_page(APIC_ESR);
}
