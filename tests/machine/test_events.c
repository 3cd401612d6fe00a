/* Guards vmm/vcpu/events.c: what is injected at an entry, what stays pending, and the windows that
 * it waits for. SDM Vol. 3A, "Nonmaskable Interrupt (NMI)"; Vol. 3C, "Event Injection", "Window
 * Exiting". */
#include "tests/machine/one_vm.h"
#include "vmm/pc/ports.h"
#include "vmm/vcpu/events.h"

#define NMI              (INTERRUPTION_VALID | INTERRUPTION_NMI | VECTOR_NMI)
#define EXTINT           (INTERRUPTION_VALID | INTERRUPTION_EXTERNAL)

#define NMI_WINDOW       PRIMARY_NMI_WINDOW_EXITING
#define INTERRUPT_WINDOW PRIMARY_INTERRUPT_WINDOW_EXITING

static void send_nmis(unsigned count) {
    for (unsigned i = 0; i < count; i++)
        vcpu_send_nmi(self);
    events_accept_nmis(self);
}

/* Returns what is injected at an entry; then the guest runs until it exits. */
static uint32_t inject(void) {
    machine_set(VMCS_ENTRY_INTERRUPTION_INFORMATION, 0);
    events_inject(self);
    uint32_t event = (uint32_t)machine_get(VMCS_ENTRY_INTERRUPTION_INFORMATION);
    if ((event & INTERRUPTION_TYPE) == INTERRUPTION_NMI)
        machine_set(VMCS_GUEST_INTERRUPTIBILITY, INTERRUPTIBILITY_NMI);
    return event;
}

static uint32_t windows(void) {
    return (uint32_t)machine_get(VMCS_PRIMARY_CONTROLS) & (NMI_WINDOW | INTERRUPT_WINDOW);
}

static void iret(void) {
    machine_set(VMCS_GUEST_INTERRUPTIBILITY, 0);
}

/* ---- NMIs ---- */

static void an_nmi_is_injected_once(void **state) {
    (void)state;
    send_nmis(1);
    assert_true(events_to_inject(self));
    assert_int_equal(inject(), NMI);
    assert_int_equal(windows(), 0);
    assert_int_equal(inject(), 0);
    assert_false(events_to_inject(self));
}

static void a_second_nmi_waits_for_the_iret_and_a_third_is_lost(void **state) {
    (void)state;
    send_nmis(3);
    assert_int_equal(self->nmi_pending, 2);
    assert_int_equal(inject(), NMI);
    assert_int_equal(windows(), NMI_WINDOW);
    assert_int_equal(inject(), 0); /* blocked */
    send_nmis(1);
    assert_int_equal(self->nmi_pending, 1);
    iret();
    assert_int_equal(inject(), NMI);
    assert_int_equal(windows(), 0);
    iret();
    assert_int_equal(inject(), 0);
}

static void while_an_nmi_is_in_service_one_more_is_kept(void **state) {
    (void)state;
    send_nmis(1);
    assert_int_equal(inject(), NMI);
    send_nmis(2);
    assert_int_equal(self->nmi_pending, 1);
}

/* The delivery of the first was interrupted, so it is injected again. */
static void an_nmi_that_is_injected_again_counts_as_in_service(void **state) {
    (void)state;
    self->event = NMI;
    send_nmis(2);
    assert_int_equal(self->nmi_pending, 1);
    assert_int_equal(inject(), NMI);
    assert_int_equal(self->event, 0);
    assert_true(self->nmi_given);
    assert_int_equal(self->nmi_pending, 1);
    assert_int_equal(windows(), NMI_WINDOW);
}

static void a_vcpu_that_waits_for_a_sipi_loses_nmis(void **state) {
    (void)state;
    self->state = VCPU_WAIT_FOR_SIPI;
    send_nmis(2);
    self->state = VCPU_RUNNABLE;
    send_nmis(0);
    assert_int_equal(self->nmi_pending, 0);
    assert_int_equal(inject(), 0);
}

static void no_nmi_is_injected_in_a_shadow(void **state) {
    (void)state;
    send_nmis(1);
    machine_set(VMCS_GUEST_INTERRUPTIBILITY, INTERRUPTIBILITY_MOV_SS);
    assert_int_equal(inject(), 0);
    assert_int_equal(windows(), NMI_WINDOW);
    machine_set(VMCS_GUEST_INTERRUPTIBILITY, INTERRUPTIBILITY_STI);
    assert_int_equal(inject(), 0);
    assert_int_equal(windows(), INTERRUPT_WINDOW); /* the NMI window may count as open there */
    iret();
    assert_int_equal(inject(), NMI);
    assert_int_equal(windows(), 0);
}

/* Bochs 2.7 leaves the bit of another vCPU. */
static void blocking_without_an_nmi_is_not_the_guests(void **state) {
    (void)state;
    machine_set(VMCS_GUEST_INTERRUPTIBILITY, INTERRUPTIBILITY_NMI);
    send_nmis(1);
    assert_field(VMCS_GUEST_INTERRUPTIBILITY, 0); /* as the injection of an NMI requires */
    assert_int_equal(inject(), NMI);
    assert_true(self->nmi_given);
}

/* ---- the queued event ---- */

static void a_queued_exception_goes_first_with_its_code_and_length(void **state) {
    (void)state;
    send_nmis(1);
    events_queue_exception_with_code(self, VECTOR_GP, 0x123);
    self->event_length = 3;
    assert_int_equal(inject(), INTERRUPTION_VALID | INTERRUPTION_HARDWARE_EXCEPTION |
                                   INTERRUPTION_ERROR_CODE | VECTOR_GP);
    assert_field(VMCS_ENTRY_EXCEPTION_ERROR_CODE, 0x123);
    assert_field(VMCS_ENTRY_INSTRUCTION_LENGTH, 3);
    assert_int_equal(self->event, 0);
    assert_false(self->nmi_given);
    assert_int_equal(windows(), NMI_WINDOW);
    assert_int_equal(inject(), NMI);
}

static void a_fault_that_is_injected_sets_rf(void **state) {
    (void)state;
    events_queue_exception(self, VECTOR_UD);
    assert_int_equal(inject(), INTERRUPTION_VALID | INTERRUPTION_HARDWARE_EXCEPTION | VECTOR_UD);
    assert_true(machine_get(VMCS_GUEST_RFLAGS) & RFLAGS_RF);
}

/* ---- the 8259s ---- */

#define BASE 0x20

static void start_pic(void) {
    static const struct {
        uint16_t port;
        uint8_t value;
    } words[] = {{0x20, 0x11}, {0x21, BASE}, {0x21, 4}, {0x21, 1}, {0xa0, 0x11},
                 {0xa1, 0x28}, {0xa1, 2},    {0xa1, 1}, {0x21, 0}, {0xa1, 0}};

    virq_firmware_defaults(self);
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        pc_port_out(&vm->pc, words[i].port, 1, words[i].value);
}

static void set_irq(unsigned irq, bool level) {
    irq_lines_set(&vm->pc, IRQ_SOURCE_TEST, irq, level);
}

static void an_interrupt_of_the_8259s_is_injected_by_lint0(void **state) {
    (void)state;
    start_pic();
    assert_false(events_to_inject(self));
    set_irq(5, true);
    assert_true(events_to_inject(self));
    assert_int_equal(inject(), EXTINT | (BASE + 5));
    assert_int_equal(windows(), 0); /* acknowledged */
    assert_int_equal(inject(), 0);
}

static void an_extint_waits_until_the_guest_accepts_interrupts(void **state) {
    (void)state;
    start_pic();
    set_irq(5, true);
    machine_set(VMCS_GUEST_RFLAGS, RFLAGS_ONE);
    assert_int_equal(inject(), 0);
    assert_int_equal(windows(), INTERRUPT_WINDOW);
    machine_set(VMCS_GUEST_RFLAGS, RFLAGS_ONE | RFLAGS_IF);
    machine_set(VMCS_GUEST_INTERRUPTIBILITY, INTERRUPTIBILITY_STI);
    assert_int_equal(inject(), 0);
    machine_set(VMCS_GUEST_INTERRUPTIBILITY, INTERRUPTIBILITY_MOV_SS);
    assert_int_equal(inject(), 0);
    assert_int_equal(windows(), INTERRUPT_WINDOW);
    iret();
    assert_int_equal(inject(), EXTINT | (BASE + 5));
    assert_int_equal(windows(), 0);
}

static void an_nmi_goes_before_an_extint(void **state) {
    (void)state;
    start_pic();
    set_irq(5, true);
    send_nmis(1);
    assert_int_equal(inject(), NMI);
    assert_int_equal(windows(), INTERRUPT_WINDOW);
    assert_int_equal(inject(), EXTINT | (BASE + 5)); /* blocking by NMI does not concern it */
}

static void an_extint_that_is_withdrawn_closes_the_window(void **state) {
    (void)state;
    start_pic();
    set_irq(5, true);
    machine_set(VMCS_GUEST_RFLAGS, RFLAGS_ONE);
    assert_int_equal(inject(), 0);
    set_irq(5, false);
    machine_set(VMCS_GUEST_RFLAGS, RFLAGS_ONE | RFLAGS_IF);
    assert_true(events_to_inject(self)); /* to close the window */
    assert_int_equal(inject(), 0);
    assert_int_equal(windows(), 0);
}

/* An ExtINT message is an interrupt-acknowledge cycle in any case. */
static void an_extint_message_without_a_request_is_spurious(void **state) {
    (void)state;
    start_pic();
    self->extint = 1;
    assert_true(events_to_inject(self));
    assert_int_equal(inject(), EXTINT | (BASE + 7));
    assert_int_equal(self->extint, 0);
    assert_int_equal(inject(), 0);
}

static void extints_are_accepted_only_where_lint0_says_so(void **state) {
    (void)state;
    start_pic();
    set_irq(5, true);
    assert_true(virq_extint_pending(self));
    virq_apic_write(self, APIC_LVT_LINT0, APIC_DELIVERY_EXTINT << 8 | APIC_LVT_MASKED);
    assert_false(virq_extint_pending(self));
    virq_apic_write(self, APIC_LVT_LINT0, 0x51);
    assert_false(virq_extint_pending(self));
    assert_false(virq_extint_pending(other)); /* LINT0 is masked after a reset */
    assert_true(virq_write_base(self, APIC_DEFAULT_BASE | APIC_BASE_BSP));
    assert_true(virq_extint_pending(self)); /* without its LAPIC, vCPU 0 has an INTR pin */
    assert_int_equal(inject(), EXTINT | (BASE + 5));
}

/* ---- what ends a HLT ---- */

static void what_the_guest_does_not_mask_wakes_it(void **state) {
    (void)state;
    start_pic();
    assert_false(events_can_wake(self));
    send_nmis(1);
    assert_true(events_can_wake(self));
    assert_int_equal(inject(), NMI);
    send_nmis(1);
    assert_false(events_can_wake(self)); /* blocked */
    set_irq(5, true);
    assert_true(events_can_wake(self));
    machine_set(VMCS_GUEST_RFLAGS, RFLAGS_ONE);
    assert_false(events_can_wake(self));
    apic_page_add(self->apic_page, APIC_IRR, 0x51);
    assert_false(events_can_wake(self));
    machine_set(VMCS_GUEST_RFLAGS, RFLAGS_ONE | RFLAGS_IF);
    set_irq(5, false);
    assert_true(events_can_wake(self));
    apic_page_write(self->apic_page, APIC_TPR, 0x50);
    assert_false(events_can_wake(self)); /* of the same priority class */
    apic_page_write(self->apic_page, APIC_TPR, 0x4f);
    assert_true(events_can_wake(self));
    apic_page_add(self->apic_page, APIC_ISR, 0x5e);
    assert_false(events_can_wake(self));
}

#define TEST(name) cmocka_unit_test_setup(name, set_up_protected_mode)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_nmi_is_injected_once),
        TEST(a_second_nmi_waits_for_the_iret_and_a_third_is_lost),
        TEST(while_an_nmi_is_in_service_one_more_is_kept),
        TEST(an_nmi_that_is_injected_again_counts_as_in_service),
        TEST(a_vcpu_that_waits_for_a_sipi_loses_nmis),
        TEST(no_nmi_is_injected_in_a_shadow),
        TEST(blocking_without_an_nmi_is_not_the_guests),
        TEST(a_queued_exception_goes_first_with_its_code_and_length),
        TEST(a_fault_that_is_injected_sets_rf),
        TEST(an_interrupt_of_the_8259s_is_injected_by_lint0),
        TEST(an_extint_waits_until_the_guest_accepts_interrupts),
        TEST(an_nmi_goes_before_an_extint),
        TEST(an_extint_that_is_withdrawn_closes_the_window),
        TEST(an_extint_message_without_a_request_is_spurious),
        TEST(extints_are_accepted_only_where_lint0_says_so),
        TEST(what_the_guest_does_not_mask_wakes_it),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
