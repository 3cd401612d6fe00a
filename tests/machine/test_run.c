/* Guards vmm/vcpu/run.c: a vCPU's turn. docs/interrupts.md, "The order of work before an entry".
 * The test's own function plays the guest. What other CPUs do meanwhile has test_run_races.c. */
#include "tests/machine/turns.h"
#include "vmm/pc/ports.h"
#include "vmm/vcpu/events.h"

#define TIMER_SHIFT 5 /* IA32_VMX_MISC of the machine */

/* ---- the order of work ---- */

static void check_armed(struct vmx_context *context) {
    assert_true(self->host->cpu.entry_armed);
    assert_true(atomic_load(&self->in_guest));
    pause(context);
}

static void work_is_done_in_order_after_the_timer_is_armed(void **state) {
    (void)state;
    post_vector();
    events_queue_exception(self, VECTOR_UD);
    run(check_armed);
    int armed = machine_find(MACHINE_VMWRITE, VMCS_PREEMPTION_TIMER, 0);
    int prepared = machine_find(MACHINE_VMWRITE, VMCS_GUEST_INTERRUPT_STATUS, 0);
    int injected = machine_find(MACHINE_VMWRITE, VMCS_ENTRY_INTERRUPTION_INFORMATION, 0);
    int entered = machine_find(MACHINE_ENTER, MACHINE_ANY, 0);
    assert_true(armed >= 0 && armed < prepared && prepared < injected && injected < entered);
    assert_int_equal(machine.record[prepared].value, VECTOR);
    assert_false(self->host->cpu.entry_armed);
    assert_false(atomic_load(&self->in_guest));
    assert_int_equal(machine_count(MACHINE_ENTER, MACHINE_ANY), 1);
}

static void the_timer_is_armed_for_the_slice_or_an_earlier_timer(void **state) {
    (void)state;
    self->slice_end = machine.tsc + (1000 << TIMER_SHIFT);
    run(pause);
    assert_int_equal(machine.record[machine_find(MACHINE_ENTER, MACHINE_ANY, 0)].operand, 1000);
    machine_forget();
    self->timer_next = machine.tsc + (300 << TIMER_SHIFT) + 31;
    run(pause);
    assert_int_equal(machine.record[machine_find(MACHINE_ENTER, MACHINE_ANY, 0)].operand, 300);
}

static void a_turn_ends_with_its_slice(void **state) {
    (void)state;
    self->slice_end = machine.tsc;
    run(pause);
    assert_int_equal(machine_count(MACHINE_ENTER, MACHINE_ANY), 0);
    assert_int_equal(entries, 0);
    assert_int_equal(self->state, VCPU_RUNNABLE);
}

static void check_timer_interrupt(struct vmx_context *context) {
    assert_true(apic_page_has(self->apic_page, APIC_IRR, 0x40));
    assert_int_equal(machine_get(VMCS_GUEST_INTERRUPT_STATUS), 0x40);
    pause(context);
}

static void an_expired_timer_interrupts_at_the_next_entry(void **state) {
    (void)state;
    virq_apic_write(self, APIC_LVT_TIMER, 0x40);
    virq_apic_write(self, APIC_TIMER_DIVIDE, APIC_TIMER_DIVIDE_BY_1);
    virq_apic_write(self, APIC_TIMER_INITIAL, 500);
    assert_int_equal(self->timer_next, machine.tsc + 500);
    machine.tsc += 500;
    run(check_timer_interrupt);
    assert_int_equal(entries, 1);
}

static void a_vcpu_is_launched_once_and_resumed_then(void **state) {
    (void)state;
    assert_false(self->launched);
    run(pause); /* the machine checks the instruction */
    assert_true(self->launched);
    run(pause);
    assert_int_equal(entries, 2);
}

/* ---- requests from the vCPU's own CPU ---- */

/* The 8259s, in automatic-EOI mode, by the I/O APIC's pin 0 as ExtINT: their output falls and rises
 * again while the first of two interrupts is acknowledged, which sends a second message. */
static void route_pic_by_the_ioapic(void) {
    const uint8_t words[] = {0x20, 4, 3, 0};

    pc_port_out(&vm->pc, 0x20, 1, 0x11);
    for (unsigned i = 0; i < sizeof(words); i++)
        pc_port_out(&vm->pc, 0x21, 1, words[i]);
    vm->routing.ioapic.entry[0] = APIC_DELIVERY_EXTINT << RTE_DELIVERY_SHIFT;
    irq_lines_set(&vm->pc, IRQ_SOURCE_TEST, 3, true);
    irq_lines_set(&vm->pc, IRQ_SOURCE_TEST, 5, true);
}

static void run_handler(struct vmx_context *context) {
    (void)context;
    machine_set(VMCS_GUEST_RFLAGS, RFLAGS_ONE | RFLAGS_IF); /* the handler has returned */
    execute(EXIT_REASON_PAUSE);
}

static void a_message_that_an_acknowledgement_sends_is_not_left_behind(void **state) {
    unsigned seen = 0;

    (void)state;
    run(pause);
    route_pic_by_the_ioapic();
    run(run_handler);
    run(run_handler);
    for (int i = -1; (i = machine_find(MACHINE_ENTER, MACHINE_ANY, (unsigned)(i + 1))) >= 0;) {
        uint64_t event = machine.record[i].value;

        if (event & INTERRUPTION_VALID)
            assert_int_equal(event & INTERRUPTION_VECTOR, seen++ ? 0x25 : 0x23);
    }
    assert_int_equal(seen, 2);
}

/* ---- requests ---- */

/* The trace of this CPU has a record of the start at this address. */
static void assert_started_at(unsigned cpu, uint64_t address) {
    const struct trace_ring *ring = machine.cpu[cpu].trace;
    bool found = false;

    for (uint64_t i = 0; i < ring->count; i++)
        found |= ring->record[i].event == TRACE_VCPU_START && ring->record[i].a == address;
    assert_true(found);
}

static void a_start_enters_the_kernel(void **state) {
    (void)state;
    self->state = VCPU_STOPPED;
    vm->entry.multiboot = (struct multiboot_entry){.eip = 0x123456, .ebx = 0x9000};
    vcpu_request(self, REQUEST_START);
    run(pause);
    assert_field(VMCS_GUEST_RIP, 0x123456 + LENGTH);
    assert_started_at(0, 0x123456);
    assert_int_equal(*reg(GUEST_RAX), 0x2badb002);
    assert_int_equal(*reg(GUEST_RBX), 0x9000);
    assert_int_equal(apic_page_read(self->apic_page, APIC_LVT_LINT0), APIC_DELIVERY_EXTINT << 8);
    assert_int_equal(apic_page_read(self->apic_page, APIC_LVT_LINT1), APIC_DELIVERY_NMI << 8);
}

static void signal_other(enum apic_delivery_mode mode, uint8_t vector) {
    vm->routing.effects->signal(vm, 1, mode, vector);
}

static void send_sipi(uint8_t page) {
    signal_other(APIC_DELIVERY_SIPI, page);
}

static void send_init(void) {
    signal_other(APIC_DELIVERY_INIT, 0);
}

static void run_other(void) {
    machine.now = 1;
    machine.guest = pause;
    machine_forget();
    run_turn(other);
    machine.now = 0;
}

static void assert_other_at(uint16_t selector) {
    machine.now = 1;
    assert_field(VMCS_GUEST_CS_SELECTOR, selector);
    machine.now = 0;
}

static void a_sipi_starts_a_vcpu_that_waits_for_it(void **state) {
    (void)state;
    other->slice_end = machine.tsc + MACHINE_HZ;
    send_sipi(0x88); /* it waits for one since it was powered on */
    run_other();
    assert_other_at(0x8800);
    assert_int_equal(entries, 1);
    send_init();
    run_other();
    assert_int_equal(other->state, VCPU_WAIT_FOR_SIPI);
    assert_int_equal(entries, 1);
    send_sipi(0x9a);
    run_other();
    assert_int_equal(entries, 2);
    machine.now = 1;
    assert_field(VMCS_GUEST_CS_SELECTOR, 0x9a00);
    assert_field(VMCS_GUEST_CS_BASE, 0x9a000);
    assert_field(VMCS_GUEST_RIP, LENGTH);
    assert_started_at(1, 0x9a000);
    send_sipi(0x77); /* it runs: ignored */
    run_other();
    assert_other_at(0x9a00);
    send_init(); /* both at once, in this order */
    send_sipi(0x55);
    run_other();
    assert_other_at(0x5500);
    assert_int_equal(entries, 4);
}

/* SDM Vol. 3A, "MP Initialization Protocol Algorithm": the second SIPI finds it running. */
static void of_two_sipis_the_first_counts(void **state) {
    (void)state;
    other->slice_end = machine.tsc + MACHINE_HZ;
    send_init();
    send_sipi(0x9a);
    send_sipi(0x55);
    run_other();
    assert_other_at(0x9a00);
    send_sipi(0x66); /* while it runs */
    run_other();
    send_init();
    send_sipi(0);
    send_sipi(0x55);
    run_other();
    assert_other_at(0);
}

static void init_cancels_a_sipi_that_came_before_it(void **state) {
    (void)state;
    other->slice_end = machine.tsc + MACHINE_HZ;
    send_sipi(0x9a);
    send_init();
    run_other();
    assert_int_equal(other->state, VCPU_WAIT_FOR_SIPI);
    send_sipi(0xff);
    send_init();
    send_sipi(0x55);
    send_sipi(0x66);
    run_other();
    assert_other_at(0x5500);
}

static void an_init_restarts_the_bootstrap_processor(void **state) {
    (void)state;
    *reg(GUEST_RBX) = 77;
    vcpu_request(self, REQUEST_INIT);
    run(pause);
    assert_field(VMCS_GUEST_CS_SELECTOR, 0xf000);
    assert_field(VMCS_GUEST_CS_BASE, 0xf0000);
    assert_field(VMCS_GUEST_RIP, 0xfff0 + LENGTH);
    assert_started_at(0, 0xffff0);
    assert_int_equal(*reg(GUEST_RBX), 0);
    assert_false(apic_page_read(self->apic_page, APIC_SVR) & APIC_SVR_ENABLE);
}

static void an_init_loses_what_came_before_it(void **state) {
    (void)state;
    self->nmi_pending = 2;
    self->extint = 1;
    self->event = INTERRUPTION_VALID | INTERRUPTION_EXTERNAL | 0x33;
    vcpu_request(self, REQUEST_INIT);
    run(pause);
    assert_int_equal(machine_count(MACHINE_ENTER, MACHINE_ANY), 1);
    assert_int_equal(machine.record[machine_find(MACHINE_ENTER, MACHINE_ANY, 0)].value, 0);
}

static void a_change_of_the_pcs_timer_exits_at_once_to_arm_anew(void **state) {
    (void)state;
    pc_port_out(&vm->pc, VPIT_CONTROL, 1, 0x34);
    pc_port_out(&vm->pc, VPIT_COUNTER0, 1, 0xff);
    pc_port_out(&vm->pc, VPIT_COUNTER0, 1, 0xff);
    assert_true(atomic_load(self->requests) & REQUEST_TIMER);
    run(pause);
    assert_int_equal(self->pc_timer_next, pc_timer_next(&vm->pc));
    assert_true(self->timer_next < machine.tsc + MACHINE_HZ / 18);
    assert_int_equal(machine_count(MACHINE_ENTER, 0), 1);
    assert_int_equal(machine_count(MACHINE_ENTER, (self->timer_next - machine.tsc) >> TIMER_SHIFT),
                     1);
}

static void the_registers_are_printed_on_request(void **state) {
    (void)state;
    *reg(GUEST_R15) = 0xfedcba9876543210;
    vcpu_request(self, REQUEST_REGISTERS);
    run(pause);
    assert_true(machine_says("REGISTERS guest=tested vcpu=0 rip=0x1000 halted=0\n"));
    assert_true(machine_says("r15 fedcba9876543210\n"));
    assert_true(machine_says("rsp 0000000000008000"));
    assert_true(machine_says("  irr none isr none tpr 0x0\n"));
    apic_page_add(self->apic_page, APIC_IRR, 0x51);
    apic_page_add(self->apic_page, APIC_ISR, 0xff);
    apic_page_write(self->apic_page, APIC_TPR, 0x40);
    vcpu_request(self, REQUEST_REGISTERS);
    run(pause);
    assert_true(machine_says("  irr 0x51 isr 0xff tpr 0x40\n"));
}

static void a_halted_vcpu_sleeps_until_it_can_wake(void **state) {
    (void)state;
    run(hlt);
    assert_int_equal(self->state, VCPU_HALTED);
    run(pause); /* nothing has come */
    assert_int_equal(entries, 1);
    assert_int_equal(self->state, VCPU_HALTED);
    apic_page_write(self->apic_page, APIC_TPR, 0x70);
    post_vector(); /* masked by the TPR */
    run(pause);
    assert_int_equal(entries, 1);
    apic_page_write(self->apic_page, APIC_TPR, 0);
    run(pause);
    assert_int_equal(entries, 2);
    assert_int_equal(self->state, VCPU_RUNNABLE);
}

static void a_vcpu_that_goes_on_halting_may_be_the_last_to_halt_for_good(void **state) {
    (void)state;
    run(hlt); /* with interrupts on */
    machine_set(VMCS_GUEST_RFLAGS, RFLAGS_ONE);
    post_vector(); /* does not wake it */
    atomic_store(other->requests, 0);
    run(pause);
    assert_int_equal(entries, 1);
    assert_killed("all vCPUs have halted with interrupts off");
}

/* ---- what cannot be entered ---- */

static void a_state_that_cannot_be_entered_ends_the_guest_before_the_first_entry(void **state) {
    (void)state;
    machine_set(VMCS_GUEST_CR0, CR0_PG | CR0_NE | CR0_ET);
    run(pause);
    assert_int_equal(machine_count(MACHINE_ENTER, MACHINE_ANY), 0);
    assert_killed("its state is not valid for a VM entry: guest CR0");
    assert_int_equal(self->state, VCPU_ENDED);
    assert_int_equal(machine_count(MACHINE_VMCLEAR, self->vmcs_physical), 1);
}

static void an_entry_that_fails_ends_the_guest(void **state) {
    (void)state;
    machine.entry_error = 7;
    run(pause);
    assert_killed("VM entry failed: VM entry with invalid control field(s)");
    assert_int_equal(self->state, VCPU_ENDED);
    assert_false(self->launched);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up_turn)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(work_is_done_in_order_after_the_timer_is_armed),
        TEST(the_timer_is_armed_for_the_slice_or_an_earlier_timer),
        TEST(a_turn_ends_with_its_slice),
        TEST(an_expired_timer_interrupts_at_the_next_entry),
        TEST(a_vcpu_is_launched_once_and_resumed_then),
        TEST(a_message_that_an_acknowledgement_sends_is_not_left_behind),
        TEST(a_start_enters_the_kernel),
        TEST(a_sipi_starts_a_vcpu_that_waits_for_it),
        TEST(of_two_sipis_the_first_counts),
        TEST(init_cancels_a_sipi_that_came_before_it),
        TEST(an_init_restarts_the_bootstrap_processor),
        TEST(an_init_loses_what_came_before_it),
        TEST(a_change_of_the_pcs_timer_exits_at_once_to_arm_anew),
        TEST(the_registers_are_printed_on_request),
        TEST(a_halted_vcpu_sleeps_until_it_can_wake),
        TEST(a_vcpu_that_goes_on_halting_may_be_the_last_to_halt_for_good),
        TEST(a_state_that_cannot_be_entered_ends_the_guest_before_the_first_entry),
        TEST(an_entry_that_fails_ends_the_guest),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
