/* Guards vmm/pc/guest_console.c: what of a guest's output reaches the machine's serial port and
 * screen, and when. ECMA-48, "Control Sequences". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/machine/machine.h"
#include "vmm/pc/guest_console.h"

#define QUIET (MACHINE_HZ / 20 + 1) /* a little more than 50 ms */

static struct guest_console console;

static int set_up(void **state) {
    (void)state;
    machine_reset();
    console = (struct guest_console){.prefix = NULL};
    return 0;
}

static int set_up_with_name(void **state) {
    set_up(state);
    console.prefix = "one";
    return 0;
}

static void put(const char *text) {
    for (; *text; text++)
        guest_console_put(&console, *text);
}

static void tick_after(uint64_t time, bool typed_to) {
    machine.tsc += time;
    guest_console_tick(&console, machine.tsc, typed_to);
}

#define SERIAL machine.console.text
#define SCREEN machine.screen.text

/* ---- the only guest ---- */

static void the_only_guest_has_the_serial_port_byte_by_byte(void **state) {
    (void)state;
    put("log\x1b[31min: \x01\r\n");
    assert_string_equal(SERIAL, "log\x1b[31min: \x01\r\n"); /* unchanged */
    assert_string_equal(SCREEN, "login: ?\n");
}

static void the_screen_gets_whole_lines(void **state) {
    (void)state;
    put("first");
    assert_string_equal(SCREEN, "");
    put(" line\nsecond");
    assert_string_equal(SCREEN, "first line\n");
}

static void a_prompt_is_shown_after_a_short_silence(void **state) {
    (void)state;
    put("$ ");
    tick_after(QUIET / 2, false);
    assert_string_equal(SCREEN, "");
    put("l");
    tick_after(QUIET / 2 + 10, false); /* it was not silent */
    assert_string_equal(SCREEN, "");
    tick_after(QUIET, false);
    assert_string_equal(SCREEN, "$ l");
    tick_after(QUIET, false);
    assert_string_equal(SCREEN, "$ l"); /* once */
    put("s\n");
    assert_string_equal(SCREEN, "$ ls\n");
}

/* ---- one of several ---- */

static void one_of_several_has_lines_with_its_name(void **state) {
    (void)state;
    put("hel");
    assert_string_equal(SERIAL, "");
    put("lo\n\nx\n");
    assert_string_equal(SERIAL, "[one] hello\n[one] \n[one] x\n");
    assert_string_equal(SCREEN, SERIAL);
}

static void its_prompt_is_shown_while_it_receives_the_input(void **state) {
    (void)state;
    put("$ ");
    tick_after(QUIET, false);
    assert_string_equal(SERIAL, "");
    tick_after(QUIET, true);
    assert_string_equal(SERIAL, "[one] $ ");
    guest_console_again(&console);
    tick_after(QUIET, true);
    assert_string_equal(SERIAL, "[one] $ [one] $ ");
}

static void an_unfinished_line_is_ended_at_the_end(void **state) {
    (void)state;
    guest_console_flush(&console);
    assert_string_equal(SERIAL, "");
    put("bye");
    guest_console_flush(&console);
    assert_string_equal(SERIAL, "[one] bye\n");
    guest_console_flush(&console);
    assert_string_equal(SERIAL, "[one] bye\n");
}

static void a_long_line_is_divided(void **state) {
    char text[601];

    (void)state;
    memset(text, 'x', 600);
    text[600] = 0;
    put(text);
    put("\n");
    unsigned count = 0;
    size_t length = 0;
    for (const char *at = SERIAL; *at; at += length + 1) {
        length = strcspn(at, "\n");
        assert_true(length < GUEST_CONSOLE_LINE);
        assert_memory_equal(at, "[one] ", 6);
        count += (unsigned)(length - 6);
    }
    assert_int_equal(count, 600);
}

/* ---- what could deceive a terminal ---- */

static void assert_shown(const char *text, const char *shown) {
    set_up_with_name(NULL);
    put(text);
    put("\n");
    assert_memory_equal(SERIAL, "[one] ", 6);
    assert_string_equal(strtok(SERIAL + 6, "\n"), shown);
}

static void escape_sequences_are_left_out(void **state) {
    (void)state;
    assert_shown("a\x1b[2Jb\x1b[1;31mc", "abc");
    assert_shown("a\x1b"
                 "cb",
                 "ab"); /* ESC c: a reset */
    assert_shown("a\x1b[\x1b[31mb", "ab");
    assert_shown("a\x1b[?25lb", "ab");
}

static void control_characters_are_replaced(void **state) {
    (void)state;
    assert_shown("a\bb\ac\x7f", "a?b?c?");
    assert_shown("a\tb\r", "a\tb");
}

/* C1 controls, one of which begins a sequence as ESC [ does; and letters that contain such bytes.
 */
static void c1_controls_are_replaced_but_not_parts_of_letters(void **state) {
    (void)state;
    assert_shown("a\x9b"
                 "31mb",
                 "a?31mb");
    assert_shown("a\xc2\x9b"
                 "31mb",
                 "a?31mb");
    assert_shown("\xc3\x84", "\xc3\x84");         /* A umlaut */
    assert_shown("\xe2\x80\x94", "\xe2\x80\x94"); /* a dash */
}

/* A vCPU that prints holds the lock: the guest is not silent then. */
static void a_tick_does_not_wait_for_a_vcpu_that_prints(void **state) {
    (void)state;
    put("$ ");
    spin_lock(&console.lock);
    tick_after(QUIET, true);
    spin_unlock(&console.lock);
    assert_string_equal(SERIAL, "");
    tick_after(1, true);
    assert_string_equal(SERIAL, "[one] $ ");
}

static int tear_down(void **state) {
    (void)state;
    machine_reset();
    return 0;
}

#define ALONE(name)   cmocka_unit_test_setup(name, set_up)
#define SEVERAL(name) cmocka_unit_test_setup(name, set_up_with_name)

int main(void) {
    const struct CMUnitTest tests[] = {
        ALONE(the_only_guest_has_the_serial_port_byte_by_byte),
        ALONE(the_screen_gets_whole_lines),
        ALONE(a_prompt_is_shown_after_a_short_silence),
        SEVERAL(one_of_several_has_lines_with_its_name),
        SEVERAL(its_prompt_is_shown_while_it_receives_the_input),
        SEVERAL(an_unfinished_line_is_ended_at_the_end),
        SEVERAL(a_long_line_is_divided),
        SEVERAL(escape_sequences_are_left_out),
        SEVERAL(control_characters_are_replaced),
        SEVERAL(c1_controls_are_replaced_but_not_parts_of_letters),
        SEVERAL(a_tick_does_not_wait_for_a_vcpu_that_prints),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
