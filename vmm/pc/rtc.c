/* A guest's real-time clock: see rtc.h. */
#include "vmm/pc/rtc.h"

#include "vmm/devices/pc_map.h"
#include "vmm/pc/pc.h"

void rtc_reset(struct pc *pc) {
    vrtc_reset(&pc->rtc.vrtc, pc_time(pc));
    vrtc_set_memory_size(&pc->rtc.vrtc, pc->config.ram_size);
    pc->rtc.next = TIME_NEVER;
    atomic_store(&pc->rtc.timer_next, TIME_NEVER);
}

/* ---- the caller holds the lock ---- */

/* Brings the clock and its line up to date. An access polls before and after, so an interrupt that
 * it ends at once is still an edge. */
static void rtc_poll(struct pc *pc, uint64_t now) {
    struct rtc *rtc = &pc->rtc;

    vrtc_poll(&rtc->vrtc, now);
    bool interrupt = vrtc_interrupt(&rtc->vrtc);
    if (interrupt != rtc->interrupt)
        irq_lines_set(pc, IRQ_SOURCE_RTC, PC_RTC_IRQ, interrupt);
    rtc->interrupt = interrupt;
}

/* Computes when the next poll is due. The conversion rounds down, so a tick is added. */
static void rtc_plan(struct pc *pc, uint64_t now) {
    struct rtc *rtc = &pc->rtc;
    uint64_t tsc = TIME_NEVER;

    rtc->next = vrtc_next(&rtc->vrtc);
    if (rtc->next != TIME_NEVER) {
        uint64_t left = rtc->next > now ? rtc->next - now : 0;
        tsc = pc_now(pc) + time_scale(left, PC_TIME_HZ, pc->config.tsc_hz) + 1;
    }
    atomic_store(&rtc->timer_next, tsc);
}

/* ---- any CPU ---- */

void rtc_tick(struct pc *pc) {
    spin_lock(&pc->rtc.lock);
    uint64_t now = pc_time(pc);
    rtc_poll(pc, now);
    rtc_plan(pc, now);
    spin_unlock(&pc->rtc.lock);
}

/* Reads, or with `write` writes, one of the two ports. Returns what was read. */
static uint8_t rtc_access(struct pc *pc, uint16_t port, bool write, uint8_t value) {
    struct rtc *rtc = &pc->rtc;

    spin_lock(&rtc->lock);
    uint64_t now = pc_time(pc);
    rtc_poll(pc, now);
    if (write)
        vrtc_write(&rtc->vrtc, port, value, now);
    else
        value = vrtc_read(&rtc->vrtc, port, now);
    rtc_poll(pc, now);
    if (vrtc_next(&rtc->vrtc) != rtc->next) {
        rtc_plan(pc, now);
        pc->config.effects->timer_changed(pc->config.context);
    }
    spin_unlock(&rtc->lock);
    return value;
}

uint32_t rtc_in(struct pc *pc, uint16_t port, unsigned size) {
    (void)size;
    return rtc_access(pc, port, false, 0);
}

void rtc_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value) {
    (void)size;
    rtc_access(pc, port, true, (uint8_t)value);
}
