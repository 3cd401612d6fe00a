/* Guards vmm/vcpu/delivery.c: who delivers interrupts is decided by what an EOI and a notification
 * do, not only by what the capability MSRs say. SDM Vol. 3C, "EOI Virtualization",
 * "Posted-Interrupt Processing". */
#include <limits.h>

#include "arch/idt.h"
#include "arch/vmx/ept.h"
#include "drivers/lapic.h"
#include "tests/machine/one_vm.h"
#include "vmm/host/host_memory.h"
#include "vmm/vcpu/delivery.h"

static unsigned entries, early_exits;
static uint32_t early_reason, reason;
static uint64_t qualification;
static void (*posted_fault)(unsigned notification); /* what the processor does wrong: 1, 2 */
static uint32_t posted_reason;

static int set_up(void **state) {
    (void)state;
    machine_reset();
    machine_start(1);
    machine.guest = NULL;
    entries = early_exits = 0;
    reason = EXIT_REASON_VIRTUALIZED_EOI;
    qualification = 0x51;
    posted_fault = NULL;
    posted_reason = EXIT_REASON_HLT;
    return 0;
}

static int set_up_posted(void **state) {
    set_up(state);
    host.capabilities.true_pinbased |= (uint64_t)PIN_PROCESS_POSTED_INTERRUPTS << 32;
    return 0;
}

/* The guest writes 0 to the EOI register while vector 51H is in service and its EOI exits; then it
 * halts. */
static void check_guest(const struct vmx_context *context) {
    const uint32_t *apic_page = machine_memory(machine_get(VMCS_VIRTUAL_APIC_ADDRESS));
    const uint8_t *msrs = machine_memory(machine_get(VMCS_MSR_BITMAP));
    const struct paging ept = {.root = machine_get(VMCS_EPT_POINTER) & ~0xfffULL,
                               .table = memory_table};
    struct paging_page page;

    assert_true(machine_get(VMCS_SECONDARY_CONTROLS) & SECONDARY_VIRTUAL_INTERRUPT_DELIVERY);
    assert_true(machine_get(VMCS_SECONDARY_CONTROLS) & SECONDARY_VIRTUALIZE_X2APIC_MODE);
    assert_int_equal(machine_get(VMCS_GUEST_CS_BASE) + machine_get(VMCS_GUEST_RIP), 0);
    assert_true(paging_lookup(&ept, 0, &page));
    assert_memory_equal(machine_memory(page.phys), "\x0f\x30\xf4", 3);
    assert_int_equal(page.size, PAGE_SIZE);
    assert_false(paging_lookup(&ept, PAGE_SIZE, &page));
    assert_int_equal(context->reg[GUEST_RCX], 0x80b);
    assert_int_equal(context->reg[GUEST_RAX], 0);
    assert_int_equal(context->reg[GUEST_RDX], 0);
    assert_int_equal(msrs[0x800 + 0x80b / 8] >> (0x80b % 8) & 1, 0);
    assert_int_equal(machine_get(VMCS_GUEST_INTERRUPT_STATUS), 0x5100);
    assert_int_equal(apic_page[(0x100 + 0x20) / 4],
                     1 << 17); /* 51H: bit 17 of the third word of the ISR */
    assert_int_equal(machine_get(VMCS_EOI_EXIT_BITMAP0), 0);
    assert_int_equal(machine_get(VMCS_EOI_EXIT_BITMAP0 + 2), 1 << 17);
    assert_int_equal(machine_get(VMCS_EOI_EXIT_BITMAP0 + 4), 0);
    assert_int_equal(machine_get(VMCS_EOI_EXIT_BITMAP3), 0);
    assert_true(machine_get(VMCS_PRIMARY_CONTROLS) & PRIMARY_HLT_EXITING);
    assert_true(machine_get(VMCS_PIN_BASED_CONTROLS) & PIN_PREEMPTION_TIMER);
    assert_in_range(machine_get(VMCS_PREEMPTION_TIMER), 1u << 20, (1u << 25) - 1);
}

/* The guest only halts. When it plays, the processor has processed the notification. */
static void play_posted(void) {
    unsigned notification = machine_count(MACHINE_FIXED, machine.cpu[0].cpu.apic_id);
    const struct paging ept = {.root = machine_get(VMCS_EPT_POINTER) & ~0xfffULL,
                               .table = memory_table};
    struct paging_page page;

    assert_true(paging_lookup(&ept, 0, &page));
    assert_memory_equal((uint8_t *)machine_memory(page.phys) + machine_get(VMCS_GUEST_RIP),
                        "\xfa\x90\xf4", 3);
    assert_int_equal(machine_get(VMCS_GUEST_CS_BASE), 0);
    assert_int_equal(machine_get(VMCS_GUEST_RFLAGS) & 0x200, 0);
    assert_true(machine_get(VMCS_EXIT_CONTROLS) & VM_EXIT_CONTROL_ACKNOWLEDGE_INTERRUPT);
    assert_int_equal(machine_get(VMCS_GUEST_INTERRUPT_STATUS), notification == 1 ? 0 : 0x51);
    assert_false(lapic_requested(VECTOR_POSTED));
    if (posted_fault)
        posted_fault(notification);
    if (!machine.exited)
        machine_exit(posted_reason, 0, 0);
}

static void play(struct vmx_context *context) {
    if (entries++ < early_exits) {
        machine_exit(early_reason, 0, 0);
        if (early_reason == EXIT_REASON_EXCEPTION_OR_NMI)
            machine_set(VMCS_EXIT_INTERRUPTION_INFORMATION, 0x80000202);
        if (early_reason == EXIT_REASON_PREEMPTION_TIMER)
            machine_set(VMCS_PREEMPTION_TIMER, 0);
        return;
    }
    if (machine_get(VMCS_PIN_BASED_CONTROLS) & PIN_PROCESS_POSTED_INTERRUPTS) {
        play_posted();
        return;
    }
    check_guest(context);
    machine_exit(reason, qualification, 0);
}

static const char *try(void) {
    machine.guest = play;
    delivery_init();
    return delivery_problem();
}

static void an_eoi_that_exits_is_all_that_is_needed(void **state) {
    (void)state;
    assert_null(try());
    assert_int_equal(entries, 1);
    assert_null(machine.current[0]);
}

static void an_eoi_that_does_not_exit_is_found(void **state) {
    (void)state;
    reason = EXIT_REASON_HLT;
    assert_string_equal(
        try(), "an EOI causes no VM exit on this machine, although its EOI-exit bit is set");
    assert_int_equal(entries, 1);
    assert_null(machine.current[0]);
}

static void the_eoi_of_another_vector_is_not_enough(void **state) {
    (void)state;
    qualification = 0x50;
    assert_string_equal(try(), "a trial of virtual-interrupt delivery ended with the VM exit "
                               "\"virtualized EOI\"");
}

static void any_other_exit_is_named(void **state) {
    (void)state;
    reason = EXIT_REASON_WRMSR;
    assert_string_equal(try(),
                        "a trial of virtual-interrupt delivery ended with the VM exit \"WRMSR\"");
}

static void an_entry_that_fails_is_no_panic(void **state) {
    (void)state;
    machine.entry_error = 7;
    assert_non_null(strstr(try(), "a trial of virtual-interrupt delivery ended with \""));
    assert_int_equal(entries, 0);
}

static void the_machines_interrupts_and_nmis_only_delay_it(void **state) {
    (void)state;
    early_exits = 3;
    early_reason = EXIT_REASON_EXTERNAL_INTERRUPT;
    assert_null(try());
    assert_int_equal(entries, 4);
    assert_int_equal(machine_count(MACHINE_ACCEPT, MACHINE_ANY), 3);
    entries = 0;
    early_reason = EXIT_REASON_EXCEPTION_OR_NMI;
    assert_null(try());
    assert_int_equal(entries, 4);
    assert_int_equal(machine_count(MACHINE_UNBLOCK, MACHINE_ANY), 3);
}

static void interrupts_without_end_do_not_hang_it(void **state) {
    (void)state;
    early_exits = UINT_MAX;
    early_reason = EXIT_REASON_EXTERNAL_INTERRUPT;
    assert_non_null(strstr(try(), "\"external interrupt\""));
}

/* Each time it is set again, to less than 2^25: check_guest() looks. */
static void a_timer_that_expires_early_only_delays_it(void **state) {
    (void)state;
    early_exits = 3;
    early_reason = EXIT_REASON_PREEMPTION_TIMER;
    assert_null(try());
    assert_int_equal(entries, 4);
}

static void a_guest_that_never_gets_on_is_given_up(void **state) {
    (void)state;
    early_exits = UINT_MAX;
    early_reason = EXIT_REASON_PREEMPTION_TIMER;
    assert_non_null(strstr(try(), "\"VMX-preemption timer expired\""));
    assert_in_range(entries, 2, 32);
}

static void a_processor_without_it_is_not_tried(void **state) {
    (void)state;
    host.capabilities.procbased2 &= ~((uint64_t)SECONDARY_VIRTUAL_INTERRUPT_DELIVERY << 32);
    assert_string_equal(try(), "this processor lacks \"virtual-interrupt delivery\"");
    assert_int_equal(entries, 0);
    assert_int_equal(machine_count(MACHINE_VMPTRLD, MACHINE_ANY), 0);
}

/* ---- posted interrupts ---- */

static void they_are_tried_after_the_eoi(void **state) {
    (void)state;
    assert_null(try());
    assert_int_equal(entries, 3);
    assert_null(delivery_posted_problem());
    assert_null(delivery_posted_doubt());
    assert_null(machine.current[0]);
}

static void without_the_delivery_there_are_none(void **state) {
    (void)state;
    reason = EXIT_REASON_HLT;
    const char *problem = try();
    assert_string_equal(delivery_posted_problem(), problem);
    assert_int_equal(entries, 1);
}

static void a_processor_without_them_is_not_tried(void **state) {
    set_up(state);
    assert_null(try());
    assert_int_equal(entries, 1);
    assert_string_equal(delivery_posted_problem(),
                        "this processor lacks \"process posted interrupts\"");
    assert_null(delivery_posted_doubt());
}

/* As in Bochs 3.0. */
static void request_255(unsigned notification) {
    if (notification == 1)
        machine_set(VMCS_GUEST_INTERRUPT_STATUS, 0xff);
}

static void a_notification_without_an_interrupt_must_request_none(void **state) {
    (void)state;
    posted_fault = request_255;
    assert_null(try());
    assert_int_equal(entries, 3);
    assert_null(delivery_posted_problem());
    assert_string_equal(delivery_posted_doubt(),
                        "a notification without an interrupt requests vector 255");
}

static void leave_rvi(unsigned notification) {
    (void)notification;
    machine_set(VMCS_GUEST_INTERRUPT_STATUS, 0);
}

static void leave_irr(unsigned notification) {
    if (notification == 2)
        apic_page_remove(machine_memory(machine_get(VMCS_VIRTUAL_APIC_ADDRESS)), APIC_IRR, 0x51);
}

static void leave_pir(unsigned notification) {
    if (notification == 2)
        inbox_post_edge(machine_memory(machine_get(VMCS_POSTED_DESCRIPTOR)), 0x51);
}

static void leave_on(unsigned notification) {
    struct inbox *inbox = machine_memory(machine_get(VMCS_POSTED_DESCRIPTOR));

    if (notification == 2)
        atomic_store(&inbox->requests, REQUEST_POSTED);
}

static void each_effect_of_a_notification_is_checked(void **state) {
    void (*const faults[])(unsigned) = {leave_rvi, leave_irr, leave_pir, leave_on};

    for (unsigned i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        set_up_posted(state);
        posted_fault = faults[i];
        assert_null(try());
        assert_string_equal(delivery_posted_problem(),
                            "a notification does not request the posted interrupt");
        assert_null(delivery_posted_doubt());
    }
}

static void another_exit_is_named_too(void **state) {
    (void)state;
    posted_reason = EXIT_REASON_TRIPLE_FAULT;
    assert_null(try());
    assert_string_equal(delivery_posted_problem(),
                        "a trial of posted interrupts ended with the VM exit \"triple fault\"");
}

/* The exit has acknowledged a device's interrupt; the notification comes after it. */
static void a_device_interrupts(unsigned notification) {
    static bool once;

    if (notification != 1 || once)
        return;
    once = true;
    machine_interrupt(0, 0x41);
}

static void an_interrupt_of_the_machine_is_ended(void **state) {
    (void)state;
    posted_fault = a_device_interrupts;
    assert_null(try());
    assert_int_equal(machine_count(MACHINE_EOI, 0x41), 1);
    assert_int_equal(machine.in_service[0], 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_eoi_that_exits_is_all_that_is_needed, set_up),
        cmocka_unit_test_setup(an_eoi_that_does_not_exit_is_found, set_up),
        cmocka_unit_test_setup(the_eoi_of_another_vector_is_not_enough, set_up),
        cmocka_unit_test_setup(any_other_exit_is_named, set_up),
        cmocka_unit_test_setup(an_entry_that_fails_is_no_panic, set_up),
        cmocka_unit_test_setup(the_machines_interrupts_and_nmis_only_delay_it, set_up),
        cmocka_unit_test_setup(interrupts_without_end_do_not_hang_it, set_up),
        cmocka_unit_test_setup(a_timer_that_expires_early_only_delays_it, set_up),
        cmocka_unit_test_setup(a_guest_that_never_gets_on_is_given_up, set_up),
        cmocka_unit_test_setup(a_processor_without_it_is_not_tried, set_up),
        cmocka_unit_test_setup(they_are_tried_after_the_eoi, set_up_posted),
        cmocka_unit_test_setup(without_the_delivery_there_are_none, set_up_posted),
        cmocka_unit_test_setup(a_processor_without_them_is_not_tried, set_up_posted),
        cmocka_unit_test_setup(a_notification_without_an_interrupt_must_request_none,
                               set_up_posted),
        cmocka_unit_test_setup(each_effect_of_a_notification_is_checked, set_up_posted),
        cmocka_unit_test_setup(another_exit_is_named_too, set_up_posted),
        cmocka_unit_test_setup(an_interrupt_of_the_machine_is_ended, set_up_posted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
