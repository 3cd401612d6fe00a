/* Guards boot/refusal.c: each case gets its own reason and advice, a suitable processor none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/msr.h"
#include "arch/vmx/vmcs.h"
#include "boot/refusal.h"
#include "tests/unit/processor.h"

static char text[2048];

static struct processor intel(void) {
    return (struct processor){.vendor = "GenuineIntel", .xsave = true, .vmx = broadwell()};
}

static void assert_refused(const struct processor *p, const char *reason, const char *advice) {
    assert_true(refusal_text(p, text, sizeof(text)));
    assert_int_equal(memcmp(text, "PINWHEEL refused: ", 18), 0);
    assert_non_null(strstr(text, reason));
    assert_non_null(strstr(text, advice));
    assert_int_equal(text[strlen(text) - 1], '\n');
}

static void a_good_processor_is_not_refused(void **state) {
    struct processor p = intel();

    (void)state;
    assert_false(refusal_text(&p, text, sizeof(text)));
    assert_string_equal(text, "");
}

static void without_vmx_the_advice_fits_the_machine(void **state) {
    struct processor p = intel();

    (void)state;
    p.vmx = (struct vmx_capabilities){0};
    assert_refused(&p, "no VT-x, or the firmware hides it", "firmware's setup");
    memcpy(p.hypervisor, "KVMKVMKVM\0\0", 12);
    assert_refused(&p, "this virtual machine has no VT-x", "nested");
    memcpy(p.vendor, "AuthenticAMD", 13);
    assert_refused(&p, "AMD processor", "AMD-V");
    memcpy(p.hypervisor, "TCGTCGTCGTCG", 13);
    assert_refused(&p, "QEMU without KVM (TCG)", "-accel kvm -cpu host");
    memset(p.hypervisor, 0, sizeof(p.hypervisor));
    memcpy(p.vendor, "HygonGenuine", 13);
    assert_refused(&p, "AMD processor", "Bochs");
}

static void vt_x_disabled_by_the_firmware_refers_to_its_setup(void **state) {
    struct processor p = intel();

    (void)state;
    p.vmx.feature_control = FEATURE_CONTROL_LOCK;
    assert_refused(&p, "locked", "Enable \"Intel Virtualization Technology\"");
    assert_null(strstr(text, "Westmere"));
    p.vmx.feature_control = 0;
    assert_false(refusal_text(&p, text, sizeof(text)));
}

static void an_older_processor_gets_a_list_of_what_it_lacks(void **state) {
    struct processor p = intel();

    (void)state;
    p.vmx.procbased2 &= ~((uint64_t)SECONDARY_VIRTUAL_INTERRUPT_DELIVERY << 32);
    assert_false(refusal_text(&p, text, sizeof(text))); /* delivery in software */
    p.vmx.procbased2 &= ~((uint64_t)SECONDARY_UNRESTRICTED_GUEST << 32);
    assert_refused(&p, "lacks \"unrestricted guest\"", "Westmere");
    memcpy(p.hypervisor, "KVMKVMKVM\0\0", 12);
    assert_refused(&p, "lacks \"unrestricted guest\"", "-cpu host");
}

static void each_reason_has_a_line_and_many_are_counted(void **state) {
    struct processor p = intel();
    unsigned lines = 0;

    (void)state;
    p.vmx.procbased2 = 0;
    p.vmx.ept_vpid = 0;
    assert_refused(&p, "lacks \"enable EPT\"", "and ");
    for (const char *at = text; (at = strstr(at, "PINWHEEL refused: ")); at++)
        lines++;
    assert_int_equal(lines, 8);
}

static void without_xsave_it_is_refused(void **state) {
    struct processor p = intel();

    (void)state;
    p.xsave = false;
    assert_refused(&p, "this processor lacks \"XSAVE\"", "its own registers");
    p.vmx = (struct vmx_capabilities){0};
    assert_true(refusal_text(&p, text, sizeof(text)));
    assert_null(strstr(text, "XSAVE"));
}

static void a_small_buffer_cuts_the_text(void **state) {
    struct processor p = {.vendor = "GenuineIntel"};

    (void)state;
    for (size_t size = 1; size < 400; size++) {
        char *small = malloc(size);

        refusal_text(&p, small, size);
        assert_true(strlen(small) < size);
        free(small);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_processor_is_not_refused),
        cmocka_unit_test(without_vmx_the_advice_fits_the_machine),
        cmocka_unit_test(vt_x_disabled_by_the_firmware_refers_to_its_setup),
        cmocka_unit_test(an_older_processor_gets_a_list_of_what_it_lacks),
        cmocka_unit_test(each_reason_has_a_line_and_many_are_counted),
        cmocka_unit_test(without_xsave_it_is_refused),
        cmocka_unit_test(a_small_buffer_cuts_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
