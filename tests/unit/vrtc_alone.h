/* A real-time clock for the tests of vmm/devices/vrtc.c; its ports and registers. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/calendar.h"
#include "vmm/devices/pc_map.h"
#include "vmm/devices/vrtc.h"

#define INDEX      0x70
#define DATA       0x71

#define SECONDS    0
#define MINUTES    2
#define HOURS      4
#define ALARM      1 /* of the seconds; 3 of the minutes, 5 of the hours */
#define WEEKDAY    6
#define DAY        7
#define MONTH      8
#define YEAR       9
#define REGISTER_A 10
#define REGISTER_B 11
#define REGISTER_C 12
#define REGISTER_D 13

#define B_24       0x02
#define B_BINARY   0x04
#define B_SET      0x80
#define UPDATE     0x10 /* the enable bit in B, the flag in C */
#define ALARMED    0x20
#define PERIODIC   0x40
#define REQUEST    0x80

#define SECOND     1000000000ULL

static struct vrtc rtc;
static uint64_t now;

/* Thursday 2024-02-29, 23:59:58. */
static inline int set_up(void **state) {
    struct calendar date = {
        .year = 2024, .month = 2, .day = 29, .hour = 23, .minute = 59, .second = 58};

    (void)state;
    memset(&rtc, 0xee, sizeof(rtc));
    now = calendar_to_seconds(&date) * SECOND;
    vrtc_reset(&rtc, now);
    return 0;
}

static inline uint8_t in(uint8_t index) {
    vrtc_write(&rtc, INDEX, index, now);
    return vrtc_read(&rtc, DATA, now);
}

static inline void out(uint8_t index, unsigned value) {
    vrtc_write(&rtc, INDEX, index, now);
    vrtc_write(&rtc, DATA, (uint8_t)value, now);
}
