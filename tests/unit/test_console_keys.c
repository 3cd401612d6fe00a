/* Guards vmm/vm/console_keys.c: what is input, and what is a command. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vmm/vm/console_keys.h"

static void every_byte_but_the_escape_is_input(void **state) {
    bool escaped = false;

    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        if (byte != CONSOLE_ESCAPE)
            assert_int_equal(console_key(&escaped, (uint8_t)byte), byte);
        assert_false(escaped);
    }
}

static void the_byte_after_the_escape_is_a_command_and_the_next_is_input(void **state) {
    bool escaped = false;

    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        if (byte == CONSOLE_ESCAPE || (byte >= 'A' && byte <= 'Z'))
            continue;
        assert_int_equal(console_key(&escaped, CONSOLE_ESCAPE), CONSOLE_NOTHING);
        assert_true(escaped);
        assert_int_equal(console_key(&escaped, (uint8_t)byte), CONSOLE_COMMAND + byte);
        assert_int_equal(console_key(&escaped, 'x'), 'x');
    }
}

static void a_command_may_be_in_upper_case(void **state) {
    bool escaped = false;

    (void)state;
    for (unsigned i = 0; i < 26; i++) {
        console_key(&escaped, CONSOLE_ESCAPE);
        assert_int_equal(console_key(&escaped, (uint8_t)('A' + i)), CONSOLE_COMMAND + 'a' + i);
    }
}

static void the_escape_twice_is_input_once(void **state) {
    bool escaped = false;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(console_key(&escaped, CONSOLE_ESCAPE), CONSOLE_NOTHING);
        assert_int_equal(console_key(&escaped, CONSOLE_ESCAPE), CONSOLE_ESCAPE);
    }
    assert_int_equal(console_key(&escaped, 'c'), 'c');
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_but_the_escape_is_input),
        cmocka_unit_test(the_byte_after_the_escape_is_a_command_and_the_next_is_input),
        cmocka_unit_test(a_command_may_be_in_upper_case),
        cmocka_unit_test(the_escape_twice_is_input_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
