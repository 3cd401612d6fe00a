/* Guards lib/utf8.c: exactly the sequences that encode a scalar value, in its shortest form, are
 * characters. The Unicode Standard, "Well-Formed UTF-8 Byte Sequences". */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/utf8.h"

/* As the definition has it: encodes each scalar value. */
static unsigned encode(uint32_t scalar, uint8_t to[UTF8_SIZE_MAX]) {
    if (scalar < 0x80) {
        to[0] = (uint8_t)scalar;
        return 1;
    }
    unsigned size = scalar < 0x800 ? 2 : scalar < 0x10000 ? 3 : 4;
    for (unsigned i = size; i-- > 1; scalar >>= 6)
        to[i] = (uint8_t)(0x80 | (scalar & 0x3f));
    to[0] = (uint8_t)(0xf00 >> size | scalar);
    return size;
}

static bool is_character(const uint8_t *bytes, unsigned size) {
    struct utf8 utf8 = {0};

    for (unsigned i = 0; i + 1 < size; i++) {
        if (utf8_read(&utf8, bytes[i]) != UTF8_PART)
            return false;
    }
    return utf8_read(&utf8, bytes[size - 1]) == UTF8_WHOLE && utf8.size == size &&
           !memcmp(utf8.byte, bytes, size) && !utf8.count;
}

static void every_scalar_value_is_a_character(void **state) {
    uint8_t bytes[UTF8_SIZE_MAX];

    (void)state;
    for (uint32_t scalar = 0; scalar < 0x110000; scalar++) {
        unsigned size = encode(scalar, bytes);
        assert_int_equal(is_character(bytes, size), scalar < 0xd800 || scalar > 0xdfff);
    }
}

/* Together with the test above: no other sequence of this size is. */
static void assert_count(unsigned size, uint32_t sequences, uint32_t expected) {
    uint32_t characters = 0;

    for (uint32_t n = 0; n < sequences; n++) {
        const uint8_t bytes[] = {(uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16)};
        characters += is_character(bytes, size);
    }
    assert_int_equal(characters, expected);
}

static void no_other_sequence_is_one(void **state) {
    (void)state;
    assert_count(1, 1u << 8, 0x80);
    assert_count(2, 1u << 16, 0x800 - 0x80);
    assert_count(3, 1u << 24, 0x10000 - 0x800 - 0x800);
}

static void beyond_three_bytes_only_four_that_are_not_too_many(void **state) {
    (void)state;
    for (unsigned first = 0xf0; first < 0x100; first++) {
        for (unsigned second = 0; second < 0x100; second++) {
            const uint8_t bytes[] = {(uint8_t)first, (uint8_t)second, 0x80, 0xbf};
            uint32_t scalar = (first & 7) << 18 | (second & 0x3f) << 12 | 0x3f;
            assert_int_equal(is_character(bytes, 4), first < 0xf8 && (second & 0xc0) == 0x80 &&
                                                         scalar >= 0x10000 && scalar < 0x110000);
        }
    }
}

static void a_broken_character_hides_nothing_behind_it(void **state) {
    struct utf8 utf8 = {0};

    (void)state;
    assert_int_equal(utf8_read(&utf8, 0xe1), UTF8_PART);
    assert_int_equal(utf8_read(&utf8, 0x80), UTF8_PART);
    assert_int_equal(utf8_read(&utf8, 'a'), UTF8_BROKEN);
    assert_int_equal(utf8_read(&utf8, 'a'), UTF8_WHOLE);
    assert_int_equal(utf8_read(&utf8, 0xc3), UTF8_PART);
    assert_int_equal(utf8_read(&utf8, 0xc3), UTF8_BROKEN);
    assert_int_equal(utf8_read(&utf8, 0xc3), UTF8_PART);
    assert_int_equal(utf8_read(&utf8, 0xa9), UTF8_WHOLE);
    assert_int_equal(utf8_read(&utf8, 0xa9), UTF8_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_scalar_value_is_a_character),
        cmocka_unit_test(no_other_sequence_is_one),
        cmocka_unit_test(beyond_three_bytes_only_four_that_are_not_too_many),
        cmocka_unit_test(a_broken_character_hides_nothing_behind_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
