/* One guest's PC: its devices, and the wiring between them.
 *
 * The PC knows neither VMs nor vCPUs. The guest's accesses to ports and device pages come in
 * through ports.h and virtio.h, time through irq_lines_tick(). Whatever a device does to the rest
 * of the machine goes out through the effects table, as routing_effects does for the interrupt
 * core. So all of it runs in the host's tests as well.
 *
 * Any CPU may call in. Each device has its lock; locks are taken in this order:
 * serial, rtc, power -> a virtio slot -> irq_lines -> what set_pin() takes. Read next: irq_lines.h.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "lib/time.h"
#include "vmm/pc/irq_lines.h"
#include "vmm/pc/power.h"
#include "vmm/pc/rtc.h"
#include "vmm/pc/serial.h"
#include "vmm/pc/test_devices.h"
#include "vmm/pc/virtio.h"

/* The devices that a guest can print with. */
enum pc_console { PC_CONSOLE_SERIAL, PC_CONSOLE_VIRTIO, PC_CONSOLES };

struct pc_effects {
    /* The TSC now. */
    uint64_t (*now)(void);
    /* The input of the I/O APIC that an interrupt line is wired to. Called with the lock of
     * irq_lines held, so that both interrupt controllers see the changes in the same order. */
    void (*set_pin)(void *context, unsigned pin, bool level);
    /* The 8259s' output rose: an edge on LINT0 of each local APIC. */
    void (*intr_rose)(void *context);
    /* pc_timer_next() has changed: vCPU 0's CPU has to read it again. */
    void (*timer_changed)(void *context);
    /* The guest ends itself: `how` is a word of docs/configuration.md, code 0 is success. */
    void (*end_guest)(void *context, const char *how, uint32_t code);
    void (*console_put)(void *context, enum pc_console console, char c);
};

struct pc_config {
    const struct pc_effects *effects;
    void *context;
    uint64_t tsc_hz;
    uint64_t time, time_tsc; /* nanoseconds since 1970 at that value of the TSC */
    uint8_t *ram;
    uint64_t ram_size;
    uint32_t vcpu_count;
    void *disk; /* the guest's own copy; NULL: no disk */
    uint64_t disk_size;
};

struct pc {
    struct pc_config config;
    struct irq_lines irq_lines;
    struct serial serial;
    struct rtc rtc;
    struct pc_power power;
    struct virtio virtio;
    struct test_devices test;
};

/* Resets all devices and places the ACPI tables and the reset vector in RAM; `pc` is zeroed.
 * Returns NULL, or why it cannot be done, in words. */
const char *pc_power_on(struct pc *pc, const struct pc_config *config);

static inline uint64_t pc_now(const struct pc *pc) {
    return pc->config.effects->now();
}

/* The wall clock: nanoseconds since 1970, UTC. */
static inline uint64_t pc_time(const struct pc *pc) {
    return pc->config.time +
           time_scale(pc_now(pc) - pc->config.time_tsc, pc->config.tsc_hz, 1000000000);
}

static inline uint64_t pc_microseconds(const struct pc *pc, uint64_t count) {
    return pc->config.tsc_hz / 1000000 * count;
}

/* The level of the 8259s' output, INTR: 0 or 1. */
static inline uint32_t pc_intr(const struct pc *pc) {
    return atomic_load_explicit(&pc->irq_lines.intr, memory_order_relaxed);
}

/* TSC: when pc_tick() is due on vCPU 0's CPU. */
static inline uint64_t pc_timer_next(const struct pc *pc) {
    uint64_t pit = atomic_load(&pc->irq_lines.timer_next), rtc = atomic_load(&pc->rtc.timer_next);

    return pit < rtc ? pit : rtc;
}

/* Polls the timers that are due. */
void pc_tick(struct pc *pc);

/* Accesses to the virtio devices' pages, by guest-physical address. A write that returns false has
 * done nothing: the guest has to execute it again. */
uint64_t pc_page_read(struct pc *pc, uint64_t address, unsigned size);
bool pc_page_write(struct pc *pc, uint64_t address, unsigned size, uint64_t value);
