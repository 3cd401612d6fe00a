/* A guest's real-time clock, which begins with the firmware's time, and its line, IRQ 8. The lock
 * here is taken before irq_lines.h's. Read next: vrtc.h, irq_lines.h. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch/spinlock.h"
#include "vmm/devices/vrtc.h"

struct vcpu;
struct vm;

struct rtc {
    struct spinlock lock; /* guards the rest, but for what is atomic */
    struct vrtc rtc;
    bool interrupt;              /* the level of its line */
    uint64_t next;               /* nanoseconds: when that is to be looked at */
    _Atomic uint64_t timer_next; /* the same of the TSC: when rtc_tick() is due */
};

void rtc_reset(struct vm *vm);

/* The clock has something to do: on vCPU 0's CPU, when timer_next has come. */
void rtc_tick(struct vm *vm);

/* The guest's ports. */
uint32_t rtc_in(struct vcpu *vcpu, uint16_t port, unsigned size);
void rtc_out(struct vcpu *vcpu, uint16_t port, unsigned size, uint32_t value);
