/* Guards vmm/devices/vpit_counter.c: each mode of the 8254 data sheet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/devices/vpit_counter.h"

#define HOUR (3600ULL * 1193182)

static struct vpit_counter counter;

static int set_up(void **state) {
    (void)state;
    counter = (struct vpit_counter){.gate = true};
    return 0;
}

static void program(unsigned mode, uint16_t count, uint64_t now) {
    vpit_counter_control(&counter, mode, false, now);
    vpit_counter_write(&counter, count, now);
}

/* OUT from `from` on, one character for each tick. */
static void assert_wave(uint64_t from, const char *wave) {
    for (unsigned i = 0; wave[i]; i++)
        assert_int_equal(vpit_counter_output(&counter, from + i), wave[i] == '^');
}

static void assert_counts(uint64_t from, const uint16_t *value, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(vpit_counter_read(&counter, from + i), value[i]);
}

#define ASSERT_COUNTS(from, ...)                                                                   \
    assert_counts(from, (const uint16_t[]){__VA_ARGS__},                                           \
                  sizeof((const uint16_t[]){__VA_ARGS__}) / sizeof(uint16_t))

/* ---- the timing diagrams of the data sheet; a count written at 0 is loaded at 1 ---- */

static void mode_0_rises_n_plus_1_clocks_after_the_write_and_stays_high(void **state) {
    (void)state;
    program(0, 4, 0);
    assert_wave(0, "_____^^^^");
    ASSERT_COUNTS(1, 4, 3, 2, 1, 0, 0xffff, 0xfffe);
    assert_true(vpit_counter_output(&counter, HOUR));
    assert_int_equal(vpit_counter_next_change(&counter, 0), 5);
    assert_int_equal(vpit_counter_next_change(&counter, 5), TIME_NEVER);
    assert_int_equal(vpit_counter_rises(&counter, 0, HOUR), 1);
}

static void mode_0_is_held_by_the_gate(void **state) {
    (void)state;
    program(0, 3, 0);
    vpit_counter_gate(&counter, false, 2);
    ASSERT_COUNTS(2, 2, 2, 2, 2);
    assert_int_equal(vpit_counter_next_change(&counter, 3), TIME_NEVER);
    vpit_counter_gate(&counter, true, 5);
    ASSERT_COUNTS(5, 2, 1, 0);
    assert_wave(5, "__^");
}

static void in_mode_0_the_first_byte_stops_and_the_second_loads(void **state) {
    (void)state;
    program(0, 3, 0);
    vpit_counter_first_byte(&counter, 10);
    assert_wave(10, "_____");
    ASSERT_COUNTS(10, 0xfffa, 0xfffa, 0xfffa);
    assert_int_equal(vpit_counter_next_change(&counter, 10), TIME_NEVER);
    vpit_counter_write(&counter, 2, 20);
    assert_wave(20, "___^");
}

static void mode_1_makes_a_pulse_of_n_clocks_at_each_rise_of_the_gate(void **state) {
    (void)state;
    vpit_counter_gate(&counter, false, 0);
    program(1, 3, 0);
    assert_wave(0, "^^^");
    vpit_counter_gate(&counter, true, 5);
    assert_wave(5, "^___^^^");
    ASSERT_COUNTS(6, 3, 2, 1, 0, 0xffff);
    vpit_counter_gate(&counter, false, 6); /* the level of the gate has no effect, */
    vpit_counter_write(&counter, 2, 6);    /* nor has a count before the next trigger */
    assert_true(vpit_counter_null(&counter, 7));
    vpit_counter_gate(&counter, true, 7);
    assert_wave(7, "___^^");
    assert_false(vpit_counter_null(&counter, 8));
}

static void mode_2_is_low_in_the_last_of_n_clocks(void **state) {
    (void)state;
    program(2, 3, 0);
    assert_wave(0, "^^^_^^_^^_");
    ASSERT_COUNTS(1, 3, 2, 1, 3, 2, 1, 3);
    assert_int_equal(vpit_counter_next_change(&counter, 0), 3);
    assert_int_equal(vpit_counter_next_change(&counter, 3), 4);
    assert_int_equal(vpit_counter_rises(&counter, 0, 1 + 3 * 1000000), 1000000);
    vpit_counter_write(&counter, 4, 5);
    assert_wave(5, "^_^^^_^^^_"); /* the new count after the cycle */
}

static void the_gate_of_mode_2_ends_the_pulse_and_restarts(void **state) {
    (void)state;
    program(2, 3, 0);
    vpit_counter_gate(&counter, false, 3);
    assert_wave(3, "^^^^");
    assert_int_equal(vpit_counter_next_change(&counter, 3), TIME_NEVER);
    vpit_counter_gate(&counter, true, 10);
    assert_wave(10, "^^^_^^_");
}

static void mode_3_is_high_for_half_of_an_even_count(void **state) {
    (void)state;
    program(3, 4, 0);
    assert_wave(0, "^^^__^^__^^");
    ASSERT_COUNTS(1, 4, 2, 4, 2, 4);
}

static void mode_3_is_high_one_clock_longer_with_an_odd_count(void **state) {
    (void)state;
    program(3, 5, 0);
    assert_wave(0, "^^^^__^^^__");
    ASSERT_COUNTS(1, 4, 2, 0, 4, 2, 4, 2, 0);
    vpit_counter_write(&counter, 6, 2);
    assert_wave(2, "^^___^^^___"); /* the new count after the half-cycle */
    assert_int_equal(vpit_counter_rises(&counter, 2, 7 + 6 * 1000), 1001);
}

static void mode_4_strobes_once_n_plus_1_clocks_after_the_write(void **state) {
    (void)state;
    program(4, 3, 0);
    assert_wave(0, "^^^^_^^^^");
    ASSERT_COUNTS(1, 3, 2, 1, 0, 0xffff);
    assert_int_equal(vpit_counter_next_change(&counter, 0), 4);
    assert_int_equal(vpit_counter_next_change(&counter, 4), 5);
    assert_int_equal(vpit_counter_next_change(&counter, 5), TIME_NEVER);
    vpit_counter_write(&counter, 2, 8);
    assert_wave(8, "^^^_^");
}

static void mode_5_strobes_after_a_rise_of_the_gate(void **state) {
    (void)state;
    vpit_counter_gate(&counter, false, 0);
    program(5, 3, 0);
    assert_int_equal(vpit_counter_next_change(&counter, 0), TIME_NEVER);
    vpit_counter_gate(&counter, true, 5);
    assert_wave(5, "^^^^_^^^");
    vpit_counter_gate(&counter, false, 6);
    vpit_counter_gate(&counter, true, 7); /* again, before the strobe */
    assert_wave(7, "^^^^_^");
}

/* ---- counts ---- */

static void the_count_0_is_65536_or_10000(void **state) {
    (void)state;
    for (unsigned mode = 0; mode <= 5; mode++) {
        for (unsigned bcd = 0; bcd <= 1; bcd++) {
            uint64_t n = bcd ? 10000 : 65536;
            uint64_t first_change[] = {1 + n, 1, n, 1 + n / 2, 1 + n, 1 + n};

            set_up(NULL);
            vpit_counter_gate(&counter, false, 0);
            vpit_counter_control(&counter, mode, bcd, 0);
            vpit_counter_gate(&counter, mode != 1 && mode != 5, 0);
            vpit_counter_write(&counter, 0, 0);
            vpit_counter_gate(&counter, true, 0);
            assert_int_equal(vpit_counter_read(&counter, 1), 0);
            assert_int_equal(vpit_counter_next_change(&counter, 0), first_change[mode]);
        }
    }
}

static void bcd_counts_in_digits(void **state) {
    (void)state;
    vpit_counter_control(&counter, 0, true, 0);
    vpit_counter_write(&counter, 0x1001, 0);
    ASSERT_COUNTS(1, 0x1001, 0x1000, 0x0999, 0x0998);
    ASSERT_COUNTS(1001, 0x0001, 0x0000, 0x9999, 0x9998);
    assert_int_equal(vpit_counter_next_change(&counter, 0), 1002);
}

static void bcd_digits_above_9_have_their_binary_value(void **state) {
    (void)state;
    for (unsigned mode = 0; mode <= 4; mode++) {
        vpit_counter_control(&counter, mode, true, 0);
        vpit_counter_write(&counter, 0xffff, 0);
        for (uint64_t t = 0; t < 40000; t += 7) {
            uint16_t value = vpit_counter_read(&counter, t);

            assert_true((value & 15) < 10 && (value >> 4 & 15) < 10 && (value >> 8 & 15) < 10 &&
                        value >> 12 < 10);
        }
        set_up(NULL);
    }
}

static void in_modes_2_and_3_the_count_1_is_taken_as_2(void **state) {
    (void)state;
    program(2, 1, 0);
    assert_wave(0, "^^_^_^_");
    program(3, 1, 100);
    assert_wave(100, "^^_^_^_");
    assert_int_equal(vpit_counter_rises(&counter, 101, 101 + HOUR), HOUR / 2);
    program(0, 1, 200);
    assert_wave(200, "__^^");
    program(4, 1, 300);
    assert_wave(300, "^^_^^");
}

static void a_count_is_null_until_it_is_loaded(void **state) {
    (void)state;
    vpit_counter_control(&counter, 2, false, 0);
    assert_true(vpit_counter_null(&counter, 1000));
    vpit_counter_write(&counter, 10, 1000);
    assert_true(vpit_counter_null(&counter, 1000));
    assert_false(vpit_counter_null(&counter, 1001));
    vpit_counter_write(&counter, 20, 1005);
    assert_true(vpit_counter_null(&counter, 1010));
    assert_false(vpit_counter_null(&counter, 1011));
}

static void a_long_time_without_access_needs_no_loop(void **state) {
    uint64_t far = UINT64_MAX / 2;

    (void)state;
    for (unsigned mode = 0; mode <= 5; mode++) {
        program(mode, 2, 0);
        vpit_counter_read(&counter, far);
        vpit_counter_rises(&counter, 0, far);
        if (mode == 2 || mode == 3)
            assert_in_range(vpit_counter_next_change(&counter, far), far + 1, far + 2);
        assert_int_equal(vpit_counter_rises(&counter, far, 10), 0);
    }
}

#define TEST(function) cmocka_unit_test_setup(function, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(mode_0_rises_n_plus_1_clocks_after_the_write_and_stays_high),
        TEST(mode_0_is_held_by_the_gate),
        TEST(in_mode_0_the_first_byte_stops_and_the_second_loads),
        TEST(mode_1_makes_a_pulse_of_n_clocks_at_each_rise_of_the_gate),
        TEST(mode_2_is_low_in_the_last_of_n_clocks),
        TEST(the_gate_of_mode_2_ends_the_pulse_and_restarts),
        TEST(mode_3_is_high_for_half_of_an_even_count),
        TEST(mode_3_is_high_one_clock_longer_with_an_odd_count),
        TEST(mode_4_strobes_once_n_plus_1_clocks_after_the_write),
        TEST(mode_5_strobes_after_a_rise_of_the_gate),
        TEST(the_count_0_is_65536_or_10000),
        TEST(bcd_counts_in_digits),
        TEST(bcd_digits_above_9_have_their_binary_value),
        TEST(in_modes_2_and_3_the_count_1_is_taken_as_2),
        TEST(a_count_is_null_until_it_is_loaded),
        TEST(a_long_time_without_access_needs_no_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
