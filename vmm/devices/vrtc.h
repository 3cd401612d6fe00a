/* A PC's real-time clock and CMOS memory: MC146818, index at port 70H, data at 71H.
 *
 * Pure and without a lock. The caller gives the time, in nanoseconds since 1970; the guest may set
 * its clock to another, which then goes on at the same rate. What a guest writes that is no time
 * counts as the nearest that is one, and the weekday always follows the date. The clock interrupts
 * nobody: the interrupt enable bits of register B cannot be set, register C reads 0. Everything
 * else is memory, which is zero at first. MC146818 data sheet; the century's place is that of the
 * FADT. Read next: calendar.h, cmos.h. */
#pragma once
#include <stdint.h>

#define VRTC_SIZE    128
#define VRTC_CENTURY 0x32

struct vrtc {
    uint8_t index;
    uint8_t memory[VRTC_SIZE]; /* the time's bytes only count while register B's SET is set */
    uint64_t ahead;            /* of the caller's time, in seconds, modulo 2^64 */
};

void vrtc_reset(struct vrtc *rtc);

/* A byte access of the guest to port 70H or 71H. */
uint8_t vrtc_read(const struct vrtc *rtc, uint16_t port, uint64_t now);
void vrtc_write(struct vrtc *rtc, uint16_t port, uint8_t value, uint64_t now);
