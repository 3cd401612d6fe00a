/* Guards vmm/devices/vrtc.c: the three interrupts of the real-time clock, their flags in register
 * C, and the times when they are due. */
#include <stdlib.h>

#include "tests/unit/vrtc_alone.h"

static void poll_now(void) {
    vrtc_poll(&rtc, now);
}

/* The interrupt rises at the time that vrtc_next() returns, and not before. */
static void go_to_next(void) {
    uint64_t next = vrtc_next(&rtc);

    assert_true(next != TIME_NEVER && next > now);
    vrtc_poll(&rtc, next - 1);
    assert_false(vrtc_interrupt(&rtc));
    now = next;
    poll_now();
    assert_true(vrtc_interrupt(&rtc));
}

/* ---- update-ended ---- */

static void each_second_sets_the_update_ended_flag(void **state) {
    (void)state;
    assert_int_equal(in(REGISTER_C), 0);
    now += SECOND - 1;
    assert_int_equal(in(REGISTER_C)&UPDATE, 0);
    now++;
    assert_int_equal(in(REGISTER_C)&UPDATE, UPDATE);
    assert_int_equal(in(REGISTER_C), 0);
    now += 100 * SECOND;
    assert_int_equal(in(REGISTER_C)&UPDATE, UPDATE);
    assert_int_equal(in(REGISTER_C), 0);
}

static void an_enabled_flag_interrupts_until_it_is_read(void **state) {
    (void)state;
    out(REGISTER_B, B_24 | UPDATE);
    uint64_t begun = now;
    now += 1000;
    poll_now();
    go_to_next();
    assert_true(now == begun + SECOND);
    assert_true(vrtc_next(&rtc) == TIME_NEVER); /* already high */
    now += 5 * SECOND;
    poll_now();
    assert_int_equal(in(REGISTER_C) & (REQUEST | UPDATE), REQUEST | UPDATE);
    assert_false(vrtc_interrupt(&rtc));
    go_to_next();
    assert_true(now == begun + 7 * SECOND);
}

static void enabling_a_flag_that_is_set_interrupts_at_once(void **state) {
    (void)state;
    now += SECOND;
    poll_now();
    assert_false(vrtc_interrupt(&rtc));
    assert_true(vrtc_next(&rtc) == TIME_NEVER);
    out(REGISTER_B, B_24 | UPDATE);
    assert_true(vrtc_interrupt(&rtc));
    out(REGISTER_B, B_24);
    assert_false(vrtc_interrupt(&rtc));
    assert_int_equal(in(REGISTER_C) & (REQUEST | UPDATE), UPDATE);
}

static void set_stops_updates_and_clears_uie(void **state) {
    (void)state;
    out(REGISTER_B, B_24 | UPDATE | ALARMED | B_SET);
    assert_int_equal(in(REGISTER_B), B_24 | ALARMED | B_SET);
    for (unsigned i = 0; i < 3; i++)
        out((uint8_t)(ALARM + 2 * i), 0xc0);
    assert_true(vrtc_next(&rtc) == TIME_NEVER);
    now += 10 * SECOND;
    assert_int_equal(in(REGISTER_C) & (UPDATE | ALARMED), 0);
    out(REGISTER_B, B_24);
    assert_int_equal(in(REGISTER_C) & (UPDATE | ALARMED), 0);
    now += SECOND;
    assert_int_equal(in(REGISTER_C) & (UPDATE | ALARMED), UPDATE | ALARMED);
}

/* ---- periodic ---- */

static void the_periodic_rates_are_those_of_the_data_sheet(void **state) {
    static const unsigned rate[16] = {0,   256, 128, 8192, 4096, 2048, 1024, 512,
                                      256, 128, 64,  32,   16,   8,    4,    2};

    (void)state;
    for (unsigned i = 1; i < 16; i++) {
        uint64_t begun = now;
        out(REGISTER_A, 0x20 | i);
        out(REGISTER_B, B_24 | PERIODIC);
        in(REGISTER_C);
        for (unsigned n = 1; n <= rate[i]; n++) {
            go_to_next();
            assert_true(now == begun + (n * SECOND + rate[i] - 1) / rate[i]);
            assert_int_equal(in(REGISTER_C) & ~ALARMED,
                             REQUEST | PERIODIC | (n == rate[i] ? UPDATE : 0));
        }
    }
    out(REGISTER_A, 0x20);
    now += 10 * SECOND;
    assert_int_equal(in(REGISTER_C)&PERIODIC, 0);
    assert_true(vrtc_next(&rtc) == TIME_NEVER);
}

static void several_periods_between_two_polls_set_one_flag(void **state) {
    (void)state;
    out(REGISTER_A, 0x23);
    out(REGISTER_B, B_24 | PERIODIC);
    now += 1000000 * SECOND + 1;
    assert_int_equal(in(REGISTER_C)&PERIODIC, PERIODIC);
    assert_int_equal(in(REGISTER_C), 0);
    assert_true(vrtc_next(&rtc) - now <= SECOND / 8192 + 1);
}

static void periods_continue_with_set_but_not_while_the_divider_is_held(void **state) {
    (void)state;
    out(REGISTER_B, B_24 | PERIODIC | B_SET);
    go_to_next();
    in(REGISTER_C);
    out(REGISTER_A, 0x66);
    assert_true(vrtc_next(&rtc) == TIME_NEVER);
    now += 10 * SECOND;
    assert_int_equal(in(REGISTER_C), 0);
}

/* ---- alarm ---- */

/* The byte of the alarm for a number; a byte that no number has; "don't care". */
static uint8_t alarm_byte(uint8_t index) {
    unsigned kind = (unsigned)rand() % 8;

    if (kind == 0)
        return 0x7f;
    if (kind < 4)
        return (uint8_t)(0xc0 | rand() % 64);
    return in(index);
}

static bool matches(uint8_t index, uint8_t byte) {
    return byte >= 0xc0 || in(index) == byte;
}

/* Compares the alarm with the time that the clock shows, each second for more than a day. */
static void check_alarm(uint8_t format) {
    uint8_t byte[3];

    out(REGISTER_B, format | ALARMED);
    uint64_t begun = now;
    now += (uint64_t)(rand() % 86400) * SECOND; /* a random time of the day */
    for (uint8_t i = 0; i < 3; i++)
        byte[i] = alarm_byte((uint8_t)(2 * i));
    vrtc_reset(&rtc, begun);
    now = begun;
    out(REGISTER_B, format | ALARMED);
    for (uint8_t i = 0; i < 3; i++)
        out((uint8_t)(2 * i + ALARM), byte[i]);
    uint64_t next = vrtc_next(&rtc);
    for (unsigned i = 0; i < 87000; i++) {
        now += SECOND;
        bool expected = matches(0, byte[0]) && matches(2, byte[1]) && matches(4, byte[2]);
        assert_int_equal((in(REGISTER_C)&ALARMED) != 0, expected);
        if (expected) {
            assert_true(next == now);
            next = vrtc_next(&rtc);
        }
    }
    assert_true(next > now);
}

static void the_alarm_is_due_when_all_three_bytes_match(void **state) {
    static const uint8_t format[] = {0, B_24, B_BINARY, B_24 | B_BINARY};

    (void)state;
    srand(1);
    for (unsigned i = 0; i < 24; i++)
        check_alarm(format[i % 4]);
}

static void an_alarm_between_two_polls_sets_its_flag(void **state) {
    (void)state;
    out(ALARM, 0x00);
    out(ALARM + 2, 0x00);
    out(ALARM + 4, 0x05);
    now += 5 * 3600 * SECOND + SECOND; /* 04:59:59 */
    assert_int_equal(in(REGISTER_C)&ALARMED, 0);
    now += SECOND;
    assert_int_equal(in(REGISTER_C)&ALARMED, ALARMED);
    now += 86399 * SECOND;
    assert_int_equal(in(REGISTER_C)&ALARMED, 0);
    now += 1000000 * SECOND;
    assert_int_equal(in(REGISTER_C)&ALARMED, ALARMED);
}

static void the_alarm_uses_the_time_that_the_guest_has_set(void **state) {
    (void)state;
    out(ALARM, 0x00);
    out(ALARM + 2, 0x00);
    out(ALARM + 4, 0x05);
    out(REGISTER_B, B_24 | ALARMED | B_SET);
    out(HOURS, 0x04);
    out(REGISTER_B, B_24 | ALARMED); /* 04:59:58 */
    uint64_t begun = now;
    go_to_next();
    assert_true(now == begun + 2 * SECOND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_second_sets_the_update_ended_flag, set_up),
        cmocka_unit_test_setup(an_enabled_flag_interrupts_until_it_is_read, set_up),
        cmocka_unit_test_setup(enabling_a_flag_that_is_set_interrupts_at_once, set_up),
        cmocka_unit_test_setup(set_stops_updates_and_clears_uie, set_up),
        cmocka_unit_test_setup(the_periodic_rates_are_those_of_the_data_sheet, set_up),
        cmocka_unit_test_setup(several_periods_between_two_polls_set_one_flag, set_up),
        cmocka_unit_test_setup(periods_continue_with_set_but_not_while_the_divider_is_held, set_up),
        cmocka_unit_test_setup(the_alarm_is_due_when_all_three_bytes_match, set_up),
        cmocka_unit_test_setup(an_alarm_between_two_polls_sets_its_flag, set_up),
        cmocka_unit_test_setup(the_alarm_uses_the_time_that_the_guest_has_set, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
