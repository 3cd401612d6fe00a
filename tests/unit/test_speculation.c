/* Guards arch/speculation.c: what is done on which processor generation, what guests are offered,
 * and the value of `mitigations`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/generations.h"

static const struct speculation_request automatic;

static const struct speculation_processor *find(const char *name) {
    for (unsigned i = 0; i < GENERATIONS; i++) {
        if (strcmp(generations[i].name, name) == 0)
            return &generations[i].processor;
    }
    fail_msg("there is no generation %s", name);
    return NULL;
}

static struct speculation decide(const char *name, const char *value) {
    struct speculation_request request;

    assert_true(speculation_parse(slice_of(value, strlen(value)), &request));
    assert_int_equal(request.on & request.off, 0);
    return speculation_decide(find(name), &request);
}

static void assert_set(uint32_t set, const char *expected, const char *where) {
    char names[128];

    speculation_names(set, names, sizeof(names));
    if (strcmp(names, expected) != 0)
        fail_msg("%s: %s, expected %s", where, names, expected);
}

static void each_generation_gets_what_it_needs(void **state) {
    (void)state;
    for (unsigned i = 0; i < GENERATIONS; i++) {
        const struct generation *it = &generations[i];
        struct speculation s = speculation_decide(&it->processor, &automatic);

        assert_set(s.on, it->on, it->name);
        assert_set(s.missing, it->missing, it->name);
        assert_int_equal(s.off, 0);
    }
}

/* Without one of these, a guest steers the hypervisor's indirect branches and returns. */
static void no_generation_is_without_a_guard_for_branches_and_returns(void **state) {
    (void)state;
    for (unsigned i = 0; i < GENERATIONS; i++) {
        struct speculation s = speculation_decide(&generations[i].processor, &automatic);
        bool ibrs = s.on & MITIGATION_IBRS;

        assert_true(ibrs != ((s.on & MITIGATION_RETPOLINE) != 0));
        assert_int_equal(s.spec_ctrl & SPEC_CTRL_IBRS, ibrs ? SPEC_CTRL_IBRS : 0);
        assert_true(ibrs || (s.on & MITIGATION_RSB));
    }
}

static void each_can_be_switched_off_and_is_reported_then(void **state) {
    (void)state;
    for (unsigned i = 0; i < GENERATIONS; i++) {
        struct speculation whole = speculation_decide(&generations[i].processor, &automatic);

        for (uint32_t bit = 1; bit < MITIGATION_ALL; bit <<= 1) {
            struct speculation_request without = {.off = bit};
            struct speculation s = speculation_decide(&generations[i].processor, &without);

            assert_int_equal(s.on, whole.on & ~bit);
            assert_int_equal(s.missing, whole.missing & ~bit);
            assert_int_equal(s.off, (whole.on | whole.missing) & bit);
        }
    }
}

static void what_a_processor_cannot_do_cannot_be_switched_on(void **state) {
    struct speculation_request all = {.on = MITIGATION_ALL};

    (void)state;
    assert_set(speculation_decide(find("Nehalem without microcode"), &all).on,
               "retpoline, bhb, rsb, rsb-one, verw, ept-4k, smt", "without microcode");
    assert_set(speculation_decide(find("Broadwell"), &all).on,
               "retpoline, bhb, rsb, rsb-one, verw, l1d, l1d-entry, ept-4k, ibpb, ssbd, smt",
               "Broadwell");
    assert_set(speculation_decide(find("Lunar Lake"), &all).missing, "none", "Lunar Lake");
    assert_int_equal(speculation_decide(find("Lunar Lake"), &all).on, MITIGATION_ALL);
}

static void everything_off(void **state) {
    (void)state;
    for (unsigned i = 0; i < GENERATIONS; i++) {
        struct speculation s = decide(generations[i].name, "off");

        assert_int_equal(s.on, 0);
        assert_int_equal(s.missing, 0);
        assert_int_equal(s.spec_ctrl, 0);
    }
}

static void the_list_in_the_configuration(void **state) {
    (void)state;
    assert_set(decide("Cascade Lake", "auto").on, "ibrs, bhb, rsb, verw, ept-4k, ibpb", "auto");
    assert_set(decide("Cascade Lake", "-bhb,-rsb").on, "ibrs, verw, ept-4k, ibpb", "two off");
    assert_set(decide("Cascade Lake", "+ssbd").on, "ibrs, bhb, rsb, verw, ept-4k, ibpb, ssbd",
               "on");
    assert_int_equal(decide("Cascade Lake", "+ssbd").spec_ctrl, SPEC_CTRL_IBRS | SPEC_CTRL_SSBD);
    assert_set(decide("Cascade Lake", "off +verw").on, "verw", "one on");
    assert_set(decide("Cascade Lake", "+ssbd -ssbd, auto").off, "none", "later words win");
    assert_set(decide("Broadwell", "+l1d-entry").on,
               "retpoline, rsb, verw, l1d, l1d-entry, ept-4k, ibpb, smt", "l1d-entry");
}

static void what_is_not_such_a_list(void **state) {
    static const char *const bad[] = {"",          ",",    "verw",      "+",    "-",   "+nothing",
                                      "auto none", "AUTO", "+verw+rsb", "offx", "+l1", "+l1d-"};
    struct speculation_request request;

    (void)state;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (speculation_parse(slice_of(bad[i], strlen(bad[i])), &request))
            fail_msg("'%s' was accepted", bad[i]);
    }
}

static void guests_are_offered_what_the_processor_has(void **state) {
    (void)state;
    for (unsigned i = 0; i < GENERATIONS; i++) {
        const struct speculation_processor *p = &generations[i].processor;
        struct speculation s = speculation_decide(p, &automatic);

        assert_int_equal(s.guest_leaf7_edx & ~p->leaf7_edx, 0);
        assert_int_equal(s.guest_leaf7_2_edx & ~p->leaf7_2_edx, 0);
        assert_true(s.guest_pred_cmd == ((s.guest_leaf7_edx & CPUID_7_EDX_IBPB) != 0));
        assert_true(s.guest_flush_cmd == ((s.guest_leaf7_edx & CPUID_7_EDX_L1D_FLUSH) != 0));
        assert_true(s.guest_arch_capabilities == ((s.guest_leaf7_edx & CPUID_7_EDX_ARCH_CAP) != 0));
        assert_true((s.guest_spec_ctrl != 0) == ((p->leaf7_edx & CPUID_7_EDX_IBPB) != 0));
        if (s.guest_spec_ctrl_open)
            assert_int_equal(s.spec_ctrl, 0);
        /* Not TSX_CTRL, MCU_CTRL or others that announce an MSR. */
        assert_int_equal(s.guest_arch_value & 1ULL << 7, 0);
    }
}

static void guests_see_whether_branch_targets_are_mixed_up(void **state) {
    (void)state;
    assert_false(decide("Ice Lake server", "auto").guest_arch_value & ARCH_CAP_ITS_NO);
    assert_false(decide("Cascade Lake", "auto").guest_arch_value & ARCH_CAP_ITS_NO);
    assert_true(decide("Skylake server", "auto").guest_arch_value & ARCH_CAP_ITS_NO);
    assert_true(decide("Sapphire Rapids", "auto").guest_arch_value & ARCH_CAP_ITS_NO);
}

static void spec_ctrl_is_intercepted_where_the_hypervisor_needs_its_bits(void **state) {
    (void)state;
    assert_true(decide("Broadwell", "auto").guest_spec_ctrl_open);
    assert_false(decide("Broadwell", "+ssbd").guest_spec_ctrl_open);
    assert_false(decide("Sapphire Rapids", "auto").guest_spec_ctrl_open);
    assert_true(decide("Sapphire Rapids", "off").guest_spec_ctrl_open);
    assert_false(decide("Nehalem without microcode", "auto").guest_spec_ctrl_open);
}

static void the_names_fit_or_are_cut(void **state) {
    char text[8];

    (void)state;
    speculation_names(MITIGATION_ALL, text, sizeof(text));
    assert_string_equal(text, "ibrs, r");
    speculation_names(0, text, sizeof(text));
    assert_string_equal(text, "none");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_generation_gets_what_it_needs),
        cmocka_unit_test(no_generation_is_without_a_guard_for_branches_and_returns),
        cmocka_unit_test(each_can_be_switched_off_and_is_reported_then),
        cmocka_unit_test(what_a_processor_cannot_do_cannot_be_switched_on),
        cmocka_unit_test(everything_off),
        cmocka_unit_test(the_list_in_the_configuration),
        cmocka_unit_test(what_is_not_such_a_list),
        cmocka_unit_test(guests_are_offered_what_the_processor_has),
        cmocka_unit_test(guests_see_whether_branch_targets_are_mixed_up),
        cmocka_unit_test(spec_ctrl_is_intercepted_where_the_hypervisor_needs_its_bits),
        cmocka_unit_test(the_names_fit_or_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
