/* The real-time clock: see vrtc.h. */
#include "vmm/devices/vrtc.h"

#include <stdbool.h>

#include "lib/calendar.h"
#include "lib/index_clamp.h"
#include "vmm/devices/pc_map.h"

enum {
    SECONDS = 0,
    SECONDS_ALARM = 1,
    MINUTES = 2,
    MINUTES_ALARM = 3,
    HOURS = 4,
    HOURS_ALARM = 5,
    WEEKDAY = 6,
    DAY = 7,
    MONTH = 8,
    YEAR = 9,
    REGISTER_A = 10,
    REGISTER_B = 11,
    REGISTER_C = 12,
    REGISTER_D = 13,
    BASE_MEMORY = 0x15,
    EXTENDED_MEMORY = 0x17,
    EXTENDED_MEMORY_AGAIN = 0x30,
    MEMORY_ABOVE_16M = 0x34
};

#define A_UPDATING      0x80
#define A_DIVIDER_RESET 0x60
#define A_RATE          0x0f
#define A_DEFAULT       0x26 /* 32768 Hz, and 1024 Hz for the periodic interrupt */
#define B_24_HOURS      0x02
#define B_BINARY        0x04
#define B_UPDATE        0x10 /* the enable bits; their flags in register C have the same places */
#define B_ALARM         0x20
#define B_PERIODIC      0x40
#define B_INTERRUPTS    0x70
#define B_SET           0x80
#define C_REQUEST       0x80
#define D_VALID         0x80 /* the battery is good */
#define HOUR_PM         0x80
#define ALARM_ANY       0xc0 /* both bits set: any value ("don't care") */

#define SECOND          1000000000u
#define BEFORE_UPDATE   244000u /* ns from UIP in register A to the update */
#define CRYSTAL_HZ      32768u
#define SECONDS_OF_DAY  86400u

void vrtc_reset(struct vrtc *rtc, uint64_t now) {
    *rtc = (struct vrtc){.seen = now};
    rtc->memory[REGISTER_A] = A_DEFAULT;
    rtc->memory[REGISTER_B] = B_24_HOURS;
}

static void put_size(struct vrtc *rtc, uint32_t index, uint64_t units) {
    uint64_t size = units < UINT16_MAX ? units : UINT16_MAX;

    rtc->memory[index] = (uint8_t)size;
    rtc->memory[index + 1] = (uint8_t)(size >> 8);
}

static uint64_t beyond(uint64_t ram_size, uint64_t start) {
    return ram_size > start ? ram_size - start : 0;
}

void vrtc_set_memory_size(struct vrtc *rtc, uint64_t ram_size) {
    uint64_t extended = beyond(ram_size, 1 << 20) >> 10;

    put_size(rtc, BASE_MEMORY, 640);
    put_size(rtc, EXTENDED_MEMORY, extended);
    put_size(rtc, EXTENDED_MEMORY_AGAIN, extended);
    put_size(rtc, MEMORY_ABOVE_16M, beyond(ram_size, 16 << 20) >> 16);
}

/* ---- numbers in the guest's format ---- */

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

/* In 12-hour mode midnight and noon are 12. */
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

/* The divider is held in reset: no time passes. */
static bool is_held(const struct vrtc *rtc) {
    return (rtc->memory[REGISTER_A] & A_DIVIDER_RESET) == A_DIVIDER_RESET;
}

/* The time is stopped: the guest reads and writes the bytes in memory. */
static bool is_stopped(const struct vrtc *rtc) {
    return (rtc->memory[REGISTER_B] & B_SET) || is_held(rtc);
}

/* The seconds of the divider. The guest's seconds begin at the same moments, but have other
 * numbers: see `ahead`. */
static uint64_t second(const struct vrtc *rtc, uint64_t now) {
    return (now + rtc->phase) / SECOND;
}

static uint32_t fraction(const struct vrtc *rtc, uint64_t now) {
    return (uint32_t)((now + rtc->phase) % SECOND);
}

static bool is_time(uint32_t index) {
    return index == SECONDS || index == MINUTES || index == HOURS ||
           (index >= WEEKDAY && index <= YEAR) || index == PC_RTC_CENTURY;
}

static void time_to_memory(struct vrtc *rtc, uint64_t now) {
    struct calendar date = calendar_from_seconds(second(rtc, now) + rtc->ahead);

    rtc->memory[SECONDS] = encode(rtc, date.second);
    rtc->memory[MINUTES] = encode(rtc, date.minute);
    rtc->memory[HOURS] = encode_hour(rtc, date.hour);
    rtc->memory[WEEKDAY] = encode(rtc, date.weekday);
    rtc->memory[DAY] = encode(rtc, date.day);
    rtc->memory[MONTH] = encode(rtc, date.month);
    rtc->memory[YEAR] = encode(rtc, date.year % 100);
    rtc->memory[PC_RTC_CENTURY] = encode(rtc, date.year / 100);
}

/* The moment at which the current second ends does not change. */
static void time_from_memory(struct vrtc *rtc, uint64_t now) {
    const uint8_t *memory = rtc->memory;
    struct calendar date = {
        .year = decode(rtc, memory[PC_RTC_CENTURY]) * 100 + decode(rtc, memory[YEAR]),
        .month = decode(rtc, memory[MONTH]),
        .day = decode(rtc, memory[DAY]),
        .hour = decode_hour(rtc, memory[HOURS]),
        .minute = decode(rtc, memory[MINUTES]),
        .second = decode(rtc, memory[SECONDS]),
    };

    rtc->ahead = calendar_to_seconds(&date) - second(rtc, now);
}

/* ---- the alarm ---- */

#define ANY   (-1)
#define NEVER (-2) /* the byte is not a valid number */

/* The number below `count` that a byte of the alarm matches; ANY, NEVER. */
static int alarm_number(const struct vrtc *rtc, uint32_t index, uint32_t count) {
    uint8_t byte = rtc->memory[index];
    bool hour = index == HOURS_ALARM;
    uint32_t number = hour ? decode_hour(rtc, byte) : decode(rtc, byte);

    if ((byte & ALARM_ANY) == ALARM_ANY)
        return ANY;
    if (number >= count || (hour ? encode_hour(rtc, number) : encode(rtc, number)) != byte)
        return NEVER;
    return (int)number;
}

/* The first second from `from` on whose number of this unit, modulo count, is `number`. */
static uint64_t forward(uint64_t from, uint32_t unit, uint32_t count, int number) {
    uint64_t units = from / unit;

    if (number == ANY || units % count == (uint32_t)number)
        return from;
    return (units + ((uint32_t)number + count - units % count) % count) * unit;
}

/* In how many seconds after the guest's second `now` the alarm is due; 0: never. Advancing one unit
 * changes the others, so this repeats until all match, within a day. */
static uint32_t until_alarm(const struct vrtc *rtc, uint64_t now) {
    int hour = alarm_number(rtc, HOURS_ALARM, 24), minute = alarm_number(rtc, MINUTES_ALARM, 60),
        alarm_second = alarm_number(rtc, SECONDS_ALARM, 60);
    uint64_t before, from = now % SECONDS_OF_DAY, at = from + 1;

    if (hour == NEVER || minute == NEVER || alarm_second == NEVER)
        return 0;
    do {
        before = at;
        at = forward(at, 3600, 24, hour);
        at = forward(at, 60, 60, minute);
        at = forward(at, 1, 60, alarm_second);
    } while (at != before);
    return (uint32_t)(at - from);
}

/* ---- interrupts ---- */

/* The period of the periodic interrupt, in periods of the crystal; 0: none. */
static uint32_t crystal_periods(const struct vrtc *rtc) {
    uint32_t rate = rtc->memory[REGISTER_A] & A_RATE;

    if (rate == 0 || is_held(rtc))
        return 0;
    return rate < 3 ? 64u << rate : 1u << (rate - 1);
}

/* How many periods have ended in this second, which is a whole number of periods long. */
static uint32_t periods(const struct vrtc *rtc, uint64_t now, uint32_t period) {
    return (uint32_t)((uint64_t)fraction(rtc, now) * CRYSTAL_HZ / SECOND / period);
}

void vrtc_poll(struct vrtc *rtc, uint64_t now) {
    if (now <= rtc->seen)
        return;
    uint64_t passed = second(rtc, now) - second(rtc, rtc->seen);
    uint32_t period = crystal_periods(rtc);
    if (period && (passed || periods(rtc, now, period) != periods(rtc, rtc->seen, period)))
        rtc->flags |= B_PERIODIC;
    if (passed && !is_stopped(rtc)) {
        uint32_t alarm = until_alarm(rtc, second(rtc, rtc->seen) + rtc->ahead);
        rtc->flags |= B_UPDATE | (alarm && alarm <= passed ? B_ALARM : 0);
    }
    rtc->seen = now;
}

bool vrtc_interrupt(const struct vrtc *rtc) {
    return rtc->flags & rtc->memory[REGISTER_B] & B_INTERRUPTS;
}

uint64_t vrtc_next(const struct vrtc *rtc) {
    uint8_t enabled = rtc->memory[REGISTER_B];
    uint64_t begun = rtc->seen - fraction(rtc, rtc->seen), next = TIME_NEVER;

    if (vrtc_interrupt(rtc))
        return TIME_NEVER;
    if (enabled & B_ALARM && !is_stopped(rtc)) {
        uint32_t alarm = until_alarm(rtc, second(rtc, rtc->seen) + rtc->ahead);
        next = alarm ? begun + (uint64_t)alarm * SECOND : TIME_NEVER;
    }
    if (enabled & B_UPDATE && !is_stopped(rtc))
        next = begun + SECOND;
    uint32_t period = crystal_periods(rtc);
    if (enabled & B_PERIODIC && period) {
        uint64_t ticks = (uint64_t)(periods(rtc, rtc->seen, period) + 1) * period;
        uint64_t end = begun + (ticks * SECOND + CRYSTAL_HZ - 1) / CRYSTAL_HZ;
        next = end < next ? end : next;
    }
    return next;
}

/* ---- registers ---- */

static uint8_t read_register_a(const struct vrtc *rtc, uint64_t now) {
    bool updating = !is_stopped(rtc) && fraction(rtc, now) >= SECOND - BEFORE_UPDATE;

    return rtc->memory[REGISTER_A] | (updating ? A_UPDATING : 0);
}

/* Reading clears the flags. */
static uint8_t read_register_c(struct vrtc *rtc) {
    uint8_t value = rtc->flags | (vrtc_interrupt(rtc) ? C_REQUEST : 0);

    rtc->flags = 0;
    return value;
}

uint8_t vrtc_read(struct vrtc *rtc, uint16_t port, uint64_t now) {
    uint32_t index = index_clamp(rtc->index, VRTC_SIZE);

    vrtc_poll(rtc, now);
    if (port != PC_RTC_PORT + 1)
        return 0xff; /* the index cannot be read */
    if (index == REGISTER_A)
        return read_register_a(rtc, rtc->seen);
    if (index == REGISTER_C)
        return read_register_c(rtc);
    if (index == REGISTER_D)
        return D_VALID;
    if (!is_time(index) || is_stopped(rtc))
        return rtc->memory[index];
    struct vrtc moment = *rtc;
    time_to_memory(&moment, rtc->seen);
    return moment.memory[index];
}

/* Registers A and B. While SET is set or the divider is held in reset, the time is stopped and in
 * memory; it continues from there. A divider that is released begins in the middle of a second. */
static void write_control(struct vrtc *rtc, uint32_t index, uint8_t value, uint64_t now) {
    bool stopped = is_stopped(rtc), held = is_held(rtc);

    if (!stopped)
        time_to_memory(rtc, now);
    rtc->memory[index] = value;
    if (held && !is_held(rtc))
        rtc->phase = (SECOND / 2 + SECOND - (uint32_t)(now % SECOND)) % SECOND;
    if (stopped && !is_stopped(rtc))
        time_from_memory(rtc, now);
}

static void write_time(struct vrtc *rtc, uint32_t index, uint8_t value, uint64_t now) {
    if (!is_stopped(rtc))
        time_to_memory(rtc, now);
    rtc->memory[index] = value;
    if (!is_stopped(rtc))
        time_from_memory(rtc, now);
}

void vrtc_write(struct vrtc *rtc, uint16_t port, uint8_t value, uint64_t now) {
    uint32_t index = index_clamp(rtc->index, VRTC_SIZE);

    vrtc_poll(rtc, now);
    if (port == PC_RTC_PORT)
        rtc->index = value & (VRTC_SIZE - 1); /* bit 7 masks NMIs: the PC has no source of them */
    if (port != PC_RTC_PORT + 1)
        return;
    if (index == REGISTER_A)
        write_control(rtc, index, value & (uint8_t)~A_UPDATING, rtc->seen);
    else if (index == REGISTER_B) /* SET clears UIE */
        write_control(rtc, index, value & (uint8_t) ~(value & B_SET ? B_UPDATE : 0), rtc->seen);
    else if (is_time(index))
        write_time(rtc, index, value, rtc->seen);
    else
        rtc->memory[index] = value; /* registers C and D are not read from memory */
}
