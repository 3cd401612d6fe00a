/* Guards vmm/devices/vrtc.c: the three interrupts of the real-time clock, their flags in register C
 * and when they are due. */
#include <stdlib.h>

#include "tests/unit/vrtc_alone.h"

static void look(void) {
    vrtc_poll(&rtc, now);
}

/* Nothing before the time that vrtc_next() tells, and the interrupt then. */
static void go_to_next(void) {
    uint64_t next = vrtc_next(&rtc);

    assert_true(next != TIME_NEVER && next > now);
    vrtc_poll(&rtc, next - 1);
    assert_false(vrtc_interrupt(&rtc));
    now = next;
    look();
    assert_true(vrtc_interrupt(&rtc));
}

/* ---- update-ended ---- */

static void each_second_ends_an_update(void **state) {
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

static void a_flag_interrupts_if_it_is_enabled_until_it_is_read(void **state) {
    (void)state;
    out(REGISTER_B, B_24 | UPDATE);
    uint64_t begun = now;
    now += 1000;
    look();
    go_to_next();
    assert_true(now == begun + SECOND);
    assert_true(vrtc_next(&rtc) == TIME_NEVER); /* it is high already */
    now += 5 * SECOND;
    look();
    assert_int_equal(in(REGISTER_C) & (REQUEST | UPDATE), REQUEST | UPDATE);
    assert_false(vrtc_interrupt(&rtc));
    go_to_next();
    assert_true(now == begun + 7 * SECOND);
}

static void a_flag_that_is_set_interrupts_as_soon_as_it_is_enabled(void **state) {
    (void)state;
    now += SECOND;
    look();
    assert_false(vrtc_interrupt(&rtc));
    assert_true(vrtc_next(&rtc) == TIME_NEVER);
    out(REGISTER_B, B_24 | UPDATE);
    assert_true(vrtc_interrupt(&rtc));
    out(REGISTER_B, B_24);
    assert_false(vrtc_interrupt(&rtc));
    assert_int_equal(in(REGISTER_C) & (REQUEST | UPDATE), UPDATE);
}

static void set_stops_updates_and_takes_their_enable(void **state) {
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

static void what_was_slept_over_is_one(void **state) {
    (void)state;
    out(REGISTER_A, 0x23);
    out(REGISTER_B, B_24 | PERIODIC);
    now += 1000000 * SECOND + 1;
    assert_int_equal(in(REGISTER_C)&PERIODIC, PERIODIC);
    assert_int_equal(in(REGISTER_C), 0);
    assert_true(vrtc_next(&rtc) - now <= SECOND / 8192 + 1);
}

static void periods_go_on_under_set_and_not_while_the_divider_is_held(void **state) {
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

/* What byte the alarm has for a number; one that no number has; don't care. */
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

/* Second by second for more than a day, beside a comparison with what the clock shows. */
static void check_alarm(uint8_t format) {
    uint8_t byte[3];

    out(REGISTER_B, format | ALARMED);
    uint64_t begun = now;
    now += (uint64_t)(rand() % 86400) * SECOND; /* the time to choose from */
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

static void the_alarm_comes_when_the_time_is_its(void **state) {
    static const uint8_t format[] = {0, B_24, B_BINARY, B_24 | B_BINARY};

    (void)state;
    srand(1);
    for (unsigned i = 0; i < 24; i++)
        check_alarm(format[i % 4]);
}

static void an_alarm_that_was_slept_over_has_come(void **state) {
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

static void an_alarm_follows_the_time_that_the_guest_sets(void **state) {
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
        cmocka_unit_test_setup(each_second_ends_an_update, set_up),
        cmocka_unit_test_setup(a_flag_interrupts_if_it_is_enabled_until_it_is_read, set_up),
        cmocka_unit_test_setup(a_flag_that_is_set_interrupts_as_soon_as_it_is_enabled, set_up),
        cmocka_unit_test_setup(set_stops_updates_and_takes_their_enable, set_up),
        cmocka_unit_test_setup(the_periodic_rates_are_those_of_the_data_sheet, set_up),
        cmocka_unit_test_setup(what_was_slept_over_is_one, set_up),
        cmocka_unit_test_setup(periods_go_on_under_set_and_not_while_the_divider_is_held, set_up),
        cmocka_unit_test_setup(the_alarm_comes_when_the_time_is_its, set_up),
        cmocka_unit_test_setup(an_alarm_that_was_slept_over_has_come, set_up),
        cmocka_unit_test_setup(an_alarm_follows_the_time_that_the_guest_sets, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
