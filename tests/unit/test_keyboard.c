/* Guards drivers/scan_codes.c and drivers/keyboard.c: what keys mean, that a machine without a
 * keyboard controller, or with a broken one, loses little time, and how often the ports are read.
 * The controller is one of the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/keyboard.h"
#include "drivers/scan_codes.h"
#include "drivers/tsc.h"

#define POLL_TICKS (10000 * 1000ULL)

static struct {
    bool absent, mute, stuck_out, stuck_in; /* mute: answers no command */
    const char *codes;                      /* what the keyboard has sent */
    bool of_mouse;
    bool answer;           /* the configuration is to be read */
    uint8_t configuration; /* as written */
    uint8_t command, to_keyboard;
    unsigned accesses;
    uint64_t tsc;
} port;

uint64_t tsc_frequency(void) {
    return 1000000000;
}

uint64_t ports_rdtsc(void) {
    return port.tsc;
}

static bool has_byte(void) {
    return port.answer || (port.codes && *port.codes);
}

uint8_t ports_in8(uint16_t number) {
    port.accesses++;
    port.tsc += 1000; /* 1 us */
    if (port.absent)
        return 0xff;
    if (number == 0x64)
        return (uint8_t)((has_byte() || port.stuck_out) | port.stuck_in << 1 | port.of_mouse << 5);
    assert_int_equal(number, 0x60);
    if (port.answer) {
        port.answer = false;
        return port.configuration;
    }
    return has_byte() ? (uint8_t)*port.codes++ : 0;
}

void ports_out8(uint16_t number, uint8_t value) {
    port.accesses++;
    assert_false(port.absent || port.stuck_in);
    if (number == 0x64) {
        port.command = value;
        port.answer = value == 0x20 && !port.mute;
    } else if (port.command == 0x60) {
        port.configuration = value;
        port.command = 0;
    } else {
        port.to_keyboard = value;
    }
}

static int set_up(void **state) {
    (void)state;
    memset(&port, 0, sizeof(port));
    port.configuration = 0x13; /* interrupts on, keyboard off, no translation */
    return 0;
}

/* ---- codes ---- */

static void assert_keys(const char *sent, size_t count, const char *expected) {
    struct scan_codes codes = {0};
    char all[256], text[SCAN_CODES_TEXT];
    size_t length = 0;

    for (size_t i = 0; i < count; i++) {
        unsigned added = scan_codes_read(&codes, (uint8_t)sent[i], text);
        memcpy(all + length, text, added);
        length += added;
    }
    all[length] = 0;
    assert_string_equal(all, expected);
}
#define ASSERT_KEYS(codes, expected) assert_keys(codes, sizeof(codes) - 1, expected)

static void letters_and_digits(void **state) {
    (void)state;
    ASSERT_KEYS("\x23\xa3\x12\x92\x26\xa6\x26\xa6\x18\x98\x39\xb9\x02\x82\x0b\x8b\x1c\x9c",
                "hello 10\r");
    ASSERT_KEYS("\x0e\x8e\x0f\x8f\x01\x81\x35\x37\x56", "\x7f\t\x1b/*\\");
    ASSERT_KEYS("\x47\x48\x49\x4a\x4b\x4c\x4d\x4e\x4f\x50\x51\x52\x53", "789-456+1230.");
}

static void shift_and_caps_lock(void **state) {
    (void)state;
    ASSERT_KEYS("\x2a\x1e\x02\xaa\x1e\x02", "A!a1");
    ASSERT_KEYS("\x36\x1e\x28\xb6\x28", "A\"'");
    ASSERT_KEYS("\x2a\x36\xaa\x1e\xb6\x1e", "Aa"); /* the other one is still pressed */
    ASSERT_KEYS("\x3a\xba\x1e\x02\x2a\x1e\x02\xaa\x3a\xba\x1e", "A1a!a");
}

static void control(void **state) {
    (void)state;
    ASSERT_KEYS("\x1d\x1e\x9d\x2d", "\x01x"); /* Ctrl-A x */
    ASSERT_KEYS("\xe0\x1d\x1e\xe0\x9d\x1e", "\x01"
                                            "a");
    ASSERT_KEYS("\x1d\x2a\x1e\xaa\x9d", "\x01"); /* with Shift, too */
    ASSERT_KEYS("\x1d\x02\x1c\x1a\x9d", "\x1b"); /* digits and Enter mean nothing, [ is Esc */
}

static void keys_with_a_prefix(void **state) {
    (void)state;
    ASSERT_KEYS("\xe0\x48\xe0\xc8\xe0\x50\xe0\x4d\xe0\x4b", "\x1b[A\x1b[B\x1b[C\x1b[D");
    ASSERT_KEYS("\xe0\x2a\xe0\x53\xe0\xd3\xe0\xaa\x1e", "\x1b[3~a"); /* no Shift is pressed */
    ASSERT_KEYS("\xe0\x35\xe0\x1c\xe0\x5b", "/\r");
    ASSERT_KEYS("\xe1\x1d\x45\xe1\x9d\xc5\x1e", "a"); /* Pause is not Ctrl */
}

static void answers_of_the_keyboard_mean_nothing(void **state) {
    (void)state;
    ASSERT_KEYS("\xfa\xfe\xaa\xee\xff\x00\x7f\x1e", "a");
}

/* ---- the controller ---- */

static void start(const char *codes) {
    keyboard_init();
    port.codes = codes;
    port.accesses = 0;
}

static const char *typed(void) {
    static char all[64];
    size_t length = 0;
    int byte;

    for (unsigned i = 0; i < 32; i++) {
        port.tsc += POLL_TICKS;
        while ((byte = keyboard_read()) != KEYBOARD_NO_BYTE)
            all[length++] = (char)byte;
    }
    all[length] = 0;
    return all;
}

static void what_is_typed_is_read(void **state) {
    (void)state;
    port.codes = "\x1e\x9e"; /* for the firmware */
    keyboard_init();
    assert_int_equal(port.configuration, 0x60); /* no interrupts, translated, no mouse */
    assert_int_equal(port.to_keyboard, 0xf4);
    start("\xfa\x1d\x1e\x9e\x9d\x2d\xad\xe0\x48\xe0\xc8");
    assert_string_equal(typed(), "\x01x\x1b[A");
}

static void bytes_of_a_mouse_are_no_keys(void **state) {
    (void)state;
    start("\x1e\x1e\x1e");
    port.of_mouse = true;
    assert_string_equal(typed(), "");
    assert_string_equal(port.codes, "");
}

/* An access may be a system-management interrupt. */
static void the_ports_are_read_every_10_ms(void **state) {
    (void)state;
    start("");
    for (unsigned i = 0; i < 1000; i++) {
        port.tsc += POLL_TICKS / 20;
        assert_int_equal(keyboard_read(), KEYBOARD_NO_BYTE);
    }
    assert_in_range(port.accesses, 45, 50);
}

static void without_a_controller_nothing_is_tried(void **state) {
    (void)state;
    port.absent = true;
    keyboard_init();
    assert_int_equal(port.accesses, 1);
    assert_string_equal(typed(), "");
    assert_int_equal(port.accesses, 1);
}

static void a_controller_that_disappears_is_given_up(void **state) {
    (void)state;
    start("\x1e");
    assert_string_equal(typed(), "a");
    port.absent = true;
    assert_string_equal(typed(), "");
    port.accesses = 0;
    assert_string_equal(typed(), "");
    assert_int_equal(port.accesses, 0);
}

static void a_broken_controller_is_not_used(void **state) {
    bool *const broken[] = {&port.mute, &port.stuck_out, &port.stuck_in};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        set_up(NULL);
        *broken[i] = true;
        keyboard_init();
        assert_in_range(port.tsc, 0, 100 * 1000000); /* 0.1 s */
        port.accesses = 0;
        assert_string_equal(typed(), "");
        assert_int_equal(port.accesses, 0);
    }
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(letters_and_digits),
        TEST(shift_and_caps_lock),
        TEST(control),
        TEST(keys_with_a_prefix),
        TEST(answers_of_the_keyboard_mean_nothing),
        TEST(what_is_typed_is_read),
        TEST(bytes_of_a_mouse_are_no_keys),
        TEST(the_ports_are_read_every_10_ms),
        TEST(without_a_controller_nothing_is_tried),
        TEST(a_controller_that_disappears_is_given_up),
        TEST(a_broken_controller_is_not_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
