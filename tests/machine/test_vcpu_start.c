/* Guards vmm/vcpu/vcpu_start.h and vcpu_load(): what a vCPU finds in its registers when it starts.
 */
#include "arch/idt.h"
#include "tests/machine/one_vm.h"
#include "vmm/vcpu/vcpu_start.h"

#define LEFT_BEHIND 0x600dULL

/* The registers that no VM entry or exit switches, as a guest would fill them. */
static void fill_registers(void) {
    machine.cr2 = machine.x87 = machine.sse = LEFT_BEHIND;
    for (unsigned i = 0; i < 4; i++)
        machine.dr[i] = LEFT_BEHIND;
    machine.mxcsr = 0x1f81;
    *machine_msr(MSR_IA32_STAR) = LEFT_BEHIND;
    *machine_msr(MSR_IA32_LSTAR) = LEFT_BEHIND;
    *machine_msr(MSR_IA32_CSTAR) = LEFT_BEHIND;
    *machine_msr(MSR_IA32_FMASK) = LEFT_BEHIND;
    *machine_msr(MSR_IA32_KERNEL_GS_BASE) = LEFT_BEHIND;
}

static void assert_registers(uint64_t cr2_and_dr, uint64_t others, uint32_t mxcsr) {
    assert_int_equal(machine.cr2, cr2_and_dr);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(machine.dr[i], cr2_and_dr);
    assert_int_equal(machine.dr6, DR6_RESET);
    assert_int_equal(machine.x87, others);
    assert_int_equal(machine.sse, others);
    assert_int_equal(machine.mxcsr, mxcsr);
    assert_int_equal(*machine_msr(MSR_IA32_STAR), others);
    assert_int_equal(*machine_msr(MSR_IA32_LSTAR), others);
    assert_int_equal(*machine_msr(MSR_IA32_CSTAR), others);
    assert_int_equal(*machine_msr(MSR_IA32_FMASK), others);
    assert_int_equal(*machine_msr(MSR_IA32_KERNEL_GS_BASE), others);
}

static void a_new_vcpu_finds_nothing_of_the_one_before_it(void **state) {
    struct guest_config config = machine_guest();
    struct vm *next = machine_vm(1, &config);

    (void)state;
    fill_registers();
    machine_load(next->vcpu[0]);
    assert_registers(0, 0, 0x1f80);
    machine_load(self);
    assert_int_equal(machine.sse, LEFT_BEHIND);
}

static void a_new_vcpu_finds_nothing_of_one_that_has_ended(void **state) {
    struct guest_config config = machine_guest();
    struct vm *next = machine_vm(1, &config);

    (void)state;
    fill_registers();
    vcpu_unload_for_good(self);
    machine_load(next->vcpu[0]);
    assert_registers(0, 0, 0x1f80);
}

/* SDM Vol. 3A, "Processor State After Reset": the column for INIT. */
static void init_resets_cr2_and_the_debug_registers_alone(void **state) {
    (void)state;
    fill_registers();
    machine.dr6 = DR6_RESET | 1;
    vcpu_reset(self);
    assert_registers(0, LEFT_BEHIND, 0x1f81);
    assert_int_equal(self->state, VCPU_WAIT_FOR_SIPI);
    assert_field(VMCS_GUEST_CS_BASE, 0xffff0000);
    assert_field(VMCS_GUEST_RIP, 0xfff0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_new_vcpu_finds_nothing_of_the_one_before_it, set_up_real_mode),
        cmocka_unit_test_setup(a_new_vcpu_finds_nothing_of_one_that_has_ended, set_up_real_mode),
        cmocka_unit_test_setup(init_resets_cr2_and_the_debug_registers_alone, set_up_real_mode),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
