/* Guards lib/format.c: every conversion, the bound on the output, the returned length. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/format.h"

/* The same arguments to format() and to the C library's snprintf() give the same text. */
#define SAME(...)                                                                                  \
    do {                                                                                           \
        char ours[128], theirs[128];                                                               \
        int n = format(ours, sizeof(ours), __VA_ARGS__);                                           \
        assert_int_equal(n, snprintf(theirs, sizeof(theirs), __VA_ARGS__));                        \
        assert_string_equal(ours, theirs);                                                         \
    } while (0)

static void integers_print_as_printf_prints_them(void **state) {
    (void)state;
    SAME("%d %d %u", 0, -1, 42u);
    SAME("%d %d", INT_MIN, INT_MAX);
    SAME("%ld %lu", LONG_MIN, ULONG_MAX);
    SAME("%lld %llu %llx", LLONG_MIN, ULLONG_MAX, ULLONG_MAX);
    SAME("%zu %zx", SIZE_MAX, SIZE_MAX);
    SAME("%x|%lx", 0xdeadbeefu, 0x123456789abcdef0ul);
}

static void width_and_flags(void **state) {
    (void)state;
    SAME("[%8d] [%-8d] [%08d]", 42, 42, 42);
    SAME("[%8d] [%-8d] [%08d]", -42, -42, -42);
    SAME("[%016lx] [%-16lx]|", 0xabcul, 0xabcul);
    SAME("[%2d] [%02x]", 12345, 0x12345u);
    SAME("[%08ld] [%01d] [%0d]", LONG_MIN, -42, -42);
    SAME("100%% %s", "sure");
}

static void strings(void **state) {
    (void)state;
    SAME("[%s] [%8s] [%-8s]", "abc", "abc", "abc");
    SAME("[%2s] [%-2s] [%s] [%3s] [%5s]", "abc", "abc", "", "", "-1");
}

static void a_null_string_prints_as_null(void **state) {
    char out[32];
    const char *volatile none = NULL;

    (void)state;
    assert_int_equal(format(out, sizeof(out), "<%s>", none), 8);
    assert_string_equal(out, "<(null)>");
}

static void output_is_bounded_and_terminated(void **state) {
    char out[8];

    (void)state;
    for (size_t size = 1; size <= sizeof(out); size++) {
        memset(out, '#', sizeof(out));
        assert_int_equal(format(out, size, "%s-%d", "abcdef", 123456), 13);
        assert_int_equal(strlen(out), size - 1);
        assert_memory_equal(out, "abcdef-", size - 1);
        for (size_t i = size; i < sizeof(out); i++)
            assert_int_equal(out[i], '#');
    }
}

static void size_zero_writes_nothing(void **state) {
    char out[1] = {'#'};

    (void)state;
    assert_int_equal(format(out, 0, "%d", 12345), 5);
    assert_int_equal(out[0], '#');
    assert_int_equal(format(NULL, 0, "%s", "abc"), 3);
}

static void text_grows_step_by_step(void **state) {
    char out[8];

    (void)state;
    for (size_t size = 0; size <= sizeof(out); size++) {
        struct text text = {.out = out, .size = size};

        memset(out, '#', sizeof(out));
        for (int i = 0; i < 3; i++)
            text_add(&text, "%s%d,", "a", i);
        assert_int_equal(text.length, 9);
        assert_memory_equal(out, "a0,a1,a2,", size ? size - 1 : 0);
        for (size_t i = size ? size - 1 : 0; i < sizeof(out); i++)
            assert_int_equal(out[i], size && i == size - 1 ? 0 : '#');
    }
}

static int format_unchecked(char *out, size_t size, const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    int length = format_va(out, size, fmt, args);
#pragma GCC diagnostic pop
    va_end(args);
    return length;
}

static void unknown_conversions_are_copied(void **state) {
    char out[64];

    (void)state;
    format_unchecked(out, sizeof(out), "%q|%-5lf|%");
    assert_string_equal(out, "%q|%-5lf|%");
    format_unchecked(out, sizeof(out), "x%08");
    assert_string_equal(out, "x%08");
    format_unchecked(out, sizeof(out), "%.4x|%p|%c|%i|%X");
    assert_string_equal(out, "%.4x|%p|%c|%i|%X");
}

static void large_widths_are_limited(void **state) {
    char out[16];

    (void)state;
    assert_int_equal(format_unchecked(out, sizeof(out), "%99999999999999999999d", 1), 4096);
    assert_string_equal(out, "               ");
    assert_int_equal(format_unchecked(out, sizeof(out), "%099999999999999999999d", 1), 4096);
    assert_string_equal(out, "000000000000000");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_print_as_printf_prints_them),
        cmocka_unit_test(width_and_flags),
        cmocka_unit_test(strings),
        cmocka_unit_test(a_null_string_prints_as_null),
        cmocka_unit_test(output_is_bounded_and_terminated),
        cmocka_unit_test(size_zero_writes_nothing),
        cmocka_unit_test(text_grows_step_by_step),
        cmocka_unit_test(unknown_conversions_are_copied),
        cmocka_unit_test(large_widths_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
