/* Guards what vmm/vcpu does against speculation, and the MSRs with which guests protect themselves:
 * vcpu.c, msr.c, guest_cpuid.c. SDM Vol. 4, IA32_SPEC_CTRL. */
#include "arch/cpuid.h"
#include "tests/machine/one_vm.h"
#include "tests/unit/generations.h"
#include "vmm/host/mitigations.h"
#include "vmm/vcpu/guest_cpuid.h"
#include "vmm/vcpu/msr.h"

static struct vm *second;

/* A machine of this generation, with a VM as in one_vm.h and another on CPU 0. */
static void start_generation(const char *name, const struct speculation_request *request) {
    struct guest_config config = machine_guest();
    static const uint32_t msrs[] = {MSR_IA32_SPEC_CTRL, MSR_IA32_FLUSH_CMD};
    unsigned i = 0;

    machine_reset();
    while (i < GENERATIONS && strcmp(generations[i].name, name) != 0)
        i++;
    assert_true(i < GENERATIONS);
    const struct speculation_processor *p = &generations[i].processor;
    mitigations = speculation_decide(p, request);
    machine_leaf(7, 0)->edx = p->leaf7_edx;
    machine_leaf(7, 0)->eax = 2;
    machine_leaf(7, 2)->edx = p->leaf7_2_edx;
    for (unsigned slot = 0, next = 0; slot < MACHINE_MSRS && next < 2; slot++) {
        if (!machine.msr[slot].number)
            machine.msr[slot].number = msrs[next++];
    }
    config.vcpus = 2;
    start_vm(&config);
    machine_protected_mode();
    config.vcpus = 1;
    second = machine_vm(1, &config);
}

static const struct speculation_request automatic;

static void write_msr(uint32_t msr, uint64_t value) {
    *reg(GUEST_RCX) = msr;
    *reg(GUEST_RAX) = (uint32_t)value;
    *reg(GUEST_RDX) = value >> 32;
    machine_set(VMCS_GUEST_RIP, START_RIP);
    self->event = 0;
    assert_true(exits(EXIT_REASON_WRMSR, 0));
}

static uint64_t read_msr(uint32_t msr) {
    *reg(GUEST_RCX) = msr;
    machine_set(VMCS_GUEST_RIP, START_RIP);
    self->event = 0;
    assert_true(exits(EXIT_REASON_RDMSR, 0));
    return *reg(GUEST_RDX) << 32 | (uint32_t)*reg(GUEST_RAX);
}

static bool write_exits(uint32_t msr) {
    const uint8_t *bitmap = machine_memory(msr_bitmap(VMX_APIC_XAPIC));

    return bitmap[2048 + msr / 8] >> msr % 8 & 1;
}

static bool read_exits(uint32_t msr) {
    const uint8_t *bitmap = machine_memory(msr_bitmap(VMX_APIC_XAPIC));

    return bitmap[msr / 8] >> msr % 8 & 1;
}

static void the_hypervisors_bits_stay_1_whatever_a_guest_writes(void **state) {
    const uint64_t host_bits = SPEC_CTRL_IBRS | SPEC_CTRL_BHI_DIS_S;

    (void)state;
    start_generation("Sapphire Rapids", &automatic);
    assert_true(read_exits(MSR_IA32_SPEC_CTRL) && write_exits(MSR_IA32_SPEC_CTRL));
    write_msr(MSR_IA32_SPEC_CTRL, SPEC_CTRL_SSBD);
    assert_advanced();
    assert_int_equal(*machine_msr(MSR_IA32_SPEC_CTRL), host_bits | SPEC_CTRL_SSBD);
    assert_int_equal(read_msr(MSR_IA32_SPEC_CTRL), SPEC_CTRL_SSBD);
    write_msr(MSR_IA32_SPEC_CTRL, 0);
    assert_int_equal(*machine_msr(MSR_IA32_SPEC_CTRL), host_bits);
    assert_int_equal(read_msr(MSR_IA32_SPEC_CTRL), 0);
    write_msr(MSR_IA32_SPEC_CTRL, 1ULL << 9);
    assert_faults_with_code(VECTOR_GP, 0);
    write_msr(MSR_IA32_SPEC_CTRL, 1ULL << 32);
    assert_faults_with_code(VECTOR_GP, 0);
    assert_int_equal(*machine_msr(MSR_IA32_SPEC_CTRL), host_bits);
}

static void each_vcpu_has_its_own_spec_ctrl(void **state) {
    (void)state;
    start_generation("Sapphire Rapids", &automatic);
    write_msr(MSR_IA32_SPEC_CTRL, SPEC_CTRL_STIBP);
    machine_load(second->vcpu[0]);
    assert_int_equal(*machine_msr(MSR_IA32_SPEC_CTRL), SPEC_CTRL_IBRS | SPEC_CTRL_BHI_DIS_S);
    machine_load(self);
    assert_int_equal(*machine_msr(MSR_IA32_SPEC_CTRL),
                     SPEC_CTRL_IBRS | SPEC_CTRL_BHI_DIS_S | SPEC_CTRL_STIBP);
}

static void an_open_spec_ctrl_is_saved_and_restored(void **state) {
    (void)state;
    start_generation("Broadwell", &automatic);
    assert_false(read_exits(MSR_IA32_SPEC_CTRL) || write_exits(MSR_IA32_SPEC_CTRL));
    *machine_msr(MSR_IA32_SPEC_CTRL) = SPEC_CTRL_IBRS; /* the guest, without an exit */
    machine_load(second->vcpu[0]);
    assert_int_equal(*machine_msr(MSR_IA32_SPEC_CTRL), 0);
    machine_load(self);
    assert_int_equal(*machine_msr(MSR_IA32_SPEC_CTRL), SPEC_CTRL_IBRS);
}

static void commands_can_be_written_and_not_read(void **state) {
    (void)state;
    start_generation("Broadwell", &automatic);
    assert_true(read_exits(MSR_IA32_PRED_CMD) && read_exits(MSR_IA32_FLUSH_CMD));
    assert_false(write_exits(MSR_IA32_PRED_CMD) || write_exits(MSR_IA32_FLUSH_CMD));
    read_msr(MSR_IA32_PRED_CMD);
    assert_faults_with_code(VECTOR_GP, 0);
    read_msr(MSR_IA32_FLUSH_CMD);
    assert_faults_with_code(VECTOR_GP, 0);
}

static void a_processor_without_them_has_none_for_guests(void **state) {
    static const uint32_t msrs[] = {MSR_IA32_SPEC_CTRL, MSR_IA32_PRED_CMD, MSR_IA32_FLUSH_CMD,
                                    MSR_IA32_ARCH_CAPABILITIES};

    (void)state;
    start_generation("Nehalem without microcode", &automatic);
    for (unsigned i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++) {
        assert_true(read_exits(msrs[i]) && write_exits(msrs[i]));
        read_msr(msrs[i]);
        assert_faults_with_code(VECTOR_GP, 0);
        write_msr(msrs[i], 0);
        assert_faults_with_code(VECTOR_GP, 0);
    }
    machine_forget();
    machine_load(second->vcpu[0]);
    assert_int_equal(machine_count(MACHINE_WRMSR, MSR_IA32_SPEC_CTRL), 0);
    assert_int_equal(machine_count(MACHINE_WRMSR, MSR_IA32_PRED_CMD), 0);
    assert_int_equal(machine_count(MACHINE_WRMSR, MSR_IA32_FLUSH_CMD), 0);
}

static void the_capabilities_can_be_read_and_not_written(void **state) {
    (void)state;
    start_generation("Lunar Lake", &automatic);
    assert_int_equal(read_msr(MSR_IA32_ARCH_CAPABILITIES), mitigations.guest_arch_value);
    assert_true(read_msr(MSR_IA32_ARCH_CAPABILITIES) & ARCH_CAP_RDCL_NO);
    write_msr(MSR_IA32_ARCH_CAPABILITIES, 0);
    assert_faults_with_code(VECTOR_GP, 0);
}

static void cpuid_offers_what_there_is(void **state) {
    (void)state;
    start_generation("Lunar Lake", &automatic);
    assert_int_equal(guest_cpuid_read(self, 7, 0).eax, 2);
    assert_int_equal(guest_cpuid_read(self, 7, 0).edx, UPDATED_CAPS);
    assert_int_equal(guest_cpuid_read(self, 7, 2).edx, CTRL_ALDER);
    start_generation("Broadwell", &automatic);
    assert_int_equal(guest_cpuid_read(self, 7, 0).edx, UPDATED_MD);
    assert_int_equal(guest_cpuid_read(self, 7, 2).edx, 0);
    start_generation("Nehalem without microcode", &automatic);
    assert_int_equal(guest_cpuid_read(self, 7, 0).edx, 0);
}

/* L1 terminal fault: what another guest has left in the cache. */
static void the_l1_data_cache_is_flushed_on_a_change_of_guest(void **state) {
    const struct speculation_request without = {.off = MITIGATION_L1D};

    (void)state;
    start_generation("Broadwell", &automatic);
    machine_forget();
    machine_load(second->vcpu[0]);
    assert_int_equal(machine_count(MACHINE_WRMSR, MSR_IA32_FLUSH_CMD), 1);
    assert_int_equal(*machine_msr(MSR_IA32_FLUSH_CMD), FLUSH_CMD_L1D);
    machine_load(second->vcpu[0]);
    assert_int_equal(machine_count(MACHINE_WRMSR, MSR_IA32_FLUSH_CMD), 1);
    start_generation("Broadwell", &without);
    machine_load(second->vcpu[0]);
    assert_int_equal(machine_count(MACHINE_WRMSR, MSR_IA32_FLUSH_CMD), 0);
    start_generation("Cascade Lake", &automatic);
    machine_load(second->vcpu[0]);
    assert_int_equal(machine_count(MACHINE_WRMSR, MSR_IA32_FLUSH_CMD), 0);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_hypervisors_bits_stay_1_whatever_a_guest_writes),
        TEST(each_vcpu_has_its_own_spec_ctrl),
        TEST(an_open_spec_ctrl_is_saved_and_restored),
        TEST(commands_can_be_written_and_not_read),
        TEST(a_processor_without_them_has_none_for_guests),
        TEST(the_capabilities_can_be_read_and_not_written),
        TEST(cpuid_offers_what_there_is),
        TEST(the_l1_data_cache_is_flushed_on_a_change_of_guest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
