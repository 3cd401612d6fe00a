/* Guards drivers/tsc.c: the TSC is measured by the clock that counts, and a clock that does not
 * costs a bounded time. The machine's clocks are the test's: its TSC counts at 2 GHz, and an access
 * to a port takes 1 us. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/cpuid.h"
#include "arch/instructions.h"

static uint64_t test_rdtsc(void);
static uint8_t test_in8(uint16_t port);
static uint32_t test_in32(uint16_t port);
static void test_out8(uint16_t port, uint8_t value);

#define rdtsc                test_rdtsc
#define in8                  test_in8
#define in32                 test_in32
#define out8                 test_out8
#define cpuid_has_leaf(leaf) ((leaf) == 0) /* no frequency in CPUID */
#include "drivers/tsc.c"

#define HZ      2000000000ULL
#define SECOND  HZ
#define TIMER   0x608
#define ACCESS  (HZ / 1000000)
#define PIT_OUT 0x20

static struct {
    uint64_t tsc;
    bool gated, absent;      /* the 8254 */
    bool dead;               /* ACPI's timer: it reads as a constant */
    uint32_t timer_at_start; /* what ACPI's timer has counted before */
    uint32_t timer_mask;
    uint16_t count; /* of channel 2 */
    uint64_t loaded;
    uint8_t port_b;
    unsigned bytes;
} clocks;

static uint64_t test_rdtsc(void) {
    return clocks.tsc += 20;
}

static uint8_t test_in8(uint16_t port) {
    clocks.tsc += ACCESS;
    assert_int_equal(port, PORT_B);
    if (clocks.absent)
        return 0xff;
    bool high = !clocks.gated && clocks.bytes == 2 &&
                (clocks.tsc - clocks.loaded) * PIT_FREQUENCY >= clocks.count * HZ;
    return (uint8_t)(clocks.port_b | (high ? PIT_OUT : 0));
}

static void test_out8(uint16_t port, uint8_t value) {
    clocks.tsc += ACCESS;
    if (port == PORT_B)
        clocks.port_b = value & 3;
    if (port == PIT_COMMAND)
        clocks.bytes = 0;
    if (port != PIT_CHANNEL2)
        return;
    clocks.count = (uint16_t)(clocks.count >> 8 | value << 8);
    clocks.bytes++;
    clocks.loaded = clocks.tsc;
}

static uint32_t test_in32(uint16_t port) {
    clocks.tsc += ACCESS;
    assert_int_equal(port, TIMER);
    uint64_t counted = clocks.dead ? 0 : clocks.tsc * ACPI_PM_TIMER_HZ / HZ;
    return (uint32_t)(clocks.timer_at_start + counted) & clocks.timer_mask;
}

static int set_up(void **state) {
    (void)state;
    memset(&clocks, 0, sizeof(clocks));
    clocks.timer_mask = 0xffffff;
    return 0;
}

static uint64_t measured(uint16_t timer_port, bool wide) {
    const struct acpi_pm_timer timer = {timer_port, wide};

    assert_non_null(tsc_init(&timer));
    return tsc_frequency();
}

#define ASSERT_RIGHT(hz) assert_in_range(hz, HZ - HZ / 1000, HZ + HZ / 1000)

static void the_8254_measures(void **state) {
    (void)state;
    clocks.port_b = 2;
    ASSERT_RIGHT(measured(0, false));
    assert_in_range(clocks.tsc, 0, SECOND / 20);
    assert_int_equal(clocks.port_b, 2); /* as it was */
}

/* Newer client chipsets stop its clock to save power. */
static void a_gated_8254_is_given_up_once(void **state) {
    (void)state;
    clocks.gated = true;
    ASSERT_RIGHT(measured(TIMER, false));
    assert_in_range(clocks.tsc, 0, SECOND / 5);
}

static void without_an_8254_acpis_timer_measures(void **state) {
    (void)state;
    clocks.absent = true;
    ASSERT_RIGHT(measured(TIMER, false));
    assert_in_range(clocks.tsc, 0, SECOND / 20);
}

static void acpis_timer_may_wrap(void **state) {
    (void)state;
    clocks.gated = true;
    clocks.timer_at_start = 0xffffff - ACPI_PM_TIMER_HZ / 10; /* in the first measurement */
    ASSERT_RIGHT(measured(TIMER, false));
    set_up(NULL);
    clocks.gated = true;
    clocks.timer_mask = UINT32_MAX;
    clocks.timer_at_start = UINT32_MAX - ACPI_PM_TIMER_HZ / 10;
    ASSERT_RIGHT(measured(TIMER, true));
}

/* The machine starts all the same, with a frequency that is not 0. */
static void if_no_clock_counts_the_search_ends(void **state) {
    (void)state;
    clocks.gated = clocks.dead = true;
    assert_true(measured(TIMER, false) > 0);
    assert_in_range(clocks.tsc, 0, SECOND);
    set_up(NULL);
    clocks.absent = true;
    assert_true(measured(0, false) > 0);
    assert_in_range(clocks.tsc, 0, SECOND / 20);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_8254_measures),
        TEST(a_gated_8254_is_given_up_once),
        TEST(without_an_8254_acpis_timer_measures),
        TEST(acpis_timer_may_wrap),
        TEST(if_no_clock_counts_the_search_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
