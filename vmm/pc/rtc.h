/* A guest's real-time clock, which starts with the firmware's time, and its interrupt line, IRQ 8.
 * Read next: vrtc.h, irq_lines.h. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch/spinlock.h"
#include "vmm/devices/vrtc.h"

struct pc;

struct rtc {
    struct spinlock lock; /* guards all but the atomic */
    struct vrtc vrtc;
    bool interrupt;              /* the level of its line */
    uint64_t next;               /* nanoseconds: when the clock has to be polled again */
    _Atomic uint64_t timer_next; /* TSC: the same, rounded up; then rtc_tick() is due */
};

void rtc_reset(struct pc *pc);

/* Polls the clock. Any CPU; due when timer_next has come. */
void rtc_tick(struct pc *pc);

/* The guest's ports, index and data; `port` is the whole number. */
uint32_t rtc_in(struct pc *pc, uint16_t port, unsigned size);
void rtc_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value);
