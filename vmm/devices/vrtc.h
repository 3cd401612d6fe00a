/* A PC's real-time clock and CMOS memory: MC146818, index at port 70H, data at 71H, IRQ 8.
 *
 * The caller passes the time in nanoseconds since 1970; a time that is earlier than one passed
 * before is taken as that one. The guest may set its clock to another time, which then advances at
 * the same rate; invalid fields are clamped, and the day of the week always follows from the date.
 * The other bytes are memory, which is 0 at first but for what vrtc_set_memory_size() writes.
 *
 * The three interrupts (periodic, alarm, update-ended) set their flags in register C, enabled or
 * not; reading C clears them. The IRQ is high while an enabled flag is set, so a guest that does
 * not read C receives no second interrupt, and several periods between two polls set the flag once:
 * vrtc_poll() has no loop over time. The divider is that of a 32768 Hz crystal; it runs or it is
 * held in reset. Other crystals, the square wave and daylight saving are not emulated. MC146818A
 * data sheet; the offset of the century is that of pc_map.h. Pure and without a lock. Read next:
 * lib/calendar.h, vmm/pc/rtc.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "lib/time.h"

#define VRTC_SIZE 128

struct vrtc {
    uint8_t index;
    uint8_t flags;             /* register C without IRQF */
    uint8_t memory[VRTC_SIZE]; /* the bytes of the time are valid only while it is stopped */
    uint32_t phase;            /* nanoseconds by which the divider is ahead of the caller's time */
    uint64_t ahead; /* seconds, modulo 2^64, by which the guest's time is ahead of the divider */
    uint64_t seen;  /* the latest time passed: events up to then have set their flags */
};

/* 24-hour BCD mode, the caller's time, interrupts disabled. */
void vrtc_reset(struct vrtc *rtc, uint64_t now);

/* Writes the sizes of memory to the bytes where a BIOS leaves them: in KiB below 640 KiB (15H, 16H)
 * and from 1 MiB on (17H, 18H, and again 30H, 31H), at most 65535, and in 64 KiB from 16 MiB on
 * (34H, 35H). */
void vrtc_set_memory_size(struct vrtc *rtc, uint64_t ram_size);

/* A guest's byte access to port 70H or 71H; other ports read FFH and ignore writes. */
uint8_t vrtc_read(struct vrtc *rtc, uint16_t port, uint64_t now);
void vrtc_write(struct vrtc *rtc, uint16_t port, uint8_t value, uint64_t now);

/* Sets the flags of the events up to `now`. */
void vrtc_poll(struct vrtc *rtc, uint64_t now);
/* The level of the IRQ at the last poll or access. */
bool vrtc_interrupt(const struct vrtc *rtc);
/* The time of its next rise after that; TIME_NEVER while it is high, or if it will not rise. */
uint64_t vrtc_next(const struct vrtc *rtc);
