/* The local APIC timer: when it expires and what it counts, as arithmetic on the TSC.
 *
 * SDM Vol. 3A, "APIC Timer" and "TSC-Deadline Mode". One count takes divisor x bus tick, and a bus
 * tick is a fixed number of TSC ticks. A change to or from TSC-deadline mode disarms the timer and
 * clears the initial count. The SDM says so for any change of mode; but between one-shot and
 * periodic the timer continues to count, and an expired one-shot timer stays at 0, as the apic test
 * of kvm-unit-tests expects of a processor. After a write of the divisor the timer continues from
 * its current count.
 *
 * Nothing runs by itself: the caller arms a timer of its own for the time that each function
 * returns, then calls vlapic_timer_fire(), and delivers one LVT timer interrupt if the result is
 * not 0. The times given to one timer must not decrease. Pure. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "arch/apic_registers.h"
#include "lib/time.h"

struct vlapic_timer {
    uint64_t shortest; /* least TSC ticks between two interrupts in periodic mode */
    uint32_t bus_tick; /* in TSC ticks */
    uint32_t lvt;      /* mode and mask bits */
    uint32_t divide;   /* the registers */
    uint32_t initial;
    uint64_t tsc_offset; /* the guest's TSC minus the TSC that all times are given in */
    uint64_t deadline;   /* IA32_TSC_DEADLINE, in the guest's TSC */
    bool running;        /* counting, or with a deadline armed */
    uint64_t expiry;     /* if running: when it expires next */
    uint64_t due;        /* expiries that vlapic_timer_fire() has not reported yet */
    uint64_t not_before; /* in periodic mode: earliest time of the next interrupt */
};

/* Power-on state. bus_tick: TSC ticks per bus tick; 0 is taken as 1. shortest: however short a
 * period the guest sets, its interrupts are at least this many TSC ticks apart, so that it cannot
 * keep the host busy; 20 us is enough. The counter itself keeps the guest's rate. */
void vlapic_timer_init(struct vlapic_timer *timer, uint32_t bus_tick, uint64_t shortest);

/* Power-on state again, after INIT. The TSC offset is kept. */
void vlapic_timer_reset(struct vlapic_timer *timer);

/* A write to APIC_LVT_TIMER, APIC_TIMER_DIVIDE or APIC_TIMER_INITIAL, by its offset; other offsets
 * are ignored. In TSC-deadline mode and in the reserved mode a write to the initial count is
 * ignored; timer->initial is the value that it reads. A write that masks the timer drops the
 * expiries that are due. Returns vlapic_timer_next(). */
uint64_t vlapic_timer_write(struct vlapic_timer *timer, uint32_t offset, uint32_t value,
                            uint64_t now);

/* A write to IA32_TSC_DEADLINE, in the guest's TSC: 0 disarms. Ignored in the other modes. Returns
 * vlapic_timer_next(). */
uint64_t vlapic_timer_write_deadline(struct vlapic_timer *timer, uint64_t deadline, uint64_t now);

/* The value of IA32_TSC_DEADLINE: 0 after it has expired, and in the other modes. */
uint64_t vlapic_timer_read_deadline(const struct vlapic_timer *timer, uint64_t now);

/* The guest's TSC has changed: the counter continues, a deadline comes earlier or later. Returns
 * vlapic_timer_next(). */
uint64_t vlapic_timer_set_tsc_offset(struct vlapic_timer *timer, uint64_t tsc_offset, uint64_t now);

/* The value of the current-count register; 0 in TSC-deadline mode. */
uint32_t vlapic_timer_current(const struct vlapic_timer *timer, uint64_t now);

/* When to call vlapic_timer_fire(): a time in the past if an expiry is due, TIME_NEVER if none will
 * come, as when the timer is masked (it continues to count without calls). */
uint64_t vlapic_timer_next(const struct vlapic_timer *timer);

/* Returns how many expiries are due and may be delivered now, as one interrupt. May be called at
 * any time. An expiry while the timer is masked is not counted. */
uint64_t vlapic_timer_fire(struct vlapic_timer *timer, uint64_t now);
