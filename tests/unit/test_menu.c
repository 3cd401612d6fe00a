/* Guards boot/menu.c: the file, its mistakes, keys, the countdown, and what the screen shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/menu.h"

static struct menu menu;

static void parse(const char *text) {
    /* A copy of the exact size, so that the sanitizer detects reads beyond the end. */
    size_t size = strlen(text);
    char *bytes = malloc(size ? size : 1);

    memcpy(bytes, text, size);
    memset(&menu, 0xee, sizeof(menu));
    menu_parse(&menu, bytes, size);
    free(bytes);
}

static void parse_three(void) {
    parse("[a]\ntitle = First\nconfig = a.cfg\n[b]\ntitle = Second\nconfig = b.cfg\n"
          "[c]\ntitle = Third\nconfig = c.cfg\n");
    assert_int_equal(menu.count, 3);
    assert_string_equal(menu.problem, "");
}

static void assert_problem(const char *text, const char *problem) {
    parse(text);
    assert_string_equal(menu.problem, problem);
}

static void a_whole_file_is_read(void **state) {
    (void)state;
    parse("# a stick\r\nwait = 25   # seconds\r\n\r\n[story]\r\ntitle = The story # 1\r\n"
          "config = \\pinwheel.cfg\r\n[linux]\ntitle = Linux\nneeds = /linux/vmlinuz\n"
          "config = \\configs\\linux.cfg");
    assert_string_equal(menu.problem, "");
    assert_int_equal(menu.seconds, 25);
    assert_int_equal(menu.selected, 0);
    assert_int_equal(menu.count, 2);
    assert_string_equal(menu.entry[0].title, "The story");
    assert_string_equal(menu.entry[0].config, "\\pinwheel.cfg");
    assert_string_equal(menu.entry[0].needs, "");
    assert_string_equal(menu.entry[1].needs, "/linux/vmlinuz");
    assert_string_equal(menu.entry[1].config, "\\configs\\linux.cfg");
}

static void a_byte_order_mark_is_ignored(void **state) {
    (void)state;
    parse("\xef\xbb\xbfwait = 7\n");
    assert_string_equal(menu.problem, "");
    assert_int_equal(menu.seconds, 7);
    assert_problem("\xef\xbbwait = 7\n",
                   "menu.cfg:1: byte 0xef outside a comment: only ASCII is allowed there");
}

static void the_first_mistake_is_kept(void **state) {
    (void)state;
    assert_problem("", "");
    assert_int_equal(menu.count, 0);
    assert_int_equal(menu.seconds, MENU_WAIT_DEFAULT);
    assert_problem("\nwait = soon\nwait = 3601\n",
                   "menu.cfg:2: wait is a number of seconds, at most 3600, not soon");
    assert_int_equal(menu.seconds, MENU_WAIT_DEFAULT);
    assert_problem("wait = 3601",
                   "menu.cfg:1: wait is a number of seconds, at most 3600, not 3601");
    assert_problem("title = x", "menu.cfg:1: not the key of an entry: title");
    assert_problem("[a]\nwait = 1", "menu.cfg:2: unknown key wait");
    assert_problem("[a]\ntitle", "menu.cfg:2: neither '[name]' nor 'key = value'");
    assert_problem("[a]\ntitle = \x1b[2J",
                   "menu.cfg:2: byte 0x1b outside a comment: only ASCII is allowed there");
    assert_problem(
        "[a]\ntitle = 0123456789012345678901234567890123456789012345678901234567890123456789",
        "menu.cfg:2: too long: 0123456789012345678901234567890");
    assert_problem("[1]\n[2]\n[3]\n[4]\n[5]\n[6]\n[7]\n[8]\n[9]\n[10]\ntitle = x\n",
                   "menu.cfg:10: one entry too many: 10");
}

static void an_incomplete_entry_is_left_out(void **state) {
    (void)state;
    parse("[a]\ntitle = A\n[b]\nconfig = b\n[c]\ntitle = C\nconfig = c\n[d]\n");
    assert_int_equal(menu.count, 1);
    assert_string_equal(menu.entry[0].title, "C");
    menu_remove(&menu, 0);
    assert_int_equal(menu.count, 0);
    parse_three();
    menu_remove(&menu, 1);
    assert_int_equal(menu.count, 2);
    assert_string_equal(menu.entry[1].title, "Third");
}

static void the_first_entry_starts_after_the_last_second(void **state) {
    (void)state;
    parse_three();
    for (unsigned second = 1; second < MENU_WAIT_DEFAULT; second++)
        assert_false(menu_tick(&menu));
    assert_true(menu_tick(&menu));
    assert_int_equal(menu.selected, 0);
}

static void any_key_stops_the_countdown(void **state) {
    (void)state;
    parse_three();
    assert_false(menu_press(&menu, MENU_KEY_OTHER, 'x'));
    for (unsigned second = 0; second < 2 * MENU_WAIT_DEFAULT; second++)
        assert_false(menu_tick(&menu));
    assert_int_equal(menu.selected, 0);
}

static void arrow_keys_stay_in_the_list(void **state) {
    (void)state;
    parse_three();
    assert_false(menu_press(&menu, MENU_KEY_UP, 0));
    assert_int_equal(menu.selected, 0);
    for (unsigned i = 0; i < 5; i++)
        assert_false(menu_press(&menu, MENU_KEY_DOWN, 0));
    assert_int_equal(menu.selected, 2);
    assert_false(menu_press(&menu, MENU_KEY_UP, 0));
    assert_true(menu_press(&menu, MENU_KEY_ENTER, '\r'));
    assert_int_equal(menu.selected, 1);
}

static void a_digit_starts_its_entry(void **state) {
    (void)state;
    parse_three();
    assert_false(menu_press(&menu, MENU_KEY_OTHER, '4'));
    assert_false(menu_press(&menu, MENU_KEY_OTHER, '0'));
    assert_int_equal(menu.selected, 0);
    assert_true(menu_press(&menu, MENU_KEY_OTHER, '3'));
    assert_int_equal(menu.selected, 2);
}

static void each_line_draws_over_the_last_one(void **state) {
    char before[MENU_TEXT_SIZE], after[MENU_TEXT_SIZE];

    (void)state;
    parse_three();
    size_t length = menu_text(&menu, before);
    assert_int_equal(length, strlen(before));
    assert_int_equal(length % MENU_LINE_SIZE, 0);
    for (size_t end = MENU_LINE_SIZE - 1; end < length; end += MENU_LINE_SIZE)
        assert_int_equal(before[end], '\n');
    assert_non_null(strstr(before, "\n > 1  First "));
    assert_non_null(strstr(before, "\n   3  Third "));
    assert_non_null(strstr(before, "\n1 starts by itself in 10 s; any key stops that. "));
    menu_press(&menu, MENU_KEY_DOWN, 0);
    assert_int_equal(menu_text(&menu, after), length);
    assert_non_null(strstr(after, "\n   1  First "));
    assert_non_null(strstr(after, "\n > 2  Second "));
    assert_null(strstr(after, "by itself"));
}

/* The longest of everything: 25 lines at most, and nothing is cut off. */
static void the_largest_menu_fits_the_screen(void **state) {
    char text[4096], out[MENU_TEXT_SIZE];
    size_t used = 0, lines = 0;

    (void)state;
    for (unsigned i = 0; i < MENU_ENTRIES + 1; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used,
                                 "[%u]\ntitle = %069u\nconfig = c\n", i, i);
    parse(text);
    assert_int_equal(menu.count, MENU_ENTRIES);
    size_t length = menu_text(&menu, out);
    assert_int_equal(length, strlen(out));
    for (const char *c = out; *c; c++)
        lines += *c == '\n';
    assert_in_range(lines, MENU_ENTRIES, 24);
    assert_non_null(strstr(out, "000000008 "));
    assert_non_null(strstr(out, "menu.cfg:28: one entry too many: 9"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_file_is_read),
        cmocka_unit_test(a_byte_order_mark_is_ignored),
        cmocka_unit_test(the_first_mistake_is_kept),
        cmocka_unit_test(an_incomplete_entry_is_left_out),
        cmocka_unit_test(the_first_entry_starts_after_the_last_second),
        cmocka_unit_test(any_key_stops_the_countdown),
        cmocka_unit_test(arrow_keys_stay_in_the_list),
        cmocka_unit_test(a_digit_starts_its_entry),
        cmocka_unit_test(each_line_draws_over_the_last_one),
        cmocka_unit_test(the_largest_menu_fits_the_screen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
