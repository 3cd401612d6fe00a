/* Dates of the Gregorian calendar, and seconds since 1970-01-01 00:00:00. Pure. */
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

/* What is out of its range counts as the nearest that is in it; the weekday does not count. */
uint64_t calendar_to_seconds(const struct calendar *date);
/* Later than the last year: that one's last second. */
struct calendar calendar_from_seconds(uint64_t seconds);
