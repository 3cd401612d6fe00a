/* Guards vmm/interrupts/vector_set.h: each of the 256 vectors, and the highest of a set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/interrupts/vector_set.h"

static void each_vector_has_a_bit_of_its_own(void **state) {
    (void)state;
    for (unsigned vector = 0; vector < VECTOR_COUNT; vector++) {
        struct vector_set set = {0};

        vector_set_add(&set, (uint8_t)vector);
        for (unsigned other = 0; other < VECTOR_COUNT; other++)
            assert_int_equal(vector_set_has(&set, (uint8_t)other), other == vector);
        assert_int_equal(vector_set_highest(&set), vector);
        assert_int_equal(set.word[vector / 64], 1ULL << vector % 64);
        assert_false(vector_set_is_empty(&set));
        vector_set_remove(&set, (uint8_t)vector);
        assert_true(vector_set_is_empty(&set));
    }
}

static void the_highest_of_an_empty_set_is_minus_one(void **state) {
    struct vector_set set = {0};

    (void)state;
    assert_int_equal(vector_set_highest(&set), -1);
    vector_set_add(&set, 0x31);
    vector_set_add(&set, 0xe0);
    vector_set_add(&set, 0x90);
    assert_int_equal(vector_set_highest(&set), 0xe0);
    vector_set_remove(&set, 0xe0);
    assert_int_equal(vector_set_highest(&set), 0x90);
}

static void sets_are_equal_if_all_words_are(void **state) {
    (void)state;
    for (unsigned vector = 0; vector < VECTOR_COUNT; vector += 51) {
        struct vector_set a = {{1, 2, 3, 4}}, b = a;

        assert_true(vector_set_equal(&a, &b));
        vector_set_has(&b, (uint8_t)vector) ? vector_set_remove(&b, (uint8_t)vector)
                                            : vector_set_add(&b, (uint8_t)vector);
        assert_false(vector_set_equal(&a, &b));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_vector_has_a_bit_of_its_own),
        cmocka_unit_test(the_highest_of_an_empty_set_is_minus_one),
        cmocka_unit_test(sets_are_equal_if_all_words_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
