/* A guest's PC for the tests of vmm/pc, through its effects table: a clock that the test sets, and
 * what the PC does to the rest, recorded in `seen`. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/apic_registers.h"
#include "tests/machine/machine.h"
#include "vmm/devices/pc_map.h"
#include "vmm/pc/pc.h"
#include "vmm/pc/ports.h"

#define RAM_SIZE  0x200000u
#define DISK_SIZE 0x2000u
#define START     1000000u               /* of the clock */
#define TIME_0    1700000000000000000ULL /* 14 November 2023, 22:13:20 UTC */

#define PIN(n)    (1u << (n))

static struct pc *pc;
static uint64_t now;
static struct {
    uint32_t pins; /* their levels */
    unsigned rises[IOAPIC_PIN_COUNT];
    unsigned intr_rises, timer_changes, ends;
    const char *how;
    uint32_t code;
    char text[PC_CONSOLES][8192];
    size_t length[PC_CONSOLES];
    bool full;   /* there is no room for more text than... */
    size_t room; /* ...this, in all */
} seen;

static inline uint64_t clock_now(void) {
    return now;
}

/* The lock of the lines is held, and only changes are reported. */
static inline void set_pin(void *context, unsigned pin, bool level) {
    const struct spinlock *lock = &pc->irq_lines.lock;

    assert_ptr_equal(context, &seen);
    assert_true(pin < IOAPIC_PIN_COUNT);
    assert_int_not_equal(atomic_load(&lock->next), atomic_load(&lock->owner));
    assert_int_not_equal(seen.pins >> pin & 1, level);
    seen.pins ^= PIN(pin);
    seen.rises[pin] += level;
}

static inline void intr_rose(void *context) {
    assert_ptr_equal(context, &seen);
    assert_true(pc_intr(pc));
    seen.intr_rises++;
}

static inline void timer_changed(void *context) {
    assert_ptr_equal(context, &seen);
    seen.timer_changes++;
}

static inline void end_guest(void *context, const char *how, uint32_t code) {
    assert_ptr_equal(context, &seen);
    seen.how = how;
    seen.code = code;
    seen.ends++;
}

static inline void console_put(void *context, enum pc_console console, char c) {
    assert_ptr_equal(context, &seen);
    assert_true(seen.length[console] < sizeof(seen.text[console]) - 1);
    seen.text[console][seen.length[console]++] = c;
}

static inline bool console_has_room(void *context, enum pc_console console) {
    assert_ptr_equal(context, &seen);
    return !seen.full || seen.length[console] < seen.room;
}

static const struct pc_effects effects = {
    .now = clock_now,
    .set_pin = set_pin,
    .intr_rose = intr_rose,
    .timer_changed = timer_changed,
    .end_guest = end_guest,
    .console_put = console_put,
    .console_has_room = console_has_room,
};

static inline struct pc_config pc_config_of(uint8_t *ram, uint64_t ram_size, void *disk) {
    return (struct pc_config){
        .effects = &effects,
        .context = &seen,
        .tsc_hz = MACHINE_HZ,
        .time = TIME_0,
        .time_tsc = START,
        .ram = ram,
        .ram_size = ram_size,
        .vcpu_count = 2,
        .disk = disk,
        .disk_size = disk ? DISK_SIZE : 0,
    };
}

static inline int tear_down(void **state) {
    (void)state;
    if (pc) {
        free(pc->config.ram);
        free(pc->config.disk);
        free(pc);
        pc = NULL;
    }
    machine_reset();
    return 0;
}

static inline int set_up_pc(bool with_disk) {
    tear_down(NULL);
    memset(&seen, 0, sizeof(seen));
    now = START;
    pc = calloc(1, sizeof(*pc));
    uint8_t *ram = calloc(1, RAM_SIZE), *disk = with_disk ? calloc(1, DISK_SIZE) : NULL;
    const struct pc_config config = pc_config_of(ram, RAM_SIZE, disk);
    return pc_power_on(pc, &config) != NULL;
}

static inline int set_up(void **state) {
    (void)state;
    return set_up_pc(false);
}

/* ---- ports ---- */

static inline void out(uint16_t port, uint32_t value) {
    pc_port_out(pc, port, 1, value);
}

static inline uint8_t in(uint16_t port) {
    return (uint8_t)pc_port_in(pc, port, 1);
}

/* The 8259s as operating systems set them up: vectors 20H and 28H, nothing masked. */
static inline void start_pic(uint8_t icw4) {
    static const uint16_t command[] = {VPIC_MASTER_COMMAND, VPIC_SLAVE_COMMAND};

    for (unsigned i = 0; i < 2; i++) {
        out(command[i], 0x11);
        out(command[i] + 1, (uint8_t)(0x20 + 8 * i));
        out(command[i] + 1, i ? 2 : 4);
        out(command[i] + 1, icw4);
        out(command[i] + 1, 0);
    }
}

/* ---- time ---- */

static inline void pass_us(uint64_t microseconds) {
    now += MACHINE_HZ / 1000000 * microseconds;
}

/* Up to `until`, polls whenever a timer is due, as vCPU 0's CPU does. */
static inline void run_until(uint64_t until) {
    unsigned polls = 0;

    while (pc_timer_next(pc) <= until) {
        now = pc_timer_next(pc) > now ? pc_timer_next(pc) : now;
        pc_tick(pc);
        assert_true(polls++ < 100000);
    }
    now = until;
}
