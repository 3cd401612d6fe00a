/* Guards boot/config.c: several guests in a file, their names, their order and the memory that is
 * left for them. */
#include "tests/unit/config_alone.h"

static void a_guest_needs_a_kernel(void **state) {
    (void)state;
    parse("\n[g]\nvcpus = 2\n[h]\nkernel = k");
    assert_string_equal(guest[0].problem, "pinwheel.cfg:2: g has no kernel");
    assert_string_equal(guest[1].problem, "");
    assert_int_equal(config_check(&config, 1 << 30), 1);
}

static void names(void **state) {
    static const char *const bad[] = {
        "[]", "[ ]", "[a b]", "[a/b]", "[a]]", "[\"a\"]", "[abcdefghijklmnopqrstuvwxyz-01234]"};

    (void)state;
    parse("[ A-z_0.9 ]\nkernel=k\n[abcdefghijklmnopqrstuvwxyz-0123]\nkernel=k\n");
    assert_int_equal(config.guest_count, 2);
    assert_string_equal(guest[0].config.name, "A-z_0.9");
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[128];

        snprintf(text, sizeof(text), "[g]\nkernel=k\n%s\nkernel=other\nrubbish", bad[i]);
        parse(text);
        assert_int_equal(config.guest_count, 1);
        assert_string_equal(guest[0].problem, "");
        assert_string_equal(guest[0].config.kernel, "k");
        assert_string_equal(config.problem,
                            "pinwheel.cfg:3: a guest's name is 1 to 31 letters, digits, "
                            "'-', '_' or '.'");
    }
}

static void a_name_used_twice(void **state) {
    (void)state;
    parse("[g]\nkernel=k\n[g]\nkernel=k\n");
    assert_int_equal(config.guest_count, 2);
    assert_string_equal(guest[0].problem, "");
    assert_string_equal(guest[1].problem, "pinwheel.cfg:3: the name g is already used in line 1");
}

static void keys_before_the_first_guest(void **state) {
    (void)state;
    parse("vcpus = 2\n[g]\nkernel=k\n");
    assert_string_equal(config.problem, "pinwheel.cfg:1: a key before the first '[name]'");
    assert_int_equal(config_check(&config, 1 << 30), 1);
}

static void too_many_guests(void **state) {
    char text[2048];
    int used = 0;

    (void)state;
    for (int i = 0; i <= BOOT_MAX_GUESTS; i++)
        used += snprintf(text + used, sizeof(text) - (size_t)used, "[g%d]\nkernel=k%d\n", i, i);
    parse(text);
    assert_int_equal(config.guest_count, BOOT_MAX_GUESTS);
    assert_string_equal(config.problem, "pinwheel.cfg:33: more than 16 guests");
    assert_string_equal(guest[15].config.kernel, "k15");
    assert_string_equal(guest[15].problem, "");
}

static void after_must_name_another_guest_without_a_cycle(void **state) {
    (void)state;
    parse("[a]\nkernel=k\nafter=x\n");
    assert_string_equal(guest[0].problem, "pinwheel.cfg:3: after: there is no guest x");
    parse("[a]\nkernel=k\nafter=a\n");
    assert_string_equal(guest[0].problem, "pinwheel.cfg:3: after: a would wait for itself");
    parse("[a]\nkernel=k\nafter=b\n[b]\nkernel=k\nafter=c\n[c]\nkernel=k\nafter=b\n");
    assert_string_equal(guest[0].problem, "");
    assert_string_equal(guest[1].problem, "pinwheel.cfg:6: after: b would wait for itself");
    assert_string_equal(guest[2].problem, "pinwheel.cfg:9: after: c would wait for itself");
    assert_int_equal(config_check(&config, 1 << 30), 0);
    assert_string_equal(guest[0].problem, "pinwheel.cfg:3: after: b is not started");
}

static void guests_that_wait_for_a_failed_one_fail(void **state) {
    (void)state;
    parse("[a]\nkernel=k\nafter=b\n[b]\nkernel=k\nafter=c\n[c]\nkernel=missing\n[d]\nkernel=k\n");
    config_fail(&config, guest[2].problem, config.line[2].key[CONFIG_KERNEL], "kernel: %s: %s",
                "missing", "no file");
    assert_int_equal(config_check(&config, 1 << 30), 1);
    assert_string_equal(guest[0].problem, "pinwheel.cfg:3: after: b is not started");
    assert_string_equal(guest[1].problem, "pinwheel.cfg:6: after: c is not started");
    assert_string_equal(guest[2].problem, "pinwheel.cfg:8: kernel: missing: no file");
    assert_string_equal(guest[3].problem, "");
}

static void memory_is_given_in_the_order_of_the_file(void **state) {
    (void)state;
    parse("[a]\nkernel=k\nmemory=64M\n[b]\nkernel=k\nmemory=128M\n[c]\nkernel=k\n");
    assert_int_equal(config_check(&config, 100 << 20), 2);
    assert_string_equal(guest[0].problem, "");
    assert_string_equal(guest[1].problem,
                        "pinwheel.cfg:6: memory: b needs 128 MiB, but only 36 MiB are left");
    assert_string_equal(guest[2].problem, "");
    parse("[c]\nkernel=k\n");
    assert_int_equal(config_check(&config, 1 << 20), 0);
    assert_string_equal(guest[0].problem,
                        "pinwheel.cfg:1: memory: c needs 16 MiB, but only 1 MiB are left");
}

static void long_reasons_are_cut(void **state) {
    char text[512];

    (void)state;
    parse("[a]\nkernel=k\n");
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    config_fail(&config, guest[0].problem, UINT32_MAX, "%s", text);
    assert_int_equal(strlen(guest[0].problem), BOOT_PROBLEM_SIZE - 1);
}

static void mitigations_are_for_all_guests(void **state) {
    (void)state;
    parse("mitigations = off, +verw # all but one\n[a]\nkernel=k\n");
    assert_string_equal(config.problem, "");
    assert_int_equal(config.mitigations.on, MITIGATION_VERW);
    assert_int_equal(config.mitigations.off, MITIGATION_ALL & ~MITIGATION_VERW);
    parse("[a]\nkernel=k\n");
    assert_int_equal(config.mitigations.on | config.mitigations.off, 0);
    parse("mitigations = on\n[a]\nkernel=k\n");
    assert_string_equal(config.problem, "pinwheel.cfg:1: mitigations: not auto, off, or names "
                                        "with '+' or '-'");
    parse("mitigations =\n[a]\nkernel=k\n");
    assert_non_null(strstr(config.problem, "pinwheel.cfg:1: mitigations: not auto"));
    parse("mitigations = off\n\nmitigations = auto\n[a]\nkernel=k\n");
    assert_string_equal(config.problem,
                        "pinwheel.cfg:3: mitigations is given twice, first in line 1");
    parse("[a]\nkernel=k\nmitigations = off\n");
    assert_string_equal(guest[0].problem, "pinwheel.cfg:3: unknown key 'mitigations'");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_needs_a_kernel),
        cmocka_unit_test(names),
        cmocka_unit_test(a_name_used_twice),
        cmocka_unit_test(keys_before_the_first_guest),
        cmocka_unit_test(too_many_guests),
        cmocka_unit_test(after_must_name_another_guest_without_a_cycle),
        cmocka_unit_test(guests_that_wait_for_a_failed_one_fail),
        cmocka_unit_test(memory_is_given_in_the_order_of_the_file),
        cmocka_unit_test(long_reasons_are_cut),
        cmocka_unit_test(mitigations_are_for_all_guests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
