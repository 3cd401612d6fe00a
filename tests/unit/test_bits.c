/* Guards lib/bits.h: every bit in order, once, and the loop acts like a loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/bits.h"

static void every_set_bit_is_visited_once_from_the_lowest_up(void **state) {
    const uint64_t sets[] = {1, 0x8000000000000000, 0x8000000180000001, 0x5555, UINT64_MAX};
    unsigned bit;

    (void)state;
    for (unsigned i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        uint64_t seen = 0;

        for_each_bit(bit, sets[i]) {
            assert_true(bit < 64);
            assert_true(1ULL << bit > seen); /* higher than all before */
            seen |= 1ULL << bit;
        }
        assert_int_equal(seen, sets[i]);
    }
}

static void the_empty_set_has_no_iteration(void **state) {
    unsigned bit = 99;

    (void)state;
    for_each_bit(bit, 0)
        fail();
    assert_int_equal(bit, 99);
}

static void the_set_is_evaluated_once(void **state) {
    uint32_t set = 0xf0, calls = 0;
    unsigned bit, sum = 0;

    (void)state;
    for_each_bit(bit, (calls++, set)) {
        set = 0;
        sum += bit;
    }
    assert_int_equal(calls, 1);
    assert_int_equal(sum, 4 + 5 + 6 + 7);
}

static void break_continue_and_nesting_work(void **state) {
    unsigned outer, inner, pairs = 0;

    (void)state;
    for_each_bit(outer, 0x0f) {
        if (outer == 1)
            continue;
        if (outer == 3)
            break;
        for_each_bit(inner, 0xc0)
            pairs += inner;
    }
    assert_int_equal(outer, 3);
    assert_int_equal(pairs, 2 * (6 + 7));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_set_bit_is_visited_once_from_the_lowest_up),
        cmocka_unit_test(the_empty_set_has_no_iteration),
        cmocka_unit_test(the_set_is_evaluated_once),
        cmocka_unit_test(break_continue_and_nesting_work),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
