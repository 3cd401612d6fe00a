/* Guards vmm/vcpu/exits.c: what each exit does to the guest, and whether its turn goes on. Exits by
 * events have test_exit_events.c. SDM Vol. 3C, "VM Exits"; Vol. 3D, "VMX Basic Exit Reasons". */
#include "tests/machine/one_vm.h"

/* ---- the table ---- */

static void instructions_that_are_not_offered_are_undefined(void **state) {
    static const uint32_t reasons[] = {
        EXIT_REASON_GETSEC, EXIT_REASON_VMCLEAR, EXIT_REASON_VMLAUNCH, EXIT_REASON_VMPTRLD,
        EXIT_REASON_VMPTRST, EXIT_REASON_VMREAD, EXIT_REASON_VMRESUME, EXIT_REASON_VMWRITE,
        EXIT_REASON_VMXOFF, EXIT_REASON_VMXON, EXIT_REASON_INVEPT, EXIT_REASON_INVVPID,
        EXIT_REASON_MWAIT, EXIT_REASON_MONITOR,
        /* INVPCID, VMFUNC, ENCLS; XSAVES, XRSTORS, PCONFIG; UMWAIT, TPAUSE, LOADIWKEY, ENCLV;
         * SEAMCALL, TDCALL, RDMSRLIST, WRMSRLIST, URDMSR, UWRMSR; RDMSR, WRMSRNS immediate */
        58, 59, 60, 63, 64, 65, 67, 68, 69, 70, 76, 77, 78, 79, 80, 81, 84, 85};

    (void)state;
    for (unsigned i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        self->event = 0;
        machine_set(VMCS_GUEST_RFLAGS, RFLAGS_ONE);
        assert_true(exits(reasons[i], 0));
        assert_faults(VECTOR_UD);
    }
    assert_runs();
}

static void rdpmc_faults(void **state) {
    (void)state;
    assert_true(exits(EXIT_REASON_RDPMC, 0));
    assert_faults_with_code(VECTOR_GP, 0);
}

static void in_real_mode_a_fault_has_no_error_code(void **state) {
    (void)state;
    machine_real_mode();
    assert_true(exits(EXIT_REASON_RDPMC, 0));
    assert_faults(VECTOR_GP);
}

static void cache_flushes_are_skipped(void **state) {
    (void)state;
    assert_true(exits(EXIT_REASON_WBINVD, 0));
    assert_advanced();
    machine_set(VMCS_GUEST_RIP, START_RIP);
    assert_true(exits(EXIT_REASON_INVD, 0));
    assert_advanced();
}

static void a_spinning_vcpu_yields_behind_its_pause(void **state) {
    (void)state;
    assert_false(exits(EXIT_REASON_PAUSE, 0));
    assert_advanced();
    assert_int_equal(self->state, VCPU_RUNNABLE);
}

static void an_open_window_changes_nothing(void **state) {
    (void)state;
    self->nmi_pending = 1;
    assert_true(exits(EXIT_REASON_INTERRUPT_WINDOW, 0));
    assert_true(exits(EXIT_REASON_NMI_WINDOW, 0));
    assert_field(VMCS_GUEST_RIP, START_RIP);
    assert_int_equal(self->event, 0);
    assert_int_equal(self->nmi_pending, 1);
}

/* Whether the slice is over is checked before every entry: run.c. */
static void the_preemption_timer_changes_nothing_of_the_guest(void **state) {
    (void)state;
    self->slice_end = machine.tsc;
    assert_true(exits(EXIT_REASON_PREEMPTION_TIMER, 0));
    assert_field(VMCS_GUEST_RIP, START_RIP);
    assert_int_equal(self->state, VCPU_RUNNABLE);
}

/* Invariant 22: the preemption timer is the slow tick. */
static void the_preemption_timer_releases_deferred_deliveries(void **state) {
    (void)state;
    virq_apic_write(self, APIC_SVR, APIC_SVR_ENABLE | 0xff);
    vm->routing.ioapic.entry[5] = RTE_LEVEL | 0x51;
    routing_set_line(&vm->routing, 5, true);
    virq_prepare_entry(self);
    vm->routing.ioapic.level_streak[5] = VIOAPIC_IMMEDIATE_DELIVERIES;
    routing_eoi_exit(self->routed, 0x51);
    assert_int_equal(atomic_load(&vm->routing.ioapic.deferred), 1 << 5);
    exits(EXIT_REASON_PREEMPTION_TIMER, 0);
    assert_int_equal(atomic_load(&vm->routing.ioapic.deferred), 0);
}

static void a_physical_interrupt_is_accepted_by_the_host(void **state) {
    (void)state;
    assert_true(exits(EXIT_REASON_EXTERNAL_INTERRUPT, 0));
    assert_int_equal(machine_count(MACHINE_ACCEPT, MACHINE_ANY), 1);
    assert_field(VMCS_GUEST_RIP, START_RIP);
    assert_int_equal(self->event, 0);
}

static void an_exit_that_cannot_be_handled_ends_the_guest(void **state) {
    (void)state;
    exits(EXIT_REASON_TRIPLE_FAULT, 0);
    assert_killed("vCPU 0: triple fault at RIP 0x1000");
}

/* SDM Vol. 3C, "Exit Qualification for Task Switches". */
static void a_task_switch_ends_the_guest_and_the_reason_says_which(void **state) {
    static const char *const sources[] = {"CALL", "IRET", "JMP", "a task gate in the IDT"};
    char text[160];

    for (uint64_t source = 0; source < 4; source++) {
        set_up_protected_mode(state);
        exits(EXIT_REASON_TASK_SWITCH, source << 30 | 0x28);
        snprintf(text, sizeof(text),
                 "vCPU 0: a hardware task switch by %s to the TSS 0x28 (RIP 0x1000) is not "
                 "virtualized; kernels in use switch tasks by software",
                 sources[source]);
        assert_killed(text);
    }
}

static void a_reason_without_a_handler_ends_the_guest(void **state) {
    static const uint32_t reasons[] = {
        EXIT_REASON_INIT,
        EXIT_REASON_SIPI,
        5,
        6,
        14,
        16,
        17,
        29,
        35,
        37,
        38,
        42,
        46,
        47,
        51,
        EXIT_REASON_EPT_MISCONFIGURATION,
        EXIT_REASON_COUNT,
        57,
        61,
        74,
        75,
        0xffff,
    };
    char text[80];

    (void)state;
    for (unsigned i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        set_up_protected_mode(NULL);
        exits(reasons[i], 0);
        snprintf(text, sizeof(text), "unexpected VM exit: %s (reason %u)",
                 exit_reason_name(reasons[i]), reasons[i]);
        assert_killed(text);
    }
}

static void an_entry_that_failed_ends_the_guest_and_names_the_field(void **state) {
    (void)state;
    machine_set(VMCS_GUEST_RFLAGS, 0);
    exits(EXIT_REASON_ENTRY_INVALID_GUEST_STATE | 1u << 31, 0);
    assert_killed("guest RFLAGS");
    assert_true(machine_says("vCPU 0: no VM entry: guest RFLAGS (0x6820) is 0x0"));
    set_up_protected_mode(NULL);
    exits(EXIT_REASON_ENTRY_MSR_LOADING | 1u << 31, 0);
    assert_killed("Pinwheel's own checks found nothing wrong");
}

static void machine_check_in_guest(void) {
    exits(EXIT_REASON_ENTRY_MACHINE_CHECK | 1u << 31, 0);
}

static void a_machine_check_stops_the_machine(void **state) {
    (void)state;
    assert_true(machine_ends(machine_check_in_guest));
    assert_non_null(strstr(machine.message, "panic: machine check in guest tested"));
}

static void exits_are_counted_by_reason(void **state) {
    (void)state;
    uint64_t before = self->exits_by_reason[EXIT_REASON_WBINVD];
    exits(EXIT_REASON_WBINVD, 0);
    exits(EXIT_REASON_WBINVD, 0);
    assert_int_equal(self->exits_by_reason[EXIT_REASON_WBINVD], before + 2);
    assert_int_equal(self->exits_by_reason[EXIT_REASON_INVD], 0);
}

static void with_trace_on_each_exit_is_recorded(void **state) {
    const struct trace_ring *ring = machine.cpu[0].trace;

    (void)state;
    exits(EXIT_REASON_WBINVD, 0);
    uint64_t before = ring->count;
    vm->trace = true;
    machine_set(VMCS_GUEST_INTERRUPT_STATUS, 0x5161);
    exits(EXIT_REASON_WBINVD, 0);
    assert_int_equal(ring->count, before + 1);
    const struct trace_record *record = &ring->record[before];
    assert_int_equal(record->event, TRACE_EXIT);
    assert_int_equal(record->vector, EXIT_REASON_WBINVD);
    assert_int_equal(record->a, 0x5161);
    assert_int_equal(record->b, 0);
    exits(EXIT_REASON_VIRTUALIZED_EOI, 0x51);
    assert_int_equal(ring->record[before + 1].vector, EXIT_REASON_VIRTUALIZED_EOI);
    assert_int_equal(ring->record[before + 1].b, 0x51);
}

/* ---- behind an instruction ---- */

static void rip_wraps_at_32_bits_outside_64_bit_mode(void **state) {
    (void)state;
    machine_set(VMCS_GUEST_RIP, 0xffffffff);
    exits(EXIT_REASON_WBINVD, 0);
    assert_field(VMCS_GUEST_RIP, 1);
    machine_long_mode(vm);
    machine_set(VMCS_GUEST_RIP, 0xffffffff);
    exits(EXIT_REASON_WBINVD, 0);
    assert_field(VMCS_GUEST_RIP, 0x100000001);
}

static void an_emulated_instruction_ends_the_shadow_before_it(void **state) {
    static const uint64_t shadows[] = {INTERRUPTIBILITY_STI, INTERRUPTIBILITY_MOV_SS};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        machine_set(VMCS_GUEST_INTERRUPTIBILITY, shadows[i] | INTERRUPTIBILITY_NMI);
        exits(EXIT_REASON_WBINVD, 0);
        assert_field(VMCS_GUEST_INTERRUPTIBILITY, INTERRUPTIBILITY_NMI);
        machine_set(VMCS_GUEST_INTERRUPTIBILITY, shadows[i]);
        exits(EXIT_REASON_RDPMC, 0); /* a fault does not */
        assert_field(VMCS_GUEST_INTERRUPTIBILITY, shadows[i]);
    }
}

static void a_single_step_traps_behind_an_emulated_instruction(void **state) {
    (void)state;
    exits(EXIT_REASON_WBINVD, 0);
    assert_field(VMCS_GUEST_PENDING_DEBUG, 0);
    machine_set(VMCS_GUEST_RFLAGS, RFLAGS_ONE | RFLAGS_TF);
    exits(EXIT_REASON_RDPMC, 0);
    assert_field(VMCS_GUEST_PENDING_DEBUG, 0);
    exits(EXIT_REASON_WBINVD, 0);
    assert_field(VMCS_GUEST_PENDING_DEBUG, PENDING_DEBUG_BS);
}

/* ---- HLT ---- */

static void hlt_waits_behind_the_instruction(void **state) {
    (void)state;
    assert_false(exits(EXIT_REASON_HLT, 0));
    assert_advanced();
    assert_int_equal(self->state, VCPU_HALTED);
    assert_runs();
}

static void hlt_with_something_to_do_does_not_wait(void **state) {
    (void)state;
    apic_page_add(self->apic_page, APIC_IRR, 0x51);
    assert_true(exits(EXIT_REASON_HLT, 0));
    assert_advanced();
    assert_int_equal(self->state, VCPU_RUNNABLE);
}

static void hlt_after_sti_waits_too(void **state) {
    (void)state;
    machine_set(VMCS_GUEST_INTERRUPTIBILITY, INTERRUPTIBILITY_STI);
    assert_false(exits(EXIT_REASON_HLT, 0));
    assert_field(VMCS_GUEST_INTERRUPTIBILITY, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up_protected_mode)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(instructions_that_are_not_offered_are_undefined),
        TEST(rdpmc_faults),
        TEST(in_real_mode_a_fault_has_no_error_code),
        TEST(cache_flushes_are_skipped),
        TEST(a_spinning_vcpu_yields_behind_its_pause),
        TEST(an_open_window_changes_nothing),
        TEST(the_preemption_timer_changes_nothing_of_the_guest),
        TEST(the_preemption_timer_releases_deferred_deliveries),
        TEST(a_physical_interrupt_is_accepted_by_the_host),
        TEST(an_exit_that_cannot_be_handled_ends_the_guest),
        TEST(a_task_switch_ends_the_guest_and_the_reason_says_which),
        TEST(a_reason_without_a_handler_ends_the_guest),
        TEST(an_entry_that_failed_ends_the_guest_and_names_the_field),
        TEST(a_machine_check_stops_the_machine),
        TEST(exits_are_counted_by_reason),
        TEST(with_trace_on_each_exit_is_recorded),
        TEST(rip_wraps_at_32_bits_outside_64_bit_mode),
        TEST(an_emulated_instruction_ends_the_shadow_before_it),
        TEST(a_single_step_traps_behind_an_emulated_instruction),
        TEST(hlt_waits_behind_the_instruction),
        TEST(hlt_with_something_to_do_does_not_wait),
        TEST(hlt_after_sti_waits_too),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
