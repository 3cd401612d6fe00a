/* The real-time clock: see vrtc.h. */
#include "vmm/devices/vrtc.h"

#include <stdbool.h>

#include "vmm/devices/calendar.h"
#include "vmm/devices/pc.h"
#include "vmm/index_clamp.h"

enum {
    SECONDS = 0,
    MINUTES = 2,
    HOURS = 4,
    WEEKDAY = 6,
    DAY = 7,
    MONTH = 8,
    YEAR = 9,
    REGISTER_A = 10,
    REGISTER_B = 11,
    REGISTER_C = 12,
    REGISTER_D = 13
};

#define A_UPDATING    0x80
#define A_DEFAULT     0x26 /* 32768 Hz, and the periodic rate that every PC starts with */
#define B_24_HOURS    0x02
#define B_BINARY      0x04
#define B_INTERRUPTS  0x70
#define B_SET         0x80
#define D_VALID       0x80 /* the battery is good */
#define HOUR_PM       0x80

#define SECOND        1000000000u
#define BEFORE_UPDATE 244000u /* register A announces the next second so long before */

void vrtc_reset(struct vrtc *rtc) {
    *rtc = (struct vrtc){0};
    rtc->memory[REGISTER_A] = A_DEFAULT;
    rtc->memory[REGISTER_B] = B_24_HOURS;
}

/* ---- numbers as the guest wants them ---- */

static uint8_t encode(const struct vrtc *rtc, uint32_t number) {
    if (rtc->memory[REGISTER_B] & B_BINARY)
        return (uint8_t)number;
    return (uint8_t)(number / 10 << 4 | number % 10);
}

static uint32_t decode(const struct vrtc *rtc, uint8_t byte) {
    if (rtc->memory[REGISTER_B] & B_BINARY)
        return byte;
    return (byte >> 4) * 10u + (byte & 15);
}

/* With 12 hours, midnight and noon are 12. */
static uint8_t encode_hour(const struct vrtc *rtc, uint32_t hour) {
    if (rtc->memory[REGISTER_B] & B_24_HOURS)
        return encode(rtc, hour);
    return encode(rtc, (hour + 11) % 12 + 1) | (hour >= 12 ? HOUR_PM : 0);
}

static uint32_t decode_hour(const struct vrtc *rtc, uint8_t byte) {
    if (rtc->memory[REGISTER_B] & B_24_HOURS)
        return decode(rtc, byte);
    return decode(rtc, byte & (uint8_t)~HOUR_PM) % 12 + (byte & HOUR_PM ? 12 : 0);
}

/* ---- the time ---- */

static bool is_set(const struct vrtc *rtc) {
    return rtc->memory[REGISTER_B] & B_SET;
}

static bool is_time(uint32_t index) {
    return index == SECONDS || index == MINUTES || index == HOURS ||
           (index >= WEEKDAY && index <= YEAR) || index == VRTC_CENTURY;
}

static void time_to_memory(struct vrtc *rtc, uint64_t now) {
    struct calendar date = calendar_from_seconds(now / SECOND + rtc->ahead);

    rtc->memory[SECONDS] = encode(rtc, date.second);
    rtc->memory[MINUTES] = encode(rtc, date.minute);
    rtc->memory[HOURS] = encode_hour(rtc, date.hour);
    rtc->memory[WEEKDAY] = encode(rtc, date.weekday);
    rtc->memory[DAY] = encode(rtc, date.day);
    rtc->memory[MONTH] = encode(rtc, date.month);
    rtc->memory[YEAR] = encode(rtc, date.year % 100);
    rtc->memory[VRTC_CENTURY] = encode(rtc, date.year / 100);
}

/* When a second ends stays as it was. */
static void time_from_memory(struct vrtc *rtc, uint64_t now) {
    const uint8_t *memory = rtc->memory;
    struct calendar date = {
        .year = decode(rtc, memory[VRTC_CENTURY]) * 100 + decode(rtc, memory[YEAR]),
        .month = decode(rtc, memory[MONTH]),
        .day = decode(rtc, memory[DAY]),
        .hour = decode_hour(rtc, memory[HOURS]),
        .minute = decode(rtc, memory[MINUTES]),
        .second = decode(rtc, memory[SECONDS]),
    };

    rtc->ahead = calendar_to_seconds(&date) - now / SECOND;
}

/* ---- registers ---- */

static uint8_t read_register_a(const struct vrtc *rtc, uint64_t now) {
    bool updating = !is_set(rtc) && now % SECOND >= SECOND - BEFORE_UPDATE;

    return rtc->memory[REGISTER_A] | (updating ? A_UPDATING : 0);
}

uint8_t vrtc_read(const struct vrtc *rtc, uint16_t port, uint64_t now) {
    uint32_t index = index_clamp(rtc->index, VRTC_SIZE);

    if (port != PC_RTC_PORT + 1)
        return 0xff; /* the index cannot be read */
    if (index == REGISTER_A)
        return read_register_a(rtc, now);
    if (index == REGISTER_C)
        return 0;
    if (index == REGISTER_D)
        return D_VALID;
    if (!is_time(index) || is_set(rtc))
        return rtc->memory[index];
    struct vrtc moment = *rtc;
    time_to_memory(&moment, now);
    return moment.memory[index];
}

/* The time stands still in memory while SET is set, and goes on from there. */
static void write_register_b(struct vrtc *rtc, uint8_t value, uint64_t now) {
    bool stands = is_set(rtc);

    if (!stands)
        time_to_memory(rtc, now);
    rtc->memory[REGISTER_B] = value & (uint8_t)~B_INTERRUPTS;
    if (stands && !is_set(rtc))
        time_from_memory(rtc, now);
}

static void write_time(struct vrtc *rtc, uint32_t index, uint8_t value, uint64_t now) {
    if (!is_set(rtc))
        time_to_memory(rtc, now);
    rtc->memory[index] = value;
    if (!is_set(rtc))
        time_from_memory(rtc, now);
}

void vrtc_write(struct vrtc *rtc, uint16_t port, uint8_t value, uint64_t now) {
    uint32_t index = index_clamp(rtc->index, VRTC_SIZE);

    if (port == PC_RTC_PORT)
        rtc->index = value & (VRTC_SIZE - 1); /* bit 7 masks NMIs, of which there are none */
    if (port != PC_RTC_PORT + 1)
        return;
    if (index == REGISTER_A)
        rtc->memory[index] = value & (uint8_t)~A_UPDATING;
    else if (index == REGISTER_B)
        write_register_b(rtc, value, now);
    else if (is_time(index))
        write_time(rtc, index, value, now);
    else
        rtc->memory[index] = value; /* C's and D's are never looked at */
}
