/* Dates of the Gregorian calendar, and seconds since 1970-01-01 00:00:00.
 *
 * The firmware reports the time as a date, a guest reads it as a date from its real-time clock, and
 * everything between counts seconds. Time zones and leap seconds are not considered. Pure. Read
 * next: vmm/devices/vrtc.h. */
#pragma once
#include <stdint.h>

#define CALENDAR_YEAR_MIN 1970
#define CALENDAR_YEAR_MAX 9999

struct calendar {
    uint32_t year;
    uint32_t month;   /* 1 to 12 */
    uint32_t day;     /* 1 to 31 */
    uint32_t weekday; /* 1 is Sunday, 7 Saturday */
    uint32_t hour, minute, second;
};

/* Seconds since 1970-01-01 00:00:00. Invalid fields are clamped; the weekday is ignored. */
uint64_t calendar_to_seconds(const struct calendar *date);

/* The date of a number of seconds. Times after CALENDAR_YEAR_MAX give that year's last second. */
struct calendar calendar_from_seconds(uint64_t seconds);
