/* Guards lib/calendar.c by a comparison with the C library's calendar. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "lib/calendar.h"

#define DAY  86400ULL
#define LAST 253402300799ULL

static void assert_same_as_the_library(uint64_t seconds) {
    time_t time = (time_t)seconds;
    const struct tm *tm = gmtime(&time);
    struct calendar date = calendar_from_seconds(seconds);

    assert_non_null(tm);
    assert_int_equal(date.year, tm->tm_year + 1900);
    assert_int_equal(date.month, tm->tm_mon + 1);
    assert_int_equal(date.day, tm->tm_mday);
    assert_int_equal(date.weekday, tm->tm_wday + 1);
    assert_int_equal(date.hour, tm->tm_hour);
    assert_int_equal(date.minute, tm->tm_min);
    assert_int_equal(date.second, tm->tm_sec);
    assert_true(calendar_to_seconds(&date) == seconds);
}

static void every_day_until_the_year_9999(void **state) {
    (void)state;
    for (uint64_t day = 0; day <= LAST / DAY; day++)
        assert_same_as_the_library(day * DAY + day % DAY);
    assert_same_as_the_library(LAST);
}

static void later_times_give_the_last_second(void **state) {
    (void)state;
    struct calendar date = calendar_from_seconds(UINT64_MAX);

    assert_true(calendar_to_seconds(&date) == LAST);
}

static void invalid_fields_are_clamped(void **state) {
    struct calendar none = {0};
    struct calendar all = {UINT32_MAX, UINT32_MAX, UINT32_MAX, 0,
                           UINT32_MAX, UINT32_MAX, UINT32_MAX};
    struct calendar february = {.year = 2023, .month = 2, .day = 31};
    struct calendar leap = {.year = 2024, .month = 2, .day = 31};

    (void)state;
    assert_true(calendar_to_seconds(&none) == 0);
    assert_true(calendar_to_seconds(&all) == LAST);
    assert_int_equal(calendar_from_seconds(calendar_to_seconds(&february)).day, 28);
    assert_int_equal(calendar_from_seconds(calendar_to_seconds(&leap)).day, 29);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_until_the_year_9999),
        cmocka_unit_test(later_times_give_the_last_second),
        cmocka_unit_test(invalid_fields_are_clamped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
