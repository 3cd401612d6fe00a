/* A PC's real-time clock and CMOS memory: MC146818, index at port 70H, data at 71H, IRQ 8.
 *
 * Pure and without a lock. The caller gives the time, in nanoseconds since 1970, and one before a
 * time that was given already counts as that; the guest may set its clock to another, which then
 * goes on at the same rate. What a guest writes that is no time counts as the nearest that is one,
 * and the weekday always follows the date. Everything else is memory, which is zero at first.
 *
 * The three interrupts (periodic, alarm, update-ended) set their flags in register C, enabled or
 * not; reading C clears them. The IRQ is high while an enabled flag is set, so that a guest which
 * does not read C has no second one, and what it slept over is one: vrtc_look() has no loop over
 * time. The divider is that of a 32768 Hz crystal: either it runs or it is held; other crystals,
 * the square wave and summer time are not there. MC146818A data sheet; the century's place is
 * pc_map.h's. Read next: calendar.h, vmm/pc/rtc.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "lib/time.h"

#define VRTC_SIZE 128

struct vrtc {
    uint8_t index;
    uint8_t flags;             /* register C but for its IRQF */
    uint8_t memory[VRTC_SIZE]; /* the time's bytes only count while the time stands */
    uint32_t phase;            /* nanoseconds that the divider is ahead of the caller's second */
    uint64_t ahead;            /* of that, in seconds, modulo 2^64 */
    uint64_t seen;             /* the latest time given: what came until then has set its flags */
};

void vrtc_reset(struct vrtc *rtc, uint64_t now);

/* A byte access of the guest to port 70H or 71H. */
uint8_t vrtc_read(struct vrtc *rtc, uint16_t port, uint64_t now);
void vrtc_write(struct vrtc *rtc, uint16_t port, uint8_t value, uint64_t now);

/* Sets the flags of what has come by now. */
void vrtc_look(struct vrtc *rtc, uint64_t now);
/* The IRQ's level, as of the last look. */
bool vrtc_interrupt(const struct vrtc *rtc);
/* When it rises next, after the last look; TIME_NEVER while it is high, or if it does not. */
uint64_t vrtc_next(const struct vrtc *rtc);
