/* A guest's real-time clock and its interrupt line, IRQ 8. The clock starts with the time that the
 * firmware has reported. Read next: vmm/devices/vrtc.h, irq_lines.h. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch/spinlock.h"
#include "vmm/devices/vrtc.h"

struct pc;

struct rtc {
    struct spinlock lock; /* protects everything but the atomic */
    struct vrtc vrtc;
    bool interrupt;              /* the level of its line */
    uint64_t next;               /* when the next poll is due, in nanoseconds as pc_time() */
    _Atomic uint64_t timer_next; /* the same as a TSC, rounded up: when rtc_tick() is due */
};

/* Sets the clock to pc_time(), with its interrupts off. */
void rtc_reset(struct pc *pc);

/* Polls the clock. To call when timer_next has come. Any CPU. */
void rtc_tick(struct pc *pc);

/* The guest's accesses to the ports, PC_RTC_PORT (index) and the next (data). Any CPU. */
uint32_t rtc_in(struct pc *pc, uint16_t port, unsigned size);
void rtc_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value);
