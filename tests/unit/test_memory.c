/* Guards lib/memory.c. Its functions are renamed here, to be compared with the C library's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define memcpy  our_memcpy
#define memmove our_memmove
#define memset  our_memset
#define memcmp  our_memcmp
#include "lib/memory.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp

#define SIZE 64

static void fill(uint8_t *bytes) {
    for (int i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)(i * 7 + 1);
}

static void memmove_copies_any_overlap(void **state) {
    uint8_t ours[SIZE], theirs[SIZE];

    (void)state;
    for (size_t to = 0; to < 24; to++) {
        for (size_t from = 0; from < 24; from++) {
            for (size_t size = 0; size <= 40; size++) {
                fill(ours);
                fill(theirs);
                assert_ptr_equal(our_memmove(ours + to, ours + from, size), ours + to);
                memmove(theirs + to, theirs + from, size);
                assert_memory_equal(ours, theirs, SIZE);
            }
        }
    }
}

static void memcpy_and_memset_write_exactly_their_range(void **state) {
    uint8_t from[SIZE], ours[SIZE], theirs[SIZE];

    (void)state;
    fill(from);
    for (size_t at = 0; at < 16; at++) {
        for (size_t size = 0; size <= 40; size++) {
            memset(theirs, 0xaa, SIZE);
            memset(ours, 0xaa, SIZE);
            memcpy(theirs + at, from + 3, size);
            assert_ptr_equal(our_memcpy(ours + at, from + 3, size), ours + at);
            assert_memory_equal(ours, theirs, SIZE);
            memset(theirs + at, 0x85, size);
            assert_ptr_equal(our_memset(ours + at, 0x185, size), ours + at);
            assert_memory_equal(ours, theirs, SIZE);
        }
    }
}

static void memcmp_orders_bytes_as_unsigned(void **state) {
    (void)state;
    assert_int_equal(our_memcmp("abc", "abd", 2), 0);
    assert_true(our_memcmp("abc", "abd", 3) < 0);
    assert_true(our_memcmp("\xff", "\x01", 1) > 0);
    assert_int_equal(our_memcmp("a", "b", 0), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memmove_copies_any_overlap),
        cmocka_unit_test(memcpy_and_memset_write_exactly_their_range),
        cmocka_unit_test(memcmp_orders_bytes_as_unsigned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
