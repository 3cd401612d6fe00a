/* Guards vmm/vcpu/vcpu.c: which registers a CPU's switch to another vCPU saves and restores, and
 * how a request reaches its vCPU. SDM Vol. 1, "XSAVE Area"; Vol. 3C, "Software Use of
 * Virtual-Machine Control Structures". */
#include "tests/machine/one_vm.h"
#include "vmm/host/mitigations.h"

static struct vcpu *neighbour; /* of another VM, on the same CPU */

static int set_up(void **state) {
    struct guest_config config = machine_guest();

    set_up_protected_mode(state);
    neighbour = machine_vm(1, &config)->vcpu[0];
    machine_forget();
    return 0;
}

/* ---- switching ---- */

/* Fills the registers that VM entries and exits do not switch with values from `seed` on. */
static void fill(uint64_t seed) {
    machine.cr2 = seed;
    for (unsigned i = 0; i < 4; i++)
        machine.dr[i] = seed + 1 + i;
    machine.dr6 = DR6_RESET | (seed & 0xf);
    machine.x87 = seed + 10;
    machine.sse = seed + 11;
    machine.avx = seed + 12;
    machine.mxcsr = 0x1f80 | (seed & 0x3f);
    for (uint32_t msr = MSR_IA32_STAR; msr <= MSR_IA32_FMASK; msr++)
        *machine_msr(msr) = seed + msr;
    *machine_msr(MSR_IA32_KERNEL_GS_BASE) = seed + 20;
    *machine_msr(MSR_IA32_TSC_AUX) = seed + 21;
}

static void assert_filled(uint64_t seed) {
    assert_int_equal(machine.cr2, seed);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(machine.dr[i], seed + 1 + i);
    assert_int_equal(machine.dr6, DR6_RESET | (seed & 0xf));
    assert_int_equal(machine.x87, seed + 10);
    assert_int_equal(machine.sse, seed + 11);
    assert_int_equal(machine.avx, seed + 12);
    assert_int_equal(machine.mxcsr, 0x1f80 | (seed & 0x3f));
    for (uint32_t msr = MSR_IA32_STAR; msr <= MSR_IA32_FMASK; msr++)
        assert_int_equal(*machine_msr(msr), seed + msr);
    assert_int_equal(*machine_msr(MSR_IA32_KERNEL_GS_BASE), seed + 20);
    assert_int_equal(*machine_msr(MSR_IA32_TSC_AUX), seed + 21);
}

static void each_vcpu_finds_its_own_registers_again(void **state) {
    (void)state;
    fill(0x1001);
    machine_load(neighbour);
    fill(0x2002);
    machine_load(self);
    assert_filled(0x1001);
    machine_load(neighbour);
    assert_filled(0x2002);
    machine_load(self);
    assert_filled(0x1001);
}

/* The components that XCR0 disables at the switch have values too. */
static void each_vcpu_has_its_xcr0_and_all_components_are_switched(void **state) {
    (void)state;
    assert_int_equal(machine.xcr0, XCR0_X87);
    self->registers.xcr0 = machine.xcr0 = 7;
    fill(0x1001);
    self->registers.xcr0 = machine.xcr0 = 3;
    machine_load(neighbour);
    assert_int_equal(machine.xcr0, XCR0_X87);
    fill(0x2002);
    machine_load(self);
    assert_int_equal(machine.xcr0, 3);
    assert_filled(0x1001);
}

static void the_vmcs_goes_with_the_vcpu_and_is_cleared_once(void **state) {
    (void)state;
    machine_load(neighbour);
    assert_int_equal(machine_count(MACHINE_VMCLEAR, neighbour->vmcs_physical), 1);
    assert_true(machine_find(MACHINE_VMCLEAR, MACHINE_ANY, 0) <
                machine_find(MACHINE_VMPTRLD, MACHINE_ANY, 0));
    machine_set(VMCS_GUEST_RIP, 0x7777);
    machine_load(self);
    assert_field(VMCS_GUEST_RIP, START_RIP);
    machine_load(neighbour);
    assert_field(VMCS_GUEST_RIP, 0x7777);
    assert_int_equal(machine_count(MACHINE_VMCLEAR, MACHINE_ANY), 1);
    assert_int_equal(machine_count(MACHINE_VMPTRLD, MACHINE_ANY), 3);
}

static void a_vcpu_that_is_loaded_is_not_switched(void **state) {
    (void)state;
    fill(0x1001);
    vcpu_load(self);
    assert_int_equal(machine.records, 0);
}

static void without_rdtscp_tsc_aux_is_not_touched(void **state) {
    (void)state;
    host.capabilities.rdtscp = false;
    machine_load(neighbour);
    machine_load(self);
    assert_int_equal(machine_count(MACHINE_WRMSR, MSR_IA32_TSC_AUX), 0);
    assert_int_equal(machine_count(MACHINE_WRMSR, MSR_IA32_KERNEL_GS_BASE), 2);
}

/* Branch history of one guest must not steer another's. */
static void a_switch_to_another_guest_flushes_branch_predictions(void **state) {
    struct guest_config config = machine_guest();

    (void)state;
    config.vcpus = 3; /* two of them on CPU 0 */
    struct vm *third = machine_vm(2, &config);
    machine_load(neighbour);
    assert_int_equal(machine_count(MACHINE_WRMSR, MSR_IA32_PRED_CMD), 1);
    machine_load(third->vcpu[0]);
    assert_int_equal(machine_count(MACHINE_WRMSR, MSR_IA32_PRED_CMD), 2);
    machine_load(third->vcpu[2]);
    assert_int_equal(machine_count(MACHINE_WRMSR, MSR_IA32_PRED_CMD), 2); /* of the same guest */
    vcpu_unload_for_good(third->vcpu[2]);
    machine_load(self);
    assert_int_equal(machine_count(MACHINE_WRMSR, MSR_IA32_PRED_CMD), 3);
    int last = machine_find(MACHINE_WRMSR, MSR_IA32_PRED_CMD, machine.records - 1);
    assert_int_equal(machine.record[last].value, PRED_CMD_IBPB);
    mitigations.on = 0;
    machine_load(neighbour);
    assert_int_equal(machine_count(MACHINE_WRMSR, MSR_IA32_PRED_CMD), 3);
}

/* See interruptibility() of events.c. */
static void a_vcpu_is_remembered_to_be_in_its_nmi_handler(void **state) {
    (void)state;
    self->nmi_given = true;
    machine_set(VMCS_GUEST_INTERRUPTIBILITY, INTERRUPTIBILITY_NMI);
    machine_load(neighbour);
    assert_true(self->nmi_given);
    machine_load(self);
    machine_set(VMCS_GUEST_INTERRUPTIBILITY, 0); /* IRET */
    machine_load(neighbour);
    assert_false(self->nmi_given);
}

static void a_vcpu_that_has_ended_leaves_no_vmcs_behind(void **state) {
    (void)state;
    vcpu_unload_for_good(self);
    assert_int_equal(machine_count(MACHINE_VMCLEAR, self->vmcs_physical), 1);
    assert_null(this_host_cpu()->loaded);
    machine_load(neighbour);
    vcpu_unload_for_good(other); /* never loaded: nothing to clear */
    assert_int_equal(machine_count(MACHINE_VMCLEAR, other->vmcs_physical), 0);
    assert_ptr_equal(this_host_cpu()->loaded, neighbour);
}

/* ---- a new vCPU ---- */

static void vpids_are_unique_and_never_the_hosts(void **state) {
    struct guest_config config = machine_guest();

    (void)state;
    config.vcpus = BOOT_MAX_VCPUS;
    struct vm *vms[3] = {vm, machine_vm(BOOT_MAX_GUESTS - 1, &config), machine_vm(2, &config)};
    bool seen[1 + BOOT_MAX_GUESTS * BOOT_MAX_VCPUS] = {true};
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned j = 0; j < vms[i]->vcpu_count; j++) {
            uint16_t vpid = vcpu_vpid(vms[i]->vcpu[j]);
            assert_true(vpid < sizeof(seen));
            assert_false(seen[vpid]);
            seen[vpid] = true;
        }
    }
}

static void a_cpu_is_shared_when_it_has_a_second_vcpu(void **state) {
    (void)state;
    assert_true(vcpu_shares_cpu(self));
    assert_true(vcpu_shares_cpu(neighbour));
    assert_false(vcpu_shares_cpu(other));
}

/* ---- requests ---- */

static void a_request_from_the_own_cpu_kicks_nobody(void **state) {
    (void)state;
    atomic_store(&self->in_guest, 1);
    vcpu_request(self, REQUEST_NMI);
    assert_int_equal(atomic_load(self->requests), REQUEST_NMI);
    assert_int_equal(machine.records, 0);
}

static void a_request_from_elsewhere_kicks_a_vcpu_in_guest_mode(void **state) {
    (void)state;
    machine.now = 1;
    atomic_store(&self->in_guest, 1);
    vcpu_request(self, REQUEST_LINT0);
    vcpu_request(self, REQUEST_EXTINT);
    assert_int_equal(atomic_load(self->requests), REQUEST_LINT0 | REQUEST_EXTINT);
    assert_int_equal(machine_count(MACHINE_NMI, self->host->cpu.apic_id), 2);
    assert_int_equal(machine_count(MACHINE_WAKE, MACHINE_ANY), 0);
}

static void a_request_from_elsewhere_wakes_an_idle_cpu(void **state) {
    (void)state;
    vcpu_request(other, REQUEST_INTERRUPTS);
    assert_int_equal(machine_count(MACHINE_WAKE, 1), 1);
    assert_int_equal(machine_count(MACHINE_NMI, MACHINE_ANY), 0);
}

static void nmis_are_counted_not_only_flagged(void **state) {
    (void)state;
    vcpu_send_nmi(other);
    vcpu_send_nmi(other);
    assert_int_equal(atomic_load(&other->nmis), 2);
    assert_int_equal(atomic_load(other->requests), REQUEST_NMI);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(each_vcpu_finds_its_own_registers_again),
        TEST(each_vcpu_has_its_xcr0_and_all_components_are_switched),
        TEST(the_vmcs_goes_with_the_vcpu_and_is_cleared_once),
        TEST(a_vcpu_that_is_loaded_is_not_switched),
        TEST(without_rdtscp_tsc_aux_is_not_touched),
        TEST(a_switch_to_another_guest_flushes_branch_predictions),
        TEST(a_vcpu_is_remembered_to_be_in_its_nmi_handler),
        TEST(a_vcpu_that_has_ended_leaves_no_vmcs_behind),
        TEST(vpids_are_unique_and_never_the_hosts),
        TEST(a_cpu_is_shared_when_it_has_a_second_vcpu),
        TEST(a_request_from_the_own_cpu_kicks_nobody),
        TEST(a_request_from_elsewhere_kicks_a_vcpu_in_guest_mode),
        TEST(a_request_from_elsewhere_wakes_an_idle_cpu),
        TEST(nmis_are_counted_not_only_flagged),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
