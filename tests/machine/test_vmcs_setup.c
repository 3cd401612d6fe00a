/* Guards vmm/vcpu/vmcs_setup.c: the fields that are written once, and the check before an entry.
 * SDM Vol. 3C, "Host-State Area", "VM-Execution Control Fields". */
#include "arch/idt.h"
#include "arch/vmx/entry_check.h"
#include "tests/machine/one_vm.h"
#include "vmm/host/host_memory.h"
#include "vmm/vcpu/run.h"
#include "vmm/vcpu/vmcs_setup.h"

/* The VMCS as it is set up, in the state after a reset, with only what an entry adds. */
static int set_up(void **state) {
    struct guest_config config = machine_guest();

    (void)state;
    machine_reset();
    machine_start(2);
    config.vcpus = 2;
    vm = machine_vm(3, &config);
    self = vm->vcpu[0];
    other = vm->vcpu[1];
    machine_load(self);
    return 0;
}

static unsigned violations(void) {
    struct vmcs_image image;

    for (unsigned i = 0; i < VMCS_IMAGE_WORDS; i++)
        ((uint64_t *)&image)[i] = machine_get(vmcs_fields[i].encoding);
    return entry_check(&image, &host.capabilities, NULL, 0);
}

static void a_vmcs_that_is_set_up_can_be_entered(void **state) {
    (void)state;
    machine_set(VMCS_GUEST_RIP, 0xfff0);
    assert_int_equal(violations(), 0);
    assert_true(vmcs_check(self, false));
    assert_runs();
}

static void the_host_state_is_this_cpus(void **state) {
    (void)state;
    const struct cpu *cpu = &machine.cpu[1].cpu;
    machine_load(other);
    assert_field(VMCS_HOST_CR0, machine.cr0);
    assert_field(VMCS_HOST_CR3, memory_root());
    assert_field(VMCS_HOST_CR4, machine.cr4);
    assert_field(VMCS_HOST_CS_SELECTOR, SELECTOR_CODE);
    assert_field(VMCS_HOST_SS_SELECTOR, SELECTOR_DATA);
    assert_field(VMCS_HOST_TR_SELECTOR, SELECTOR_TSS);
    assert_field(VMCS_HOST_GS_BASE, (uint64_t)cpu);
    assert_field(VMCS_HOST_TR_BASE, (uint64_t)&cpu->segments.tss);
    assert_field(VMCS_HOST_GDTR_BASE, (uint64_t)cpu->segments.gdt);
    assert_field(VMCS_HOST_IDTR_BASE, idt_base());
    assert_field(VMCS_HOST_EFER, *machine_msr(MSR_IA32_EFER));
    assert_field(VMCS_HOST_PAT, PAT_HOST);
    assert_field(VMCS_HOST_RIP, vmx_exit_address());
}

static void every_port_exits(void **state) {
    (void)state;
    const uint8_t *a = machine_memory(machine_get(VMCS_IO_BITMAP_A));
    const uint8_t *b = machine_memory(machine_get(VMCS_IO_BITMAP_B));
    assert_true(machine_get(VMCS_PRIMARY_CONTROLS) & PRIMARY_USE_IO_BITMAPS);
    for (unsigned i = 0; i < PAGE_SIZE; i++) {
        assert_int_equal(a[i], 0xff);
        assert_int_equal(b[i], 0xff);
    }
    assert_ptr_equal(machine_memory(machine_get(VMCS_IO_BITMAP_B) + PAGE_SIZE - 1),
                     &b[PAGE_SIZE - 1]);
    const uint8_t *behind = machine_memory(machine_get(VMCS_IO_BITMAP_B) + PAGE_SIZE);
    assert_non_null(behind);
    assert_int_equal(*behind, 0xff);
}

static void exceptions_that_could_hang_the_processor_exit(void **state) {
    (void)state;
    assert_field(VMCS_EXCEPTION_BITMAP, 1 << 1 | 1 << 17 | 1 << 18); /* #DB, #AC, #MC */
    assert_field(VMCS_PAGE_FAULT_ERROR_MASK, 0);
    assert_field(VMCS_PAGE_FAULT_ERROR_MATCH, 0);
}

static void each_vcpu_has_its_own_translations(void **state) {
    (void)state;
    assert_field(VMCS_VPID, vcpu_vpid(self));
    assert_int_equal(machine_count(MACHINE_INVEPT, vm->ept_pointer[0]), 1);
    assert_int_equal(machine_count(MACHINE_INVEPT, vm->ept_pointer[1]), 1);
    assert_true(machine_count(MACHINE_INVVPID, vcpu_vpid(self)) > 0);
    machine_load(other);
    assert_field(VMCS_VPID, vcpu_vpid(other));
}

static void other_fields_are_as_after_a_reset(void **state) {
    (void)state;
    assert_field(VMCS_TSC_OFFSET, 0);
    assert_field(VMCS_LINK_POINTER, UINT64_MAX);
    assert_field(VMCS_GUEST_PAT, PAT_RESET);
    assert_field(VMCS_GUEST_DEBUGCTL, 0);
    assert_field(VMCS_GUEST_SYSENTER_CS, 0);
    assert_field(VMCS_GUEST_SYSENTER_ESP, 0);
    assert_field(VMCS_GUEST_SYSENTER_EIP, 0);
    assert_field(VMCS_CR3_TARGET_COUNT, 0);
    assert_field(VMCS_EXIT_MSR_LOAD_COUNT, 0);
    assert_field(VMCS_EXIT_MSR_STORE_COUNT, 0);
    assert_field(VMCS_ENTRY_MSR_LOAD_COUNT, 0);
}

static void a_vcpu_that_shares_its_cpu_yields_when_it_spins(void **state) {
    struct guest_config config = machine_guest();

    (void)state;
    assert_false(machine_get(VMCS_SECONDARY_CONTROLS) & SECONDARY_PAUSE_LOOP_EXITING);
    struct vm *second = machine_vm(4, &config);
    machine_load(second->vcpu[0]);
    assert_true(machine_get(VMCS_SECONDARY_CONTROLS) & SECONDARY_PAUSE_LOOP_EXITING);
    assert_field(VMCS_PLE_GAP, VMX_PLE_GAP);
    assert_field(VMCS_PLE_WINDOW, VMX_PLE_WINDOW);
    assert_int_equal(violations(), 0);
}

static void load_other(void) {
    machine_load(other);
}

static void controls_that_have_gone_stop_the_machine(void **state) {
    (void)state;
    host.capabilities.procbased2 = 0;
    assert_true(machine_ends(load_other));
    assert_non_null(strstr(machine.message, "no longer available"));
}

/* ---- the check ---- */

static void a_violation_is_named_with_its_value_and_rule(void **state) {
    (void)state;
    machine_set(VMCS_GUEST_RFLAGS, 0x8000);
    machine_forget();
    assert_false(vmcs_check(self, false));
    assert_true(machine_says("pinwheel: guest tested vCPU 0: no VM entry: guest RFLAGS (0x6820) "
                             "is 0x8000: "));
    assert_true(machine_says("(SDM, \""));
    assert_killed("vCPU 0: its state is not valid for a VM entry: guest RFLAGS: ");
}

static void the_first_four_of_many_violations_are_shown(void **state) {
    unsigned lines = 0;

    (void)state;
    for (unsigned i = 0; i < 6; i++)
        machine_set(VMCS_GUEST_ES_ACCESS_RIGHTS + 2 * i, 0);
    assert_true(violations() > 4);
    machine_forget();
    assert_false(vmcs_check(self, true));
    for (const char *at = machine.console.text; (at = strstr(at, "no VM entry: ")); at++)
        lines++;
    assert_int_equal(lines, 4);
}

static void a_failure_that_no_rule_explains_is_reported_so(void **state) {
    (void)state;
    machine_set(VMCS_EXIT_REASON, EXIT_REASON_ENTRY_INVALID_GUEST_STATE);
    assert_false(vmcs_check(self, true));
    assert_killed("vCPU 0: the VM entry failed (VM-entry failure: invalid guest state); Pinwheel's "
                  "own checks found nothing wrong");
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_vmcs_that_is_set_up_can_be_entered),
        TEST(the_host_state_is_this_cpus),
        TEST(every_port_exits),
        TEST(exceptions_that_could_hang_the_processor_exit),
        TEST(each_vcpu_has_its_own_translations),
        TEST(other_fields_are_as_after_a_reset),
        TEST(a_vcpu_that_shares_its_cpu_yields_when_it_spins),
        TEST(controls_that_have_gone_stop_the_machine),
        TEST(a_violation_is_named_with_its_value_and_rule),
        TEST(the_first_four_of_many_violations_are_shown),
        TEST(a_failure_that_no_rule_explains_is_reported_so),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
