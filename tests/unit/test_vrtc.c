/* Guards vmm/devices/vrtc.c: reading and setting the time in all number formats, and the memory. */
#include "tests/unit/vrtc_alone.h"

static void assert_date(unsigned century, unsigned year, unsigned month, unsigned day) {
    assert_int_equal(in(PC_RTC_CENTURY), century);
    assert_int_equal(in(YEAR), year);
    assert_int_equal(in(MONTH), month);
    assert_int_equal(in(DAY), day);
}

static void assert_time(unsigned hour, unsigned minute, unsigned second) {
    assert_int_equal(in(HOURS), hour);
    assert_int_equal(in(MINUTES), minute);
    assert_int_equal(in(SECONDS), second);
}

static void it_shows_the_callers_time_as_it_advances(void **state) {
    (void)state;
    assert_date(0x20, 0x24, 0x02, 0x29);
    assert_time(0x23, 0x59, 0x58);
    assert_int_equal(in(WEEKDAY), 5);
    now += 2 * SECOND;
    assert_date(0x20, 0x24, 0x03, 0x01);
    assert_time(0, 0, 0);
    assert_int_equal(in(WEEKDAY), 6);
}

static void numbers_are_bcd_or_binary(void **state) {
    (void)state;
    out(REGISTER_B, B_24 | B_BINARY);
    assert_date(20, 24, 2, 29);
    assert_time(23, 59, 58);
    out(REGISTER_B, B_24);
    assert_time(0x23, 0x59, 0x58);
}

static void hours_are_24_or_12(void **state) {
    static const uint8_t bcd[24] = {0x12, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07,
                                    0x08, 0x09, 0x10, 0x11, 0x92, 0x81, 0x82, 0x83,
                                    0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x90, 0x91};

    (void)state;
    for (unsigned hour = 0; hour < 24; hour++) {
        out(REGISTER_B, B_24 | B_BINARY);
        out(HOURS, hour);
        assert_int_equal(in(HOURS), hour);
        out(REGISTER_B, 0);
        assert_int_equal(in(HOURS), bcd[hour]);
        out(HOURS, 0x12);
        out(HOURS, bcd[hour]);
        out(REGISTER_B, B_24 | B_BINARY);
        assert_int_equal(in(HOURS), hour);
    }
}

static void set_stops_the_time_which_continues_from_the_written_one(void **state) {
    (void)state;
    out(REGISTER_B, B_24 | B_SET);
    now += 100 * SECOND;
    assert_time(0x23, 0x59, 0x58);
    out(PC_RTC_CENTURY, 0x19);
    out(YEAR, 0x99);
    out(MONTH, 0x12);
    out(DAY, 0x31);
    out(HOURS, 0x23);
    out(MINUTES, 0x59);
    out(SECONDS, 0x59);
    now += 100 * SECOND;
    assert_date(0x19, 0x99, 0x12, 0x31);
    out(REGISTER_B, B_24);
    assert_time(0x23, 0x59, 0x59);
    now += SECOND;
    assert_date(0x20, 0x00, 0x01, 0x01);
    assert_time(0, 0, 0);
}

static void a_part_of_the_time_can_be_written_without_set(void **state) {
    (void)state;
    out(MINUTES, 0x30);
    assert_time(0x23, 0x30, 0x58);
    out(YEAR, 0x25); /* that year has no February 29 */
    assert_date(0x20, 0x25, 0x02, 0x28);
    now += 3 * SECOND;
    assert_time(0x23, 0x31, 0x01);
}

static void invalid_fields_are_clamped(void **state) {
    (void)state;
    out(REGISTER_B, B_24 | B_SET);
    for (uint8_t i = 0; i < 10; i++)
        out(i, 0xff);
    out(PC_RTC_CENTURY, 0xff);
    assert_int_equal(in(SECONDS), 0xff); /* kept until SET is cleared */
    out(REGISTER_B, B_24);
    assert_date(0x99, 0x99, 0x12, 0x31);
    assert_time(0x23, 0x59, 0x59);
    out(REGISTER_B, B_24 | B_SET);
    for (uint8_t i = 0; i < 10; i++)
        out(i, 0);
    out(PC_RTC_CENTURY, 0);
    out(REGISTER_B, B_24);
    assert_date(0x19, 0x70, 0x01, 0x01);
    assert_time(0, 0, 0);
}

static void uip_is_set_before_each_update_and_cleared_after_it(void **state) {
    (void)state;
    assert_int_equal(in(REGISTER_A), 0x26);
    now += SECOND - 244001;
    assert_int_equal(in(REGISTER_A), 0x26);
    now++;
    assert_int_equal(in(REGISTER_A), 0xa6);
    now += 243999;
    assert_int_equal(in(REGISTER_A), 0xa6);
    assert_int_equal(in(SECONDS), 0x58);
    out(REGISTER_B, B_24 | B_SET);
    assert_int_equal(in(REGISTER_A), 0x26);
    out(REGISTER_B, B_24);
    now++;
    assert_int_equal(in(REGISTER_A), 0x26);
    assert_int_equal(in(SECONDS), 0x59);
    out(REGISTER_A, 0xaf);
    assert_int_equal(in(REGISTER_A), 0x2f);
}

static void registers_c_and_d_are_read_only(void **state) {
    (void)state;
    out(REGISTER_C, 0xff);
    assert_int_equal(in(REGISTER_C), 0);
    out(REGISTER_D, 0);
    assert_int_equal(in(REGISTER_D), 0x80);
}

static void the_first_second_of_a_released_divider_is_half_as_long(void **state) {
    (void)state;
    now += 123456789;
    out(REGISTER_B, B_24 | B_SET);
    out(REGISTER_A, 0x76);
    out(HOURS, 0x11);
    out(REGISTER_B, B_24);
    now += 100 * SECOND;
    assert_time(0x11, 0x59, 0x58); /* the divider is held in reset */
    out(REGISTER_A, 0x26);
    now += SECOND / 2 - 244001;
    assert_int_equal(in(REGISTER_A), 0x26);
    now++;
    assert_int_equal(in(REGISTER_A), 0xa6);
    now += 243999;
    assert_time(0x11, 0x59, 0x58);
    now++;
    assert_time(0x11, 0x59, 0x59);
    now += SECOND;
    assert_time(0x12, 0, 0);
    now += SECOND - 1;
    assert_time(0x12, 0, 0);
}

static void an_earlier_time_is_taken_as_the_latest(void **state) {
    (void)state;
    now += 2 * SECOND;
    assert_time(0, 0, 0);
    now -= SECOND;
    assert_time(0, 0, 0);
}

static void the_other_bytes_are_memory(void **state) {
    static const uint8_t alarm[] = {1, 3, 5};

    (void)state;
    for (unsigned i = 14; i < VRTC_SIZE; i++) {
        if (i != PC_RTC_CENTURY)
            assert_int_equal(in((uint8_t)i), 0);
        if (i != PC_RTC_CENTURY)
            out((uint8_t)i, i ^ 0x55);
    }
    for (unsigned i = 0; i < sizeof(alarm); i++)
        out(alarm[i], 0xc0 + i);
    for (unsigned i = 14; i < VRTC_SIZE; i++) {
        if (i != PC_RTC_CENTURY)
            assert_int_equal(in((uint8_t)(i | 0x80)),
                             i ^ 0x55); /* bit 7 is not part of the index */
    }
    for (unsigned i = 0; i < sizeof(alarm); i++)
        assert_int_equal(in(alarm[i]), 0xc0 + i);
    assert_int_equal(vrtc_read(&rtc, INDEX, now), 0xff);
    vrtc_write(&rtc, DATA + 1, 0x77, now);
    assert_int_equal(vrtc_read(&rtc, DATA + 1, now), 0xff);
    assert_time(0x23, 0x59, 0x58);
}

static unsigned word(uint8_t index) {
    return in(index) | (unsigned)in((uint8_t)(index + 1)) << 8;
}

/* Where a BIOS leaves them: 15H, 17H and 30H in KiB, 34H in 64 KiB. */
static void the_memory_has_the_size_of_ram(void **state) {
    static const struct {
        uint64_t ram;
        unsigned extended, above_16m;
    } sizes[] = {
        {1 << 20, 0, 0},
        {2 << 20, 1024, 0},
        {16 << 20, 15 << 10, 0},
        {18 << 20, 17 << 10, 32},
        {65ULL << 20, 65535, 49 << 4},
        {3ULL << 30, 65535, 48896},
        {1ULL << 40, 65535, 65535},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        vrtc_set_memory_size(&rtc, sizes[i].ram);
        assert_int_equal(word(0x15), 640);
        assert_int_equal(word(0x17), sizes[i].extended);
        assert_int_equal(word(0x30), sizes[i].extended);
        assert_int_equal(word(0x34), sizes[i].above_16m);
        assert_int_equal(in(PC_RTC_CENTURY), 0x20);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(it_shows_the_callers_time_as_it_advances, set_up),
        cmocka_unit_test_setup(numbers_are_bcd_or_binary, set_up),
        cmocka_unit_test_setup(hours_are_24_or_12, set_up),
        cmocka_unit_test_setup(set_stops_the_time_which_continues_from_the_written_one, set_up),
        cmocka_unit_test_setup(a_part_of_the_time_can_be_written_without_set, set_up),
        cmocka_unit_test_setup(invalid_fields_are_clamped, set_up),
        cmocka_unit_test_setup(uip_is_set_before_each_update_and_cleared_after_it, set_up),
        cmocka_unit_test_setup(registers_c_and_d_are_read_only, set_up),
        cmocka_unit_test_setup(the_first_second_of_a_released_divider_is_half_as_long, set_up),
        cmocka_unit_test_setup(an_earlier_time_is_taken_as_the_latest, set_up),
        cmocka_unit_test_setup(the_other_bytes_are_memory, set_up),
        cmocka_unit_test_setup(the_memory_has_the_size_of_ram, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
