/* Guards tests/machine/: the machine of the tests notices what a processor would not forgive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/control_registers.h"
#include "arch/msr.h"
#include "tests/machine/machine.h"

static struct vm *vm;

static int set_up(void **state) {
    struct guest_config config = machine_guest();

    (void)state;
    machine_reset();
    machine_start(2);
    config.vcpus = 2;
    vm = machine_vm(0, &config);
    machine_load(vm->vcpu[0]);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    machine_reset();
    return 0;
}

#define assert_ends(run, words)                                                                    \
    do {                                                                                           \
        assert_true(machine_ends(run));                                                            \
        assert_non_null(strstr(machine.message, words));                                           \
    } while (0)

static void write_exit_reason(void) {
    vmcs_write(VMCS_EXIT_REASON, 1);
}

static void read_no_field(void) {
    vmcs_read(0x1000);
}

static void read_without_vmcs(void) {
    vcpu_unload_for_good(vm->vcpu[0]);
    vmcs_read(VMCS_GUEST_RIP);
}

static void load_on_another_cpu(void) {
    machine.now = 1;
    vmcs_load(vm->vcpu[0]->vmcs_physical);
}

static void load_other_memory(void) {
    vmcs_load(vm->ram_physical);
}

static void flush_the_hosts_vpid(void) {
    invvpid(INVVPID_SINGLE_CONTEXT, 0);
}

static void the_vmcs_is_as_strict_as_a_processor(void **state) {
    (void)state;
    assert_ends(write_exit_reason, "read-only");
    assert_ends(read_no_field, "no field 0x1000");
    assert_ends(load_other_memory, "another revision");
    assert_ends(flush_the_hosts_vpid, "VPID 0");
    assert_ends(load_on_another_cpu, "active on CPU 0");
    machine.now = 0;
    assert_ends(read_without_vmcs, "without a current VMCS");
}

static void a_field_keeps_the_bits_of_its_width(void **state) {
    (void)state;
    vmcs_write(VMCS_GUEST_CS_SELECTOR, 0x123456789abcdef0);
    assert_int_equal(vmcs_read(VMCS_GUEST_CS_SELECTOR), 0xdef0);
    vmcs_write(VMCS_GUEST_CS_LIMIT, 0x123456789abcdef0);
    assert_int_equal(vmcs_read(VMCS_GUEST_CS_LIMIT), 0x9abcdef0);
    vmcs_write(VMCS_GUEST_RIP, 0x123456789abcdef0);
    assert_int_equal(vmcs_read(VMCS_GUEST_RIP), 0x123456789abcdef0);
    vmcs_write(VMCS_GUEST_PAT, 0x123456789abcdef0);
    assert_int_equal(vmcs_read(VMCS_GUEST_PAT), 0x123456789abcdef0);
}

static void enter(void) {
    vmx_enter(&vm->vcpu[0]->context, false);
}

static void play_guest(struct vmx_context *context) {
    (void)context;
    machine_exit(EXIT_REASON_HLT, 0, 1);
}

static void an_entry_is_checked_by_the_rules_of_the_manual(void **state) {
    (void)state;
    machine_real_mode();
    machine_set(VMCS_PREEMPTION_TIMER, 1);
    machine_set(VMCS_GUEST_RFLAGS, 0);
    assert_ends(enter, "guest RFLAGS");
    machine_set(VMCS_GUEST_RFLAGS, RFLAGS_ONE);
    assert_ends(enter, "nothing plays it");
}

static void an_entry_needs_the_instruction_of_its_launch_state(void **state) {
    struct vmx_context *context = &vm->vcpu[0]->context;

    (void)state;
    machine_real_mode();
    machine_set(VMCS_PREEMPTION_TIMER, 1);
    machine.guest = play_guest;
    assert_false(vmx_enter(context, true));
    assert_string_equal(vmx_error(), vm_instruction_error_name(5));
    assert_true(vmx_enter(context, false));
    assert_int_equal(machine_get(VMCS_EXIT_REASON), EXIT_REASON_HLT);
    assert_false(vmx_enter(context, false));
    assert_string_equal(vmx_error(), vm_instruction_error_name(4));
    assert_true(vmx_enter(context, true));
}

static void an_expired_timer_and_an_open_window_exit_at_once(void **state) {
    struct vcpu *vcpu = vm->vcpu[0];

    (void)state;
    machine_real_mode();
    machine_set(VMCS_PREEMPTION_TIMER, 0);
    machine_set(VMCS_PRIMARY_CONTROLS, vcpu->controls.primary | PRIMARY_INTERRUPT_WINDOW_EXITING |
                                           PRIMARY_NMI_WINDOW_EXITING);
    enter();
    assert_int_equal(machine_get(VMCS_EXIT_REASON), EXIT_REASON_PREEMPTION_TIMER);
    machine_set(VMCS_PREEMPTION_TIMER, 1);
    assert_true(vmx_enter(&vcpu->context, true));
    assert_int_equal(machine_get(VMCS_EXIT_REASON), EXIT_REASON_NMI_WINDOW);
    machine_set(VMCS_GUEST_INTERRUPTIBILITY, INTERRUPTIBILITY_NMI);
    assert_true(vmx_enter(&vcpu->context, true));
    assert_int_equal(machine_get(VMCS_EXIT_REASON), EXIT_REASON_INTERRUPT_WINDOW);
    machine.guest = play_guest;
    machine_set(VMCS_GUEST_RFLAGS, RFLAGS_ONE);
    assert_true(vmx_enter(&vcpu->context, true));
    assert_int_equal(machine_get(VMCS_EXIT_REASON), EXIT_REASON_HLT);
}

static void read_missing_msr(void) {
    rdmsr(MSR_IA32_MCG_CAP);
}

static void enable_avx_without_sse(void) {
    xsetbv(0, XCR0_X87 | XCR0_AVX);
}

static void lock_twice(void) {
    spin_lock(&vm->interrupt_lock);
    spin_lock(&vm->interrupt_lock);
}

static void general_protection_and_deadlocks_end_the_program(void **state) {
    (void)state;
    assert_ends(read_missing_msr, "#GP");
    assert_ends(enable_avx_without_sse, "#GP");
    assert_ends(lock_twice, "deadlock");
}

static void a_leaf_above_the_largest_reads_as_the_largest(void **state) {
    (void)state;
    assert_int_equal(cpuid(0x17, 0).ebx, cpuid(0x0d, 0).ebx);
    assert_int_equal(cpuid(0x40000000, 0).ebx, cpuid(0x0d, 0).ebx);
    assert_int_equal(cpuid(0x80000009, 2).ebx, cpuid(0x0d, 2).ebx);
}

static unsigned acted_as;
static void act(void) {
    acted_as = this_cpu()->index;
}

static void another_cpu_acts_before_the_given_instruction(void **state) {
    (void)state;
    machine.meanwhile = act;
    machine.meanwhile_at = 2;
    rdtsc();
    vmcs_read(VMCS_GUEST_RIP);
    assert_non_null(machine.meanwhile);
    rdtsc();
    assert_null(machine.meanwhile);
    assert_int_equal(acted_as, MACHINE_CPUS - 1);
    assert_int_equal(this_cpu()->index, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_vmcs_is_as_strict_as_a_processor, set_up),
        cmocka_unit_test_setup(a_field_keeps_the_bits_of_its_width, set_up),
        cmocka_unit_test_setup(an_entry_is_checked_by_the_rules_of_the_manual, set_up),
        cmocka_unit_test_setup(an_entry_needs_the_instruction_of_its_launch_state, set_up),
        cmocka_unit_test_setup(an_expired_timer_and_an_open_window_exit_at_once, set_up),
        cmocka_unit_test_setup(general_protection_and_deadlocks_end_the_program, set_up),
        cmocka_unit_test_setup(a_leaf_above_the_largest_reads_as_the_largest, set_up),
        cmocka_unit_test_setup(another_cpu_acts_before_the_given_instruction, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
