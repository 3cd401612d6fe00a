/* Guards lib/range.h, offset_clamp() and arch/canonical.h: the limits on either side of each, and
 * no wrap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/canonical.h"
#include "lib/index_clamp.h"
#include "lib/range.h"

static void a_range_is_within_up_to_the_last_byte(void **state) {
    (void)state;
    assert_true(range_within(0, 10, 10));
    assert_true(range_within(3, 7, 10));
    assert_false(range_within(3, 8, 10));
    assert_false(range_within(10, 1, 10));
    assert_true(range_within(10, 0, 10)); /* empty */
    assert_false(range_within(11, 0, 10));
}

static void a_range_that_wraps_is_not_within(void **state) {
    (void)state;
    assert_false(range_within(8, UINT64_MAX - 4, 10));
    assert_false(range_within(UINT64_MAX, 2, 10));
    assert_true(range_within(UINT64_MAX - 1, 1, UINT64_MAX));
    assert_false(range_within(1, UINT64_MAX, UINT64_MAX));
}

static void a_number_is_clamped_to_the_nearer_limit(void **state) {
    (void)state;
    assert_int_equal(range_clamp(1, 0, 12), 1);
    assert_int_equal(range_clamp(1, 1, 12), 1);
    assert_int_equal(range_clamp(1, 7, 12), 7);
    assert_int_equal(range_clamp(1, 12, 12), 12);
    assert_int_equal(range_clamp(1, UINT32_MAX, 12), 12);
}

/* The proof of virtio_stream.c takes this for granted: tests/analysis/bytes.h. */
static void an_offset_is_kept_below_the_count_and_else_0(void **state) {
    static const uint64_t edges[] = {
        0, 1, 2, 511, 512, 513, 1ULL << 31, 1ULL << 32, (1ULL << 63) - 1, 1ULL << 63, UINT64_MAX};

    (void)state;
    for (unsigned i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
        for (uint64_t near = 0; near < 3; near++) {
            uint64_t count = edges[i];
            uint64_t offset = count + near - 1;
            if (count == 0 || count > 1ULL << 63)
                continue;
            assert_int_equal(offset_clamp(offset, count), offset < count ? offset : 0);
            for (unsigned k = 0; k < sizeof(edges) / sizeof(edges[0]); k++)
                assert_int_equal(offset_clamp(edges[k], count), edges[k] < count ? edges[k] : 0);
        }
    }
}

static void rounding_keeps_multiples(void **state) {
    (void)state;
    assert_int_equal(range_round_up(0, 4096), 0);
    assert_int_equal(range_round_up(1, 4096), 4096);
    assert_int_equal(range_round_up(4096, 4096), 4096);
    assert_int_equal(range_round_up(4097, 4096), 8192);
    assert_int_equal(range_round_up(UINT64_MAX, 4096), 0);
    assert_int_equal(range_round_up(UINT64_MAX - 4095, 4096), UINT64_MAX - 4095);
    assert_int_equal(range_round_down(0, 4096), 0);
    assert_int_equal(range_round_down(4095, 4096), 0);
    assert_int_equal(range_round_down(4096, 4096), 4096);
    assert_int_equal(range_round_down(UINT64_MAX, 4096), UINT64_MAX - 4095);
}

static void addresses_are_canonical_outside_the_hole(void **state) {
    (void)state;
    assert_true(is_canonical(0, 48));
    assert_true(is_canonical(0x00007fffffffffff, 48));
    assert_false(is_canonical(0x0000800000000000, 48));
    assert_false(is_canonical(0xffff7fffffffffff, 48));
    assert_true(is_canonical(0xffff800000000000, 48));
    assert_true(is_canonical(UINT64_MAX, 48));
    for (unsigned bit = 48; bit < 64; bit++)
        assert_false(is_canonical(1ULL << bit, 48));
    assert_true(is_canonical(0x00ffffffffffffff, CANONICAL_BITS_5_LEVEL));
    assert_false(is_canonical(0x0100000000000000, CANONICAL_BITS_5_LEVEL));
    assert_false(is_canonical(0xfeffffffffffffff, CANONICAL_BITS_5_LEVEL));
    assert_true(is_canonical(0xff00000000000000, CANONICAL_BITS_5_LEVEL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_is_within_up_to_the_last_byte),
        cmocka_unit_test(a_range_that_wraps_is_not_within),
        cmocka_unit_test(a_number_is_clamped_to_the_nearer_limit),
        cmocka_unit_test(an_offset_is_kept_below_the_count_and_else_0),
        cmocka_unit_test(rounding_keeps_multiples),
        cmocka_unit_test(addresses_are_canonical_outside_the_hole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
