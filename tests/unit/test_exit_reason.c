/* Guards arch/vmx/exit_reason.c: every number gives a text, and none reads outside the tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/vmx/exit_reason.h"

static void known_reasons_have_their_names(void **state) {
    (void)state;
    assert_string_equal(exit_reason_name(0), "exception or NMI");
    assert_string_equal(exit_reason_name(10), "CPUID");
    assert_string_equal(exit_reason_name(45), "virtualized EOI");
    assert_string_equal(exit_reason_name(52), "VMX-preemption timer expired");
    assert_string_equal(exit_reason_name(56), "APIC write");
}

/* SDM Vol. 3D, "VMX Basic Exit Reasons": all but the reserved numbers. */
static void every_reason_of_the_manual_has_a_name(void **state) {
    (void)state;
    for (uint32_t reason = 0; reason <= 85; reason++) {
        bool reserved =
            reason == 35 || reason == 38 || reason == 42 || reason == 82 || reason == 83;
        if ((strcmp(exit_reason_name(reason), "unknown exit reason") == 0) != reserved)
            fail_msg("reason %u is \"%s\"", reason, exit_reason_name(reason));
    }
    assert_string_equal(exit_reason_name(60), "ENCLS");
    assert_string_equal(exit_reason_name(74), "bus lock");
    assert_string_equal(exit_reason_name(76), "SEAMCALL");
    assert_string_equal(exit_reason_name(77), "TDCALL");
    assert_string_equal(exit_reason_name(85), "WRMSRNS with an immediate");
}

static void the_flags_above_the_basic_reason_are_ignored(void **state) {
    (void)state;
    assert_string_equal(exit_reason_name(0x80000021), "VM-entry failure: invalid guest state");
    assert_string_equal(exit_reason_name(1u << 27 | 48), "EPT violation");
}

static void unlisted_numbers_are_unknown(void **state) {
    static const uint32_t unknown[] = {35, 38, 42, 82, 83, 86, 0xffff, 0xffffffff};

    (void)state;
    for (unsigned i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        assert_string_equal(exit_reason_name(unknown[i]), "unknown exit reason");
    }
}

static void instruction_errors(void **state) {
    static const uint32_t unknown[] = {0, 1, 14, 21, 27, 29, 0xffffffff};

    (void)state;
    assert_string_equal(vm_instruction_error_name(2), "VMCLEAR with invalid physical address");
    assert_string_equal(vm_instruction_error_name(7), "VM entry with invalid control field(s)");
    assert_string_equal(vm_instruction_error_name(28), "invalid operand to INVEPT/INVVPID");
    for (unsigned i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        assert_string_equal(vm_instruction_error_name(unknown[i]), "unknown VM-instruction error");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_reasons_have_their_names),
        cmocka_unit_test(every_reason_of_the_manual_has_a_name),
        cmocka_unit_test(the_flags_above_the_basic_reason_are_ignored),
        cmocka_unit_test(unlisted_numbers_are_unknown),
        cmocka_unit_test(instruction_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
