/* Guards the exits by exceptions and NMIs, what is left of an event whose delivery an exit
 * interrupts, and the exits of the MSR instructions: vmm/vcpu/exits.c. SDM Vol. 3C, "Information
 * for VM Exits Due to Vectored Events", "Information for VM Exits During Event Delivery". */
#include "tests/machine/one_vm.h"

#define VALID     INTERRUPTION_VALID
#define EXCEPTION INTERRUPTION_HARDWARE_EXCEPTION
#define WITH_CODE INTERRUPTION_ERROR_CODE

/* An exit by an event, which may interrupt the delivery of another. */
static bool exits_by(uint32_t event, uint32_t code, uint64_t qualification, uint32_t interrupted) {
    machine_exit(EXIT_REASON_EXCEPTION_OR_NMI, qualification, LENGTH);
    machine_set(VMCS_EXIT_INTERRUPTION_INFORMATION, event);
    machine_set(VMCS_EXIT_INTERRUPTION_ERROR_CODE, code);
    machine_set(VMCS_IDT_VECTORING_INFORMATION, interrupted);
    return exit_handle(self);
}

/* ---- intercepted exceptions ---- */

static void an_intercepted_exception_is_the_guests(void **state) {
    (void)state;
    self->event_error = 99;
    assert_true(exits_by(VALID | EXCEPTION | WITH_CODE | VECTOR_AC, 0, 0, 0));
    assert_int_equal(self->event, VALID | EXCEPTION | WITH_CODE | VECTOR_AC);
    assert_int_equal(self->event_error, 0);
    assert_field(VMCS_GUEST_RIP, START_RIP);
}

static void in_real_mode_an_exception_has_no_error_code(void **state) {
    (void)state;
    machine_real_mode();
    exits_by(VALID | EXCEPTION | WITH_CODE | VECTOR_AC, 0, 0, 0);
    assert_int_equal(self->event, VALID | EXCEPTION | VECTOR_AC);
}

/* INT1, the only software exception that is intercepted, needs its length to be injected. */
static void int1_is_injected_with_its_length(void **state) {
    const uint32_t int1 = VALID | 5u << INTERRUPTION_TYPE_SHIFT | VECTOR_DB;

    (void)state;
    machine_exit(EXIT_REASON_EXCEPTION_OR_NMI, 0, 1);
    machine_set(VMCS_EXIT_INTERRUPTION_INFORMATION, int1);
    exit_handle(self);
    assert_int_equal(self->event, int1);
    assert_int_equal(self->event_length, 1);
}

static void a_debug_exception_sets_dr6(void **state) {
    (void)state;
    machine.dr6 = 0xffff0ff5;
    exits_by(VALID | EXCEPTION | VECTOR_DB, 0, 1 << 14 | 1 << 1, 0);
    assert_int_equal(self->event, VALID | EXCEPTION | VECTOR_DB);
    assert_int_equal(machine.dr6, 0xffff4ff2);
}

/* SDM Vol. 3B, "Debug Status Register (DR6)": the processor may clear B0 to B3, never the others.
 */
static void what_dr6_has_of_earlier_exceptions_stays(void **state) {
    (void)state;
    machine.dr6 = 0xffffeff1;
    exits_by(VALID | EXCEPTION | VECTOR_DB, 0, 1 << 1, 0);
    assert_int_equal(machine.dr6, 0xffffeff2);
    machine.dr6 = 0xffff0ff0;
    exits_by(VALID | EXCEPTION | VECTOR_DB, 0, 1 << 13, 0);
    assert_int_equal(machine.dr6, 0xffff2ff0);
    exits_by(VALID | EXCEPTION | VECTOR_DB, 0, 1 << 14, 0);
    assert_int_equal(machine.dr6, 0xffff6ff0);
}

/* BLD and RTM are 0 in DR6 where they are 1 in the qualification; another exception sets RTM and
 * does not modify BLD. */
static void two_bits_of_dr6_are_active_low(void **state) {
    (void)state;
    machine.dr6 = 0xffff0ff0;
    exits_by(VALID | EXCEPTION | VECTOR_DB, 0, 1 << 11, 0);
    assert_int_equal(machine.dr6, 0xffff07f0);
    exits_by(VALID | EXCEPTION | VECTOR_DB, 0, 1 << 16 | 1, 0);
    assert_int_equal(machine.dr6, 0xfffe07f1);
    exits_by(VALID | EXCEPTION | VECTOR_DB, 0, 1 << 12 | 2, 0); /* bit 12 is not a bit of DR6 */
    assert_int_equal(machine.dr6, 0xffff07f2);
}

static void int1_leaves_dr6_alone(void **state) {
    (void)state;
    machine.dr6 = 0xffff4ff1;
    exits_by(VALID | 5u << INTERRUPTION_TYPE_SHIFT | VECTOR_DB, 0, 0, 0);
    assert_int_equal(machine.dr6, 0xffff4ff1);
}

/* Or the handler's first access to a debug register would raise another. */
static void a_debug_exception_clears_general_detect(void **state) {
    (void)state;
    machine_set(VMCS_GUEST_DR7, 0x2703);
    exits_by(VALID | EXCEPTION | VECTOR_DB, 0, 1 << 13, 0);
    assert_field(VMCS_GUEST_DR7, 0x0703);
    machine_set(VMCS_GUEST_DR7, 0x2703);
    exits_by(VALID | 5u << INTERRUPTION_TYPE_SHIFT | VECTOR_DB, 0, 0, 0);
    assert_field(VMCS_GUEST_DR7, 0x0703);
    machine_set(VMCS_GUEST_DR7, 0x2703);
    exits_by(VALID | EXCEPTION | WITH_CODE | VECTOR_AC, 0, 0, 0);
    assert_field(VMCS_GUEST_DR7, 0x2703);
}

/* SDM Vol. 3B, "Single-Stepping on Branches": the debugger sets BTF anew. */
static void a_debug_exception_clears_btf(void **state) {
    (void)state;
    machine_set(VMCS_GUEST_DEBUGCTL, DEBUGCTL_BTF);
    exits_by(VALID | EXCEPTION | WITH_CODE | VECTOR_AC, 0, 0, 0);
    assert_field(VMCS_GUEST_DEBUGCTL, DEBUGCTL_BTF);
    exits_by(VALID | EXCEPTION | VECTOR_DB, 0, 1 << 14, 0);
    assert_field(VMCS_GUEST_DEBUGCTL, 0);
}

/* No emulated instruction is a branch. */
static void with_btf_an_emulated_instruction_does_not_trap(void **state) {
    (void)state;
    machine_set(VMCS_GUEST_RFLAGS, RFLAGS_ONE | RFLAGS_TF);
    machine_set(VMCS_GUEST_DEBUGCTL, DEBUGCTL_BTF);
    exits(EXIT_REASON_CPUID, 0);
    assert_field(VMCS_GUEST_PENDING_DEBUG, 0);
    machine_set(VMCS_GUEST_DEBUGCTL, 0);
    exits(EXIT_REASON_CPUID, 0);
    assert_field(VMCS_GUEST_PENDING_DEBUG, PENDING_DEBUG_BS);
}

static void a_step_in_a_shadow_stays_pending(void **state) {
    (void)state;
    machine_set(VMCS_GUEST_RFLAGS, RFLAGS_ONE | RFLAGS_TF);
    exits_by(VALID | EXCEPTION | VECTOR_DB, 0, 1, 0);
    assert_field(VMCS_GUEST_PENDING_DEBUG, 0);
    machine_set(VMCS_GUEST_INTERRUPTIBILITY, INTERRUPTIBILITY_MOV_SS);
    exits_by(VALID | EXCEPTION | VECTOR_DB, 0, 1, 0);
    assert_field(VMCS_GUEST_PENDING_DEBUG, PENDING_DEBUG_BS);
}

static void machine_check_in_guest(void) {
    exits_by(VALID | EXCEPTION | VECTOR_MC, 0, 0, 0);
}

static void a_machine_check_is_the_hosts(void **state) {
    (void)state;
    assert_true(machine_ends(machine_check_in_guest));
    assert_non_null(strstr(machine.message, "machine check in guest tested"));
}

/* ---- NMIs ---- */

static void an_nmi_is_a_kick(void **state) {
    (void)state;
    assert_true(exits_by(VALID | INTERRUPTION_NMI | VECTOR_NMI, 0, 0, 0));
    assert_int_equal(machine_count(MACHINE_UNBLOCK, MACHINE_ANY), 1);
    /* The exit takes the NMI away from its handler, so this is where a panic stops the CPU. */
    assert_int_equal(machine_count(MACHINE_STOPPED, MACHINE_ANY), 1);
    assert_int_equal(self->event, 0);
    assert_int_equal(atomic_load(&self->nmis), 0);
    assert_field(VMCS_GUEST_INTERRUPTIBILITY, 0);
}

static void an_iret_that_faults_blocks_nmis_again(void **state) {
    const uint32_t event = VALID | EXCEPTION | WITH_CODE | INTERRUPTION_NMI_UNBLOCKED | VECTOR_AC;

    (void)state;
    exits_by(event, 0, 0, 0);
    assert_field(VMCS_GUEST_INTERRUPTIBILITY, INTERRUPTIBILITY_NMI);
    assert_int_equal(self->event, VALID | EXCEPTION | WITH_CODE | VECTOR_AC);
    machine_set(VMCS_GUEST_INTERRUPTIBILITY, 0); /* during event delivery it is undefined */
    exits_by(event, 0, 0, VALID | INTERRUPTION_EXTERNAL | 0x51);
    assert_field(VMCS_GUEST_INTERRUPTIBILITY, 0);
}

/* ---- interrupted deliveries ---- */

static void an_interrupted_event_is_injected_again(void **state) {
    (void)state;
    exits_by(VALID | INTERRUPTION_NMI | VECTOR_NMI, 0, 0, VALID | INTERRUPTION_EXTERNAL | 0x51);
    assert_int_equal(self->event, VALID | INTERRUPTION_EXTERNAL | 0x51);
    machine_exit(EXIT_REASON_PREEMPTION_TIMER, 0, 3);
    machine_set(VMCS_IDT_VECTORING_INFORMATION, VALID | INTERRUPTION_SOFTWARE_INTERRUPT | 0x80);
    exit_handle(self);
    assert_int_equal(self->event, VALID | INTERRUPTION_SOFTWARE_INTERRUPT | 0x80);
    assert_int_equal(self->event_length, 3);
}

static void an_interrupted_exception_keeps_its_error_code(void **state) {
    (void)state;
    machine_exit(EXIT_REASON_PREEMPTION_TIMER, 0, 0);
    machine_set(VMCS_IDT_VECTORING_INFORMATION, VALID | EXCEPTION | WITH_CODE | VECTOR_PF);
    machine_set(VMCS_IDT_VECTORING_ERROR_CODE, 7);
    exit_handle(self);
    assert_int_equal(self->event, VALID | EXCEPTION | WITH_CODE | VECTOR_PF);
    assert_int_equal(self->event_error, 7);
}

/* Bit 12 of the field is undefined, and reserved at an entry. */
static void an_undefined_bit_of_an_interrupted_event_is_dropped(void **state) {
    (void)state;
    machine_exit(EXIT_REASON_PREEMPTION_TIMER, 0, 0);
    machine_set(VMCS_IDT_VECTORING_INFORMATION, VALID | INTERRUPTION_EXTERNAL | 1 << 12 | 0x51);
    exit_handle(self);
    assert_int_equal(self->event, VALID | INTERRUPTION_EXTERNAL | 0x51);
}

static void an_interrupted_nmi_unblocks_nmis_to_be_injected_again(void **state) {
    (void)state;
    machine_set(VMCS_GUEST_INTERRUPTIBILITY, INTERRUPTIBILITY_NMI);
    machine_exit(EXIT_REASON_PREEMPTION_TIMER, 0, 0);
    machine_set(VMCS_IDT_VECTORING_INFORMATION, VALID | INTERRUPTION_NMI | VECTOR_NMI);
    exit_handle(self);
    assert_int_equal(self->event, VALID | INTERRUPTION_NMI | VECTOR_NMI);
    assert_field(VMCS_GUEST_INTERRUPTIBILITY, 0);
}

static void a_new_exception_replaces_the_interrupted_event(void **state) {
    (void)state;
    exits_by(VALID | EXCEPTION | WITH_CODE | VECTOR_AC, 0, 0,
             VALID | INTERRUPTION_SOFTWARE_INTERRUPT | 0x80);
    assert_int_equal(self->event, VALID | EXCEPTION | WITH_CODE | VECTOR_AC);
}

static void nothing_interrupted_leaves_no_event(void **state) {
    (void)state;
    machine_exit(EXIT_REASON_PREEMPTION_TIMER, 0, 0);
    machine_set(VMCS_IDT_VECTORING_INFORMATION, INTERRUPTION_EXTERNAL | 0x51); /* not valid */
    exit_handle(self);
    assert_int_equal(self->event, 0);
}

/* ---- the interrupts' own exits ---- */

static void a_register_that_the_guest_wrote_takes_effect(void **state) {
    (void)state;
    apic_page_write(self->apic_page, APIC_SVR, APIC_SVR_ENABLE | 0xef);
    assert_true(exits(EXIT_REASON_APIC_WRITE, APIC_SVR));
    assert_field(VMCS_GUEST_RIP, START_RIP); /* trap-like: RIP is behind it already */
    apic_page_write(self->apic_page, APIC_ICR_HIGH, 0);
    apic_page_write(self->apic_page, APIC_ICR_LOW, 0x71);
    assert_true(exits(EXIT_REASON_APIC_WRITE, APIC_ICR_LOW));
    assert_true(apic_page_has(self->apic_page, APIC_IRR, 0x71));
    assert_field(VMCS_GUEST_INTERRUPT_STATUS, 0x71); /* RVI follows at once */
}

static void an_eoi_exit_retires_the_level_interrupt(void **state) {
    (void)state;
    virq_apic_write(self, APIC_SVR, APIC_SVR_ENABLE | 0xff);
    vm->routing.ioapic.entry[5] = RTE_LEVEL | 0x51;
    routing_set_line(&vm->routing, 5, true);
    virq_prepare_entry(self);
    assert_true(vm->routing.ioapic.entry[5] & RTE_REMOTE_IRR);
    routing_set_line(&vm->routing, 5, false);
    apic_page_remove(self->apic_page, APIC_IRR, 0x51); /* delivered, and its EOI virtualized */
    assert_true(exits(EXIT_REASON_VIRTUALIZED_EOI, 0x51));
    assert_false(vm->routing.ioapic.entry[5] & RTE_REMOTE_IRR);
    assert_field(VMCS_GUEST_RIP, START_RIP);
}

/* ---- RDMSR and WRMSR ---- */

static void rdmsr_of(uint32_t msr) {
    machine_set(VMCS_GUEST_RIP, START_RIP);
    *reg(GUEST_RAX) = *reg(GUEST_RDX) = 0xdead0000dead0000;
    *reg(GUEST_RCX) = 0xdead000000000000 | msr;
    self->event = 0;
    assert_true(exits(EXIT_REASON_RDMSR, 0));
}

static void wrmsr_to(uint32_t msr, uint64_t value) {
    machine_set(VMCS_GUEST_RIP, START_RIP);
    *reg(GUEST_RAX) = 0xdead000000000000 | (uint32_t)value;
    *reg(GUEST_RDX) = 0xdead000000000000 | value >> 32;
    *reg(GUEST_RCX) = 0xdead000000000000 | msr;
    self->event = 0;
    assert_true(exits(EXIT_REASON_WRMSR, 0));
}

static void assert_value(uint64_t value) {
    assert_advanced();
    assert_int_equal(*reg(GUEST_RAX), (uint32_t)value);
    assert_int_equal(*reg(GUEST_RDX), value >> 32);
}

static void rdmsr_returns_two_halves(void **state) {
    (void)state;
    rdmsr_of(MSR_IA32_BIOS_SIGN_ID);
    assert_value(0x100000000);
    self->tsc_adjust = 0xfedcba9876543210;
    rdmsr_of(MSR_IA32_TSC_ADJUST);
    assert_value(0xfedcba9876543210);
    wrmsr_to(MSR_IA32_TSC_ADJUST, 0x123456789abcdef0);
    assert_advanced();
    rdmsr_of(MSR_IA32_TSC_ADJUST);
    assert_value(0x123456789abcdef0);
}

static void an_msr_that_is_not_there_faults(void **state) {
    (void)state;
    rdmsr_of(0x38f);
    assert_faults_with_code(VECTOR_GP, 0);
    assert_int_equal(*reg(GUEST_RAX), 0xdead0000dead0000);
    wrmsr_to(0x38f, 0);
    assert_faults_with_code(VECTOR_GP, 0);
}

static void the_x2apic_registers_are_there_in_x2apic_mode_only(void **state) {
    const uint64_t x2apic = APIC_DEFAULT_BASE | APIC_BASE_BSP | APIC_BASE_ENABLE | APIC_BASE_X2APIC;

    (void)state;
    rdmsr_of(MSR_IA32_APIC_BASE);
    assert_value(APIC_DEFAULT_BASE | APIC_BASE_BSP | APIC_BASE_ENABLE);
    rdmsr_of(MSR_X2APIC_BASE + APIC_TIMER_CURRENT / 16);
    assert_faults_with_code(VECTOR_GP, 0);
    wrmsr_to(MSR_X2APIC_BASE + APIC_SVR / 16, 0x1ff);
    assert_faults_with_code(VECTOR_GP, 0);
    wrmsr_to(MSR_IA32_APIC_BASE, x2apic);
    assert_advanced();
    rdmsr_of(MSR_IA32_APIC_BASE);
    assert_value(x2apic);
    rdmsr_of(MSR_X2APIC_BASE + APIC_TIMER_CURRENT / 16);
    assert_value(0);
    wrmsr_to(MSR_X2APIC_BASE + APIC_SVR / 16, 0x1ff);
    assert_advanced();
    assert_int_equal(apic_page_read(self->apic_page, APIC_SVR), 0x1ff);
    rdmsr_of(MSR_X2APIC_BASE); /* there is no such register */
    assert_faults_with_code(VECTOR_GP, 0);
    rdmsr_of(MSR_X2APIC_LAST);
    assert_faults_with_code(VECTOR_GP, 0);
    assert_string_equal(machine.console.text, ""); /* known, so not reported */
}

static void an_invalid_apic_base_faults(void **state) {
    (void)state;
    wrmsr_to(MSR_IA32_APIC_BASE, APIC_DEFAULT_BASE | APIC_BASE_X2APIC); /* but not enabled */
    assert_faults_with_code(VECTOR_GP, 0);
    wrmsr_to(MSR_IA32_APIC_BASE, 1ULL << 39 | APIC_BASE_ENABLE);
    assert_faults_with_code(VECTOR_GP, 0);
    assert_int_equal(virq_base(self), APIC_DEFAULT_BASE | APIC_BASE_BSP | APIC_BASE_ENABLE);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up_protected_mode)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_intercepted_exception_is_the_guests),
        TEST(in_real_mode_an_exception_has_no_error_code),
        TEST(int1_is_injected_with_its_length),
        TEST(a_debug_exception_sets_dr6),
        TEST(what_dr6_has_of_earlier_exceptions_stays),
        TEST(two_bits_of_dr6_are_active_low),
        TEST(int1_leaves_dr6_alone),
        TEST(a_debug_exception_clears_general_detect),
        TEST(a_debug_exception_clears_btf),
        TEST(with_btf_an_emulated_instruction_does_not_trap),
        TEST(a_step_in_a_shadow_stays_pending),
        TEST(a_machine_check_is_the_hosts),
        TEST(an_nmi_is_a_kick),
        TEST(an_iret_that_faults_blocks_nmis_again),
        TEST(an_interrupted_event_is_injected_again),
        TEST(an_interrupted_exception_keeps_its_error_code),
        TEST(an_undefined_bit_of_an_interrupted_event_is_dropped),
        TEST(an_interrupted_nmi_unblocks_nmis_to_be_injected_again),
        TEST(a_new_exception_replaces_the_interrupted_event),
        TEST(nothing_interrupted_leaves_no_event),
        TEST(a_register_that_the_guest_wrote_takes_effect),
        TEST(an_eoi_exit_retires_the_level_interrupt),
        TEST(rdmsr_returns_two_halves),
        TEST(an_msr_that_is_not_there_faults),
        TEST(the_x2apic_registers_are_there_in_x2apic_mode_only),
        TEST(an_invalid_apic_base_faults),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
