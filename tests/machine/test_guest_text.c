/* Guards vmm/pc/guest_console.c over lib/utf8.c: what of a guest's output reaches the terminal when
 * lines are shown: no control characters, and no byte that a terminal could take for one. */
#include "tests/machine/one_vm.h"

static struct guest_console *console;

static int set_up(void **state) {
    set_up_long_mode(state);
    console = &vm->console[PC_CONSOLE_SERIAL];
    console->prefix = "a";
    return 0;
}

static void put(const char *text) {
    machine_forget();
    machine.console_sent = machine.console_before = 0;
    for (; *text; text++)
        guest_console_put(console, *text);
}

static void assert_shows(const char *text, const char *expected) {
    put(text);
    guest_console_put(console, '\n');
    assert_string_equal(machine.console.text, expected);
}

static void letters_are_shown(void **state) {
    (void)state;
    assert_shows("abc \t\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
                 "[a] abc \t\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\n");
}

static void controls_are_not(void **state) {
    (void)state;
    assert_shows("\x07"
                 "a\x7f",
                 "[a] ?a?\n");
    assert_shows("\xc2\x9b"
                 "2J",
                 "[a] ?2J\n"); /* CSI */
    assert_shows("\xc2\xa0", "[a] \xc2\xa0\n");
    assert_shows("\x1b[2Jx\x1b"
                 "cy",
                 "[a] xy\n");
}

/* By itself such a byte is CSI for a terminal that does not read UTF-8, or recovers differently. */
static void no_byte_from_80h_on_is_shown_outside_of_a_character(void **state) {
    (void)state;
    for (unsigned first = 0x80; first < 0x100; first++) {
        const char text[] = {(char)first, (char)0x9b, 0};
        bool is_letter = first > 0xc2 && first < 0xe0;
        bool is_begun = first >= 0xe1 && first <= 0xf4 && first != 0xed && first != 0xf4;
        if (first == 0xed || first == 0xf4)
            is_begun = first == 0xed; /* ED 9B may go on; F4 9B is too much */
        put(text);
        guest_console_put(console, '\n');
        assert_int_equal(strchr(machine.console.text, (char)0x9b) != NULL, is_letter);
        if (is_begun || first == 0xc2)
            assert_string_equal(machine.console.text, "[a] ?\n");
    }
}

static void overlong_forms_and_surrogates_are_refused(void **state) {
    (void)state;
    assert_shows("\xc0\x9b", "[a] ??\n");
    assert_shows("\xe0\x80\x9b", "[a] ???\n");
    assert_shows("\xed\xa0\x80", "[a] ???\n");
    assert_shows("\xf4\x90\x80\x80", "[a] ????\n");
}

static void a_character_that_ends_early_is_replaced(void **state) {
    (void)state;
    assert_shows("\xe2\x82", "[a] ?\n");
    assert_shows("\xe2\x82"
                 "a",
                 "[a] ?a\n");
    assert_shows("\xe2\x1b[31m\x82z", "[a] ??z\n");
    put("x\xe2\x82");
    guest_console_flush(console);
    assert_string_equal(machine.console.text, "[a] x?\n");
}

static void a_long_line_is_divided_between_characters(void **state) {
    char text[2 * GUEST_CONSOLE_LINE + 1] = "";

    (void)state;
    for (unsigned i = 0; i < GUEST_CONSOLE_LINE; i++)
        strcat(text, "\xc3\xa9");
    put(text);
    guest_console_put(console, '\n');
    for (const char *at = machine.console.text; (at = strchr(at, '\n')); at++)
        assert_true(at[-1] == '\xa9');
    assert_null(strchr(machine.console.text, '?'));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(letters_are_shown),
        TEST(controls_are_not),
        TEST(no_byte_from_80h_on_is_shown_outside_of_a_character),
        TEST(overlong_forms_and_surrogates_are_refused),
        TEST(a_character_that_ends_early_is_replaced),
        TEST(a_long_line_is_divided_between_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
