/* Guards vmm/host/tsc_sync.h: what readings of two CPUs say about their TSCs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vmm/host/tsc_sync.h"

/* Readings at these times, by the sides in turn; the other CPU's TSC is `off` ticks ahead. */
static struct tsc_readings read_in_turn(int64_t off) {
    static const uint64_t times[] = {1000, 1040, 1075, 1100, 1160, 1200, 1230, 1290};
    struct tsc_readings r = {0};

    for (unsigned i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        enum tsc_side side = i & 1 ? TSC_OTHER : TSC_BOOT;
        tsc_add_reading(&r, side, times[i] + (side == TSC_OTHER ? (uint64_t)off : 0));
    }
    return r;
}

static void equal_clocks_need_no_correction(void **state) {
    (void)state;
    struct tsc_readings r = read_in_turn(0);
    assert_int_equal(tsc_correction(&r), 0);
    r = read_in_turn(20); /* less than lies between two readings */
    assert_int_equal(tsc_correction(&r), 0);
}

static void a_clock_behind_is_moved_forward(void **state) {
    (void)state;
    struct tsc_readings r = read_in_turn(-500);
    assert_int_equal(tsc_correction(&r), 475); /* 25: the least time between two readings */
    r = read_in_turn(-500 + 475);
    assert_int_equal(tsc_correction(&r), 0);
}

static void a_clock_ahead_is_moved_back(void **state) {
    (void)state;
    struct tsc_readings r = read_in_turn(0x123456789);
    assert_int_equal(tsc_correction(&r), -(0x123456789 - 30));
    r = read_in_turn(30);
    assert_int_equal(tsc_correction(&r), 0);
}

static void a_cpus_own_readings_say_nothing(void **state) {
    struct tsc_readings r = {0};

    (void)state;
    tsc_add_reading(&r, TSC_OTHER, 1000);
    tsc_add_reading(&r, TSC_OTHER, 900); /* never happens; it must not count */
    tsc_add_reading(&r, TSC_OTHER, 1100);
    assert_int_equal(r.behind[TSC_OTHER] + r.behind[TSC_BOOT], 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_clocks_need_no_correction),
        cmocka_unit_test(a_clock_behind_is_moved_forward),
        cmocka_unit_test(a_clock_ahead_is_moved_back),
        cmocka_unit_test(a_cpus_own_readings_say_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
