/* Dates and seconds: see calendar.h.
 *
 * Both directions count days from January 1st of year 1, as if the Gregorian calendar had been in
 * use then: its leap-year rule repeats every 400 years from there. */
#include "lib/calendar.h"

#include <stdbool.h>

#include "lib/range.h"

#define DAY         86400u
#define THURSDAY    4 /* the weekday of 1970-01-01; Sunday is 0 */
#define DAYS_4      1461u
#define DAYS_100    36524u
#define DAYS_400    146097u
#define LAST_SECOND 253402300799u /* 9999-12-31 23:59:59 */

/* Days before each month of a common year. */
static const uint32_t days_before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};

static bool is_leap(uint32_t year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days from January 1st of year 1 to January 1st of `year`. */
static uint32_t days_before_year(uint32_t year) {
    uint32_t years = year - 1;

    return years * 365 + years / 4 - years / 100 + years / 400;
}

/* Days from January 1st to the first day of the month; month 0 is January, 12 the next January. */
static uint32_t days_before_month(uint32_t month, bool leap) {
    return days_before[month] + (leap && month >= 2);
}

uint64_t calendar_to_seconds(const struct calendar *date) {
    uint32_t year = range_clamp(CALENDAR_YEAR_MIN, date->year, CALENDAR_YEAR_MAX);
    uint32_t month = range_clamp(1, date->month, 12) - 1;
    bool leap = is_leap(year);
    uint32_t length = days_before_month(month + 1, leap) - days_before_month(month, leap);
    uint32_t day = range_clamp(1, date->day, length) - 1;
    uint64_t days = days_before_year(year) - days_before_year(CALENDAR_YEAR_MIN) +
                    days_before_month(month, leap) + day;

    return days * DAY + range_clamp(0, date->hour, 23) * 3600 +
           range_clamp(0, date->minute, 59) * 60 + range_clamp(0, date->second, 59);
}

/* The year that contains day number `days`, counted from January 1st of year 1, and in *day the
 * number of the day within that year; both numbers begin at 0. The quotients are limited to 3: the
 * last day of a leap year does not begin a fifth year of the four, nor the last day of 400 years a
 * fifth century. */
static uint32_t year_of(uint32_t days, uint32_t *day) {
    uint32_t cycles = days / DAYS_400, left = days % DAYS_400;
    uint32_t centuries = range_clamp(0, left / DAYS_100, 3);
    left -= centuries * DAYS_100;
    uint32_t fours = left / DAYS_4;
    left -= fours * DAYS_4;
    uint32_t years = range_clamp(0, left / 365, 3);
    *day = left - years * 365;
    return cycles * 400 + centuries * 100 + fours * 4 + years + 1;
}

struct calendar calendar_from_seconds(uint64_t seconds) {
    if (seconds > LAST_SECOND)
        seconds = LAST_SECOND;
    uint32_t days = (uint32_t)(seconds / DAY), second = (uint32_t)(seconds % DAY);
    struct calendar date = {.weekday = (days + THURSDAY) % 7 + 1,
                            .hour = second / 3600,
                            .minute = second / 60 % 60,
                            .second = second % 60};

    date.year = year_of(days + days_before_year(CALENDAR_YEAR_MIN), &date.day);
    while (date.month < 11 && date.day >= days_before_month(date.month + 1, is_leap(date.year)))
        date.month++;
    date.day -= days_before_month(date.month, is_leap(date.year));
    date.month++;
    date.day++;
    return date;
}
