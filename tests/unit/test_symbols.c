/* Guards arch/symbols.c: names for backtraces, from a table with any contents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/symbols.h"

/* linker.ld would set these. */
const uint8_t image_text[1], image_rodata[1], image_symbols[1], image_end[1];

struct sample {
    uint32_t word[2 + 3 * 2];
    char names[16];
};

static const struct sample sample = {
    {3, 0, 0x10, 0, 0x40, 4, 0x100, 9},
    "one\0four\0last",
};

static const char *find(uint64_t address, uint64_t *offset) {
    return symbols_find(&sample, sizeof(sample), SYMBOLS_BASE + address, offset);
}

static void an_address_has_the_last_name_at_or_below_it(void **state) {
    (void)state;
    uint64_t offset = 99;
    assert_string_equal(find(0x10, &offset), "one");
    assert_int_equal(offset, 0);
    assert_string_equal(find(0x3f, &offset), "one");
    assert_int_equal(offset, 0x2f);
    assert_string_equal(find(0x40, &offset), "four");
    assert_int_equal(offset, 0);
    assert_string_equal(find(0x123, &offset), "last");
    assert_int_equal(offset, 0x23);
}

static void an_address_before_the_first_name_has_none(void **state) {
    (void)state;
    uint64_t offset;
    assert_null(find(0xf, &offset));
    assert_null(symbols_find(&sample, sizeof(sample), 0x10, &offset));
    assert_null(symbols_find(&sample, sizeof(sample), SYMBOLS_BASE - 1, &offset));
}

static void an_empty_or_missing_table_finds_nothing(void **state) {
    (void)state;
    uint64_t offset;
    uint32_t none[2] = {0, 0};
    assert_null(symbols_find(none, sizeof(none), SYMBOLS_BASE, &offset));
    for (size_t size = 0; size < 8; size++)
        assert_null(symbols_find(none, size, SYMBOLS_BASE, &offset));
}

/* Each truncated table is in memory of exactly its size, so that the sanitizer detects a read
 * beyond. */
static void a_truncated_table_is_never_read_beyond_its_end(void **state) {
    (void)state;
    for (size_t size = 0; size <= sizeof(sample); size++) {
        void *cut = malloc(size ? size : 1);
        uint64_t offset;
        memcpy(cut, &sample, size);
        for (uint64_t address = 0; address < 0x140; address += 8) {
            const char *name = symbols_find(cut, size, SYMBOLS_BASE + address, &offset);
            if (name)
                assert_true(strlen(name) <= 4);
        }
        free(cut);
    }
}

static void a_name_out_of_bounds_is_not_read(void **state) {
    (void)state;
    struct sample wrong = sample;
    uint64_t offset;
    wrong.word[3] = 0xffffffff;
    assert_null(symbols_find(&wrong, sizeof(wrong), SYMBOLS_BASE + 0x10, &offset));
    memset(wrong.names, 'x', sizeof(wrong.names));
    assert_null(symbols_find(&wrong, sizeof(wrong), SYMBOLS_BASE + 0x40, &offset));
}

static void addresses_outside_the_text_have_no_name(void **state) {
    (void)state;
    uint64_t offset;
    assert_null(symbol_lookup(0, &offset));
    assert_null(symbol_lookup(UINT64_MAX, &offset));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_has_the_last_name_at_or_below_it),
        cmocka_unit_test(an_address_before_the_first_name_has_none),
        cmocka_unit_test(an_empty_or_missing_table_finds_nothing),
        cmocka_unit_test(a_truncated_table_is_never_read_beyond_its_end),
        cmocka_unit_test(a_name_out_of_bounds_is_not_read),
        cmocka_unit_test(addresses_outside_the_text_have_no_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
