/* Guards vmm/vcpu/vm.c and halted.c: how a guest ends, its memory, its bounded reports, and when
 * its vCPUs have halted for good. */
#include "tests/machine/one_vm.h"
#include "vmm/vcpu/halted.h"

/* ---- the end ---- */

static void assert_stopped(void) {
    assert_true(atomic_load(self->requests) & REQUEST_STOP);
    assert_true(atomic_load(other->requests) & REQUEST_STOP);
}

static void a_guest_that_exits_with_0_has_passed(void **state) {
    (void)state;
    vm_exit(vm, "poweroff", 0);
    assert_int_equal(atomic_load(&vm->state), VM_ENDING);
    assert_int_equal(vm->result, VM_PASSED);
    assert_string_equal(vm->how, "poweroff");
    assert_int_equal(vm->code, 0);
    assert_stopped();
}

static void any_other_code_is_a_failure(void **state) {
    (void)state;
    vm_exit(vm, "exit", 0x12345678);
    assert_int_equal(vm->result, VM_FAILED);
    assert_int_equal(vm->code, 0x12345678);
    assert_stopped();
}

static void a_guest_that_is_killed_has_a_reason(void **state) {
    (void)state;
    vm_kill(vm, "vCPU %u: it did 0x%lx", 3, 0xabcUL);
    assert_int_equal(vm->result, VM_KILLED);
    assert_string_equal(vm->how, "killed");
    assert_string_equal(vm->reason, "vCPU 3: it did 0xabc");
    assert_string_equal(machine.console.text,
                        "pinwheel: guest tested is killed: vCPU 3: it did 0xabc\n");
    assert_stopped();
}

static void only_the_first_end_counts(void **state) {
    (void)state;
    vm_exit(vm, "reset", 0);
    vm_exit(vm, "exit", 7);
    vm_kill(vm, "too late");
    assert_int_equal(vm->result, VM_PASSED);
    assert_string_equal(vm->how, "reset");
    assert_string_equal(machine.console.text, "");
}

static void a_guest_that_has_not_begun_does_not_end(void **state) {
    (void)state;
    atomic_store(&vm->state, VM_WAITING);
    vm_kill(vm, "too early");
    vm_exit(vm, "exit", 0);
    assert_int_equal(atomic_load(&vm->state), VM_WAITING);
    assert_int_equal(atomic_load(self->requests), 0);
}

/* ---- memory ---- */

static void memory_is_found_only_if_all_of_it_is_ram(void **state) {
    uint64_t size = vm->ram_size;

    (void)state;
    assert_ptr_equal(vm_ram(vm, 0, 1), vm->ram);
    assert_ptr_equal(vm_ram(vm, 0, size), vm->ram);
    assert_ptr_equal(vm_ram(vm, size - 8, 8), vm->ram + size - 8);
    assert_null(vm_ram(vm, size - 7, 8));
    assert_null(vm_ram(vm, size, 1));
    assert_null(vm_ram(vm, 0, size + 1));
    assert_null(vm_ram(vm, UINT64_MAX, 1));
    assert_null(vm_ram(vm, UINT64_MAX - 3, 8)); /* the sum would wrap */
    assert_null(vm_ram(vm, 8, UINT64_MAX));
}

/* The counter of reports stops before it can wrap and begin anew. */
static void reports_stay_bounded_for_ever(void **state) {
    (void)state;
    atomic_store(&vm->logged, UINT32_MAX);
    vm_log_access(vm, "read", 1);
    vm_log_access(vm, "read", 1);
    vm_log_access(vm, "read", 1);
    assert_string_equal(machine.console.text, "");
}

/* ---- halted for good ---- */

/* The vCPU halts with interrupts off, or on. */
static void halt_with(uint64_t interrupts) {
    machine_set(VMCS_GUEST_RFLAGS, RFLAGS_ONE | interrupts);
    self->state = VCPU_HALTED;
    halted_begin(self);
}

static void a_guest_that_can_never_wake_is_killed(void **state) {
    (void)state;
    halt_with(0);
    assert_killed("all vCPUs have halted with interrupts off, the last one at RIP 0x1000");
}

static void with_interrupts_on_it_may_wake(void **state) {
    (void)state;
    halt_with(RFLAGS_IF);
    assert_runs();
    assert_int_equal(atomic_load(&self->awake), 1);
}

static void another_vcpu_may_wake_it(void **state) {
    (void)state;
    atomic_store(&other->awake, 1);
    halt_with(0);
    assert_runs();
    atomic_store(&other->awake, 0);
    atomic_store(other->requests, REQUEST_SIPI);
    halt_with(0);
    assert_runs();
    atomic_store(other->requests, 0);
    atomic_store(self->requests, REQUEST_NMI);
    halt_with(0);
    assert_runs();
}

static void an_nmi_or_init_of_a_device_may_wake_it(void **state) {
    static const unsigned modes[] = {APIC_DELIVERY_NMI, APIC_DELIVERY_INIT};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        vm->routing.ioapic.entry[7] = modes[i] << RTE_DELIVERY_SHIFT;
        halt_with(0);
        assert_runs();
        vm->routing.ioapic.entry[7] = RTE_MASKED;
        apic_page_write(other->apic_page, APIC_LVT_LINT0, modes[i] << 8);
        halt_with(0);
        assert_runs();
        apic_page_write(other->apic_page, APIC_LVT_LINT0, APIC_LVT_MASKED);
    }
    vm->routing.ioapic.entry[7] = RTE_MASKED | (uint64_t)APIC_DELIVERY_NMI << RTE_DELIVERY_SHIFT;
    vm->routing.ioapic.entry[8] = 0x51; /* an interrupt does not */
    apic_page_write(other->apic_page, APIC_LVT_LINT0, APIC_LVT_MASKED | APIC_DELIVERY_NMI << 8);
    halt_with(0);
    assert_killed("all vCPUs have halted");
}

static void a_vcpu_that_waits_for_a_sipi_counts_as_halted(void **state) {
    (void)state;
    self->state = VCPU_WAIT_FOR_SIPI;
    halted_begin(self);
    assert_killed("all vCPUs have halted");
}

static void a_vcpu_is_awake_before_its_request_is_drained(void **state) {
    (void)state;
    uint32_t before = atomic_load(&vm->wakes);
    halted_end(self);
    assert_int_equal(atomic_load(&vm->wakes), before); /* it was awake */
    atomic_store(&self->awake, 0);
    halted_end(self);
    assert_int_equal(atomic_load(&self->awake), 1);
    assert_int_equal(atomic_load(&vm->wakes), before + 1);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up_protected_mode)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_guest_that_exits_with_0_has_passed),
        TEST(any_other_code_is_a_failure),
        TEST(a_guest_that_is_killed_has_a_reason),
        TEST(only_the_first_end_counts),
        TEST(a_guest_that_has_not_begun_does_not_end),
        TEST(memory_is_found_only_if_all_of_it_is_ram),
        TEST(reports_stay_bounded_for_ever),
        TEST(a_guest_that_can_never_wake_is_killed),
        TEST(with_interrupts_on_it_may_wake),
        TEST(another_vcpu_may_wake_it),
        TEST(an_nmi_or_init_of_a_device_may_wake_it),
        TEST(a_vcpu_that_waits_for_a_sipi_counts_as_halted),
        TEST(a_vcpu_is_awake_before_its_request_is_drained),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
