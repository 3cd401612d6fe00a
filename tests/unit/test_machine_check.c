/* Guards arch/machine_check.c: what a bank of a machine check says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/machine_check.h"

static void assert_text(struct machine_check_bank bank, const char *expected) {
    char text[160];

    machine_check_text(&bank, text, sizeof(text));
    assert_string_equal(text, expected);
}

static void what_is_valid_is_shown(void **state) {
    (void)state;
    assert_text((struct machine_check_bank){7, 0xbe00000000800090, 0x12345000, 0x86},
                "bank 7: memory controller error, status 0xbe00000000800090, address 0x12345000, "
                "misc 0x86, uncorrected, processor context corrupt");
    assert_text((struct machine_check_bank){0, 0xc000000000000005, 1, 2},
                "bank 0: internal error, status 0xc000000000000005, corrected, others lost");
}

static void each_kind_of_error(void **state) {
    static const struct {
        uint16_t code;
        const char *text;
    } kinds[] = {
        {0x0150, "bank 1: cache error, status 0x8000000000000150, corrected"},
        {0x1150, "bank 1: cache error, status 0x8000000000001150, corrected"}, /* filtered */
        {0x0e0b, "bank 1: bus or interconnect error, status 0x8000000000000e0b, corrected"},
        {0x0010, "bank 1: TLB error, status 0x8000000000000010, corrected"},
        {0x0400, "bank 1: internal error, status 0x8000000000000400, corrected"},
        {0x0090, "bank 1: memory controller error, status 0x8000000000000090, corrected"},
        {0x0000, "bank 1: no error code error, status 0x8000000000000000, corrected"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        assert_text((struct machine_check_bank){1, MC_STATUS_VALID | kinds[i].code, 0, 0},
                    kinds[i].text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_valid_is_shown),
        cmocka_unit_test(each_kind_of_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
