/* One guest's PC: its devices, and the wiring between them.
 *
 * The PC knows neither VMs nor vCPUs. The guest's accesses to ports and device pages come in
 * through ports.h and pc_page_read() and pc_page_write(), time through pc_tick(), what is typed
 * through serial.h. What a device does to the rest of the hypervisor goes out through a table of
 * effects, as routing_effects does for the interrupt core. So all of it runs in tests on the host
 * as well.
 *
 * Any CPU may call any function, except where it says otherwise. Each device has its lock. Locks
 * are taken in this order: serial, rtc, power -> a virtio slot -> irq_lines -> what set_pin()
 * takes. Read next: irq_lines.h, vmm/devices/pc_map.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "lib/time.h"
#include "vmm/pc/irq_lines.h"
#include "vmm/pc/legacy.h"
#include "vmm/pc/power.h"
#include "vmm/pc/rtc.h"
#include "vmm/pc/serial.h"
#include "vmm/pc/test_devices.h"
#include "vmm/pc/virtio.h"

/* The devices that a guest can print with. */
enum pc_console { PC_CONSOLE_SERIAL, PC_CONSOLE_VIRTIO, PC_CONSOLES };

/* What the PC needs from the rest of the hypervisor. None of these may call into the PC. */
struct pc_effects {
    /* Returns the TSC. */
    uint64_t (*now)(void);
    /* An input of the I/O APIC changes to this level. Called with the lock of irq_lines held, so
     * that the I/O APIC and the 8259s see all changes in the same order. */
    void (*set_pin)(void *context, unsigned pin, bool level);
    /* The 8259s' output rose: an edge on LINT0 of each local APIC. */
    void (*intr_rose)(void *context);
    /* pc_timer_next() has changed: vCPU 0's CPU has to read it again. */
    void (*timer_changed)(void *context);
    /* The guest requests its end: `how` is a word of docs/configuration.md, "How a guest ends";
     * code 0 is success. */
    void (*end_guest)(void *context, const char *how, uint32_t code);
    /* The guest prints a character. */
    void (*console_put)(void *context, enum pc_console console, char c);
    /* False: the guest must not print now. It has to execute the instruction again, later. */
    bool (*console_has_room)(void *context, enum pc_console console);
};

struct pc_config {
    const struct pc_effects *effects;
    void *context;
    uint64_t tsc_hz;
    uint64_t time, time_tsc; /* nanoseconds since 1970, UTC, when the TSC was time_tsc */
    uint8_t *ram;
    uint64_t ram_size;
    uint32_t vcpu_count;
    uint8_t ioapic_version;
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
    struct legacy legacy;
};

/* Resets all devices, and places the BIOS's tables, data and code in RAM; `pc` must be zeroed.
 * Returns NULL, or why that is impossible, for the user. Once, before the guest's kernel is loaded.
 */
const char *pc_power_on(struct pc *pc, const struct pc_config *config);

/* The TSC. */
static inline uint64_t pc_now(const struct pc *pc) {
    return pc->config.effects->now();
}

#define PC_TIME_HZ 1000000000 /* of pc_time() */

/* The wall clock: nanoseconds since 1970, UTC. */
static inline uint64_t pc_time(const struct pc *pc) {
    return pc->config.time +
           time_scale(pc_now(pc) - pc->config.time_tsc, pc->config.tsc_hz, PC_TIME_HZ);
}

/* A number of microseconds in ticks of the TSC, rounded down. */
static inline uint64_t pc_microseconds(const struct pc *pc, uint64_t count) {
    return pc->config.tsc_hz / 1000000 * count;
}

/* The level of the 8259s' output, INTR: 0 or 1. */
static inline uint32_t pc_intr(const struct pc *pc) {
    return atomic_load_explicit(&pc->irq_lines.intr, memory_order_relaxed);
}

/* The TSC at which pc_tick() is due. */
static inline uint64_t pc_timer_next(const struct pc *pc) {
    uint64_t pit = atomic_load(&pc->irq_lines.timer_next), rtc = atomic_load(&pc->rtc.timer_next);

    return pit < rtc ? pit : rtc;
}

/* Polls the timers that are due: the 8254, the real-time clock. */
void pc_tick(struct pc *pc);

/* Accesses of `size` bytes to a virtio device's page, by guest-physical address. A write that
 * returns false has done nothing: the guest executes it again. */
uint64_t pc_page_read(struct pc *pc, uint64_t address, unsigned size);
bool pc_page_write(struct pc *pc, uint64_t address, unsigned size, uint64_t value);
/* Whether the last write to the virtio console was not done because its text has to wait. */
static inline bool pc_output_waits(const struct pc *pc) {
    return atomic_load(&pc->virtio.output_waits);
}
