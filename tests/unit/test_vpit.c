/* Guards vmm/devices/vpit.c: writing and reading the counters: bytes, latches, read-back. */
#include "tests/unit/vpit_alone.h"

/* ---- bytes ---- */

static void a_count_is_written_in_one_or_two_bytes(void **state) {
    (void)state;
    out(CONTROL, SELECT(0) | LOW_BYTE | MODE(0), 0);
    out(C0, 0x12, 0);
    assert_int_equal(vpit_next_change(&pit, 0, 0), 1 + 0x12);
    out(CONTROL, SELECT(0) | HIGH_BYTE | MODE(0), 100);
    out(C0, 0x12, 100);
    assert_int_equal(vpit_next_change(&pit, 0, 100), 101 + 0x1200);
    out(CONTROL, SELECT(0) | BOTH | MODE(0), 200);
    out(C0, 0x12, 200);
    assert_int_equal(vpit_next_change(&pit, 0, 200), TIME_NEVER);
    out(C0, 0x34, 200);
    assert_int_equal(vpit_next_change(&pit, 0, 200), 201 + 0x3412);
    out(C0, 0x12, 300); /* the first byte stops mode 0 */
    assert_int_equal(vpit_next_change(&pit, 0, 300), TIME_NEVER);
}

static void a_count_is_read_in_one_or_two_bytes(void **state) {
    (void)state;
    out(CONTROL, SELECT(1) | BOTH | MODE(2), 0);
    out(C1, 0x34, 0);
    out(C1, 0x12, 0);
    assert_word(C1, 0x1234, 1);
    assert_int_equal(in(C1, 2), 0x33);
    assert_int_equal(in(C1, 0x35), 0x12); /* the high byte of the count at this time */
    out(CONTROL, SELECT(1) | HIGH_BYTE | MODE(2), 100);
    out(C1, 0x56, 100);
    assert_int_equal(in(C1, 101), 0x56);
    assert_int_equal(in(C1, 101), 0x56);
    assert_int_equal(in(C1, 102), 0x55);
    out(CONTROL, SELECT(1) | LOW_BYTE | MODE(2), 200);
    out(C1, 0x56, 200);
    assert_int_equal(in(C1, 202), 0x55);
}

static void reads_and_writes_of_two_bytes_may_be_mixed(void **state) {
    (void)state;
    out(CONTROL, SELECT(0) | BOTH | MODE(2), 0);
    out(C0, 0x34, 0);
    out(C0, 0x12, 0);
    assert_int_equal(in(C0, 1), 0x34);
    out(C0, 0x78, 1);
    assert_int_equal(in(C0, 1), 0x12);
    out(C0, 0x56, 1);
    assert_word(C0, 0x5678, 1 + 0x1234);
}

static void a_control_word_discards_half_a_count(void **state) {
    (void)state;
    out(CONTROL, SELECT(0) | BOTH | MODE(2), 0);
    out(C0, 0x12, 0);
    out(CONTROL, SELECT(0) | BOTH | MODE(2), 0);
    out(C0, 0x34, 0);
    out(C0, 0x56, 0);
    assert_int_equal(in(C0, 1), 0x34);
    out(CONTROL, SELECT(0) | BOTH | MODE(2), 1);
    assert_word(C0, 0x5634, 1);
}

static void the_counters_are_independent(void **state) {
    (void)state;
    for (unsigned i = 0; i < VPIT_COUNTERS; i++) {
        out(CONTROL, SELECT(i) | LOW_BYTE | MODE(2), 0);
        out((uint16_t)(C0 + i), 10 + i, 0);
    }
    for (unsigned i = 0; i < VPIT_COUNTERS; i++)
        assert_int_equal(in((uint16_t)(C0 + i), 1), 10 + i);
    assert_int_equal(in(C0, 3), 8);
    assert_int_equal(in(C2, 3), 12); /* counter 2 is held by its gate */
}

static void modes_6_and_7_behave_as_2_and_3(void **state) {
    (void)state;
    for (unsigned mode = 2; mode <= 3; mode++) {
        out(CONTROL, SELECT(0) | LOW_BYTE | MODE(mode + 4), 0);
        out(C0, 8, 0);
        assert_int_equal(vpit_next_change(&pit, 0, 0), mode == 2 ? 8 : 5);
        out(CONTROL, 0xe2, 0);
        assert_int_equal(in(C0, 0) & 0x3f, LOW_BYTE | MODE(mode + 4)); /* as written */
    }
}

static void bit_0_of_the_control_word_selects_bcd(void **state) {
    (void)state;
    out(CONTROL, SELECT(0) | BOTH | MODE(2) | 1, 0);
    out(C0, 0x00, 0);
    out(C0, 0x10, 0);
    assert_word(C0, 0x0999, 2);
    assert_int_equal(vpit_next_change(&pit, 0, 2), 1000);
}

/* ---- latches ---- */

static void a_latched_count_is_kept_until_it_is_read(void **state) {
    (void)state;
    out(CONTROL, SELECT(0) | BOTH | MODE(2), 0);
    out(C0, 0x00, 0);
    out(C0, 0x10, 0);
    out(CONTROL, SELECT(0), 0x101);
    out(CONTROL, SELECT(0), 0x202); /* ignored: already latched */
    assert_word(C0, 0x0f00, 0x303);
    assert_word(C0, 0x0cfe, 0x303);
}

static void a_latched_count_is_read_from_the_low_byte(void **state) {
    (void)state;
    out(CONTROL, SELECT(0) | BOTH | MODE(2), 0);
    out(C0, 0x00, 0);
    out(C0, 0x10, 0);
    in(C0, 1);
    out(CONTROL, SELECT(0), 0x102);
    assert_word(C0, 0x0eff, 0x200);
}

static void a_latched_count_of_one_byte_is_read_once(void **state) {
    (void)state;
    out(CONTROL, SELECT(0) | LOW_BYTE | MODE(2), 0);
    out(C0, 100, 0);
    out(CONTROL, SELECT(0), 1);
    assert_int_equal(in(C0, 50), 100);
    assert_int_equal(in(C0, 50), 51);
}

static void a_control_word_discards_the_latches(void **state) {
    (void)state;
    out(CONTROL, SELECT(0) | LOW_BYTE | MODE(2), 0);
    out(C0, 100, 0);
    out(CONTROL, 0xc2, 1); /* count and status */
    out(CONTROL, SELECT(0) | LOW_BYTE | MODE(2), 2);
    out(C0, 200, 2);
    assert_int_equal(in(C0, 4), 199);
}

/* ---- read-back ---- */

static void read_back_latches_status_then_count(void **state) {
    (void)state;
    out(CONTROL, SELECT(0) | BOTH | MODE(3), 0);
    out(C0, 0x10, 0);
    out(C0, 0x00, 0);
    out(CONTROL, 0xc2, 2);
    out(CONTROL, 0xc2, 9); /* ignored: already latched */
    assert_int_equal(in(C0, 20), 0x80 | BOTH | MODE(3));
    assert_word(C0, 0x000e, 20);
    assert_int_equal(in(C0, 20), 0x0a); /* no longer latched, in the second cycle */
}

static void read_back_may_latch_status_or_count_alone(void **state) {
    (void)state;
    out(CONTROL, SELECT(0) | LOW_BYTE | MODE(2), 0);
    out(C0, 9, 0);
    out(CONTROL, 0xe2, 9); /* the status, while OUT is low */
    assert_int_equal(in(C0, 9), LOW_BYTE | MODE(2));
    out(CONTROL, 0xd2, 11);
    assert_int_equal(in(C0, 13), 8);
    assert_int_equal(in(C0, 13), 6);
    out(CONTROL, 0xf2, 14); /* neither */
    assert_int_equal(in(C0, 15), 4);
}

static void read_back_latches_several_counters(void **state) {
    (void)state;
    for (unsigned i = 0; i < VPIT_COUNTERS; i++) {
        out(CONTROL, SELECT(i) | LOW_BYTE | MODE(2), 0);
        out((uint16_t)(C0 + i), 100, 0);
    }
    out(PORT_B, 1, 0);
    out(CONTROL, 0xda, 11); /* the counts of 0 and 2 */
    assert_int_equal(in(C0, 31), 90);
    assert_int_equal(in(C1, 31), 70);
    assert_int_equal(in(C2, 31), 90);
}

static void the_status_shows_a_null_count(void **state) {
    (void)state;
    out(CONTROL, SELECT(0) | BOTH | MODE(2), 0);
    out(CONTROL, 0xe2, 10);
    assert_int_equal(in(C0, 10), 0xc0 | BOTH | MODE(2));
    out(C0, 10, 10);
    out(C0, 0, 10);
    out(CONTROL, 0xe2, 11);
    assert_int_equal(in(C0, 11), 0x80 | BOTH | MODE(2));
    out(C0, 20, 12); /* the first byte of a new count */
    out(CONTROL, 0xe2, 12);
    assert_int_equal(in(C0, 12), 0x80 | BOTH | MODE(2));
    out(C0, 0, 12);
    out(CONTROL, 0xe2, 12);
    assert_int_equal(in(C0, 12), 0xc0 | BOTH | MODE(2));
}

#define TEST(function) cmocka_unit_test_setup(function, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_count_is_written_in_one_or_two_bytes),
        TEST(a_count_is_read_in_one_or_two_bytes),
        TEST(reads_and_writes_of_two_bytes_may_be_mixed),
        TEST(a_control_word_discards_half_a_count),
        TEST(the_counters_are_independent),
        TEST(modes_6_and_7_behave_as_2_and_3),
        TEST(bit_0_of_the_control_word_selects_bcd),
        TEST(a_latched_count_is_kept_until_it_is_read),
        TEST(a_latched_count_is_read_from_the_low_byte),
        TEST(a_latched_count_of_one_byte_is_read_once),
        TEST(a_control_word_discards_the_latches),
        TEST(read_back_latches_status_then_count),
        TEST(read_back_may_latch_status_or_count_alone),
        TEST(read_back_latches_several_counters),
        TEST(the_status_shows_a_null_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
