/* The local APIC timer: when it expires and what it counts, as arithmetic on the TSC.
 *
 * SDM Vol. 3A, "APIC Timer" and "TSC-Deadline Mode". One count is divisor x bus tick, and a bus
 * tick is a fixed number of TSC ticks. To and from TSC-deadline mode the timer is disarmed and the
 * initial count cleared. The SDM's sentence is of any change of mode; but between one-shot and
 * periodic the count goes on, and an expired one-shot stays at 0, as the apic test of
 * kvm-unit-tests expects of a processor. A new divisor goes on from the current count.
 *
 * Nothing runs: the caller arms a timer of its own for the time that each function returns, calls
 * vlapic_timer_fire() then, and delivers one LVT timer interrupt if that is not 0. Times given to
 * one timer must not go back. Pure. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "arch/apic_registers.h"
#include "lib/time.h"

struct vlapic_timer {
    uint64_t shortest; /* TSC ticks between two interrupts in periodic mode */
    uint32_t bus_tick; /* in TSC ticks */
    uint32_t lvt;      /* mode and mask bits */
    uint32_t divide;   /* the registers */
    uint32_t initial;
    uint64_t tsc_offset; /* the guest's TSC less the one that all times are of */
    uint64_t deadline;   /* IA32_TSC_DEADLINE, in the guest's TSC */
    bool running;        /* counting, or with a deadline armed */
    uint64_t expiry;     /* if running: the next one, or the deadline */
    uint64_t due;        /* expiries that have not been fired */
    uint64_t not_before; /* in periodic mode: the next interrupt */
};

/* Power-on state. bus_tick: TSC ticks a bus tick, 0 counts as 1. shortest: however short a period
 * the guest sets, interrupts come this many TSC ticks apart at least, so that it cannot keep the
 * host busy; 20 us will do. The count goes on at the guest's own rate. */
void vlapic_timer_init(struct vlapic_timer *timer, uint32_t bus_tick, uint64_t shortest);

/* Power-on state again, after INIT. The TSC goes on. */
void vlapic_timer_reset(struct vlapic_timer *timer);

/* A write of APIC_LVT_TIMER, APIC_TIMER_DIVIDE or APIC_TIMER_INITIAL, by its offset; others change
 * nothing. In TSC-deadline mode and the reserved mode a write of the initial count is ignored:
 * timer->initial says what it reads. A write that masks the timer drops what is due. Returns as
 * vlapic_timer_next(). */
uint64_t vlapic_timer_write(struct vlapic_timer *timer, uint32_t offset, uint32_t value,
                            uint64_t now);

/* A write of IA32_TSC_DEADLINE, in the guest's TSC: 0 disarms. Ignored in the other modes.
 * Returns as vlapic_timer_next(). */
uint64_t vlapic_timer_write_deadline(struct vlapic_timer *timer, uint64_t deadline, uint64_t now);

/* IA32_TSC_DEADLINE: 0 if it has expired or in another mode. */
uint64_t vlapic_timer_read_deadline(const struct vlapic_timer *timer, uint64_t now);

/* The guest's TSC is another from now on: what counts goes on, a deadline is nearer or farther.
 * Returns as vlapic_timer_next(). */
uint64_t vlapic_timer_set_tsc_offset(struct vlapic_timer *timer, uint64_t tsc_offset, uint64_t now);

/* The current-count register; 0 in TSC-deadline mode. */
uint32_t vlapic_timer_current(const struct vlapic_timer *timer, uint64_t now);

/* When to call vlapic_timer_fire(); in the past if something is due. TIME_NEVER if nothing
 * is to come, as when the timer is masked: it counts on by itself. */
uint64_t vlapic_timer_next(const struct vlapic_timer *timer);

/* How many expiries have come due and may be delivered now, as one interrupt. May be called at any
 * time. A masked expiry leaves nothing. */
uint64_t vlapic_timer_fire(struct vlapic_timer *timer, uint64_t now);
