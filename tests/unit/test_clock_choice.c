/* Guards drivers/clock_choice.c: which source gives the TSC's frequency. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/clock_choice.h"

static void assert_choice(struct clock_sources sources, uint64_t hz, const char *why) {
    const char *source;

    assert_int_equal(clock_choose(&sources, &source), hz);
    assert_non_null(strstr(source, why));
}

static void an_exact_leaf_15_beats_what_was_measured(void **state) {
    (void)state;
    assert_choice((struct clock_sources){.crystal_hz = 2592000000, .measured = {2601000000, 0, 0}},
                  2592000000, "CPUID");
    assert_choice((struct clock_sources){.crystal_hz = 2592000000}, 2592000000, "CPUID");
}

/* 2100 MHz by its name, 2095.08 refined: 200 s a day. */
static void a_nominal_frequency_never_beats_a_measurement(void **state) {
    (void)state;
    assert_choice((struct clock_sources){.nominal_mhz = 2100, .measured = {2095080000, 0, 0}},
                  2095080000, "measured");
    assert_choice((struct clock_sources){.nominal_mhz = 2100}, 2100000000, "nominal");
}

/* An SMI, or the host of a virtual machine, makes a measurement too high, never too low. */
static void the_least_measurement_counts(void **state) {
    (void)state;
    assert_choice((struct clock_sources){.measured = {3300000000, 3000000000, 3000100000}},
                  3000000000, "measured");
    assert_choice((struct clock_sources){.measured = {0, 0, 3000100000}}, 3000100000, "measured");
}

/* Bochs: the processor's leaf 15H, and a TSC that counts instructions. */
static void an_emulator_that_reports_what_it_does_not_do(void **state) {
    (void)state;
    assert_choice((struct clock_sources){.crystal_hz = 3000000000, .measured = {50000000, 0, 0}},
                  50000000, "CPUID reports a different");
}

static void under_a_hypervisor_its_leaf_counts(void **state) {
    (void)state;
    assert_choice((struct clock_sources){.hypervisor_khz = 2095080,
                                         .nominal_mhz = 2100,
                                         .measured = {2120000000, 2118000000, 2119000000}},
                  2095080000, "hypervisor");
    assert_choice((struct clock_sources){.crystal_hz = 2000000000, .hypervisor_khz = 2095080},
                  2000000000, "CPUID");
}

static void without_any_source_a_frequency_is_assumed(void **state) {
    (void)state;
    assert_choice((struct clock_sources){0}, 1000000000, "assumed");
}

static void a_frequency_follows_from_the_ticks_that_did_pass(void **state) {
    (void)state;
    /* 24 MHz for 1 ms, then for 7.5 ms because of an SMI. */
    assert_int_equal(clock_frequency(24000, 3000000, 3000000000), 24000000);
    assert_int_equal(clock_frequency(180000, 22500000, 3000000000), 24000000);
    assert_int_equal(clock_frequency(0xffffffff, 0xffffffff, 1ULL << 41),
                     (1ULL << 41) / 1000 * 1000);
    assert_int_equal(clock_frequency(5, 0, 3000000000), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exact_leaf_15_beats_what_was_measured),
        cmocka_unit_test(a_nominal_frequency_never_beats_a_measurement),
        cmocka_unit_test(the_least_measurement_counts),
        cmocka_unit_test(an_emulator_that_reports_what_it_does_not_do),
        cmocka_unit_test(under_a_hypervisor_its_leaf_counts),
        cmocka_unit_test(without_any_source_a_frequency_is_assumed),
        cmocka_unit_test(a_frequency_follows_from_the_ticks_that_did_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
