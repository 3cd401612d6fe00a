/* Guards vmm/vcpu/delivery.c: who delivers interrupts is decided by what an EOI does, not only by
 * what the capability MSRs say. SDM Vol. 3C, "EOI Virtualization". */
#include <limits.h>

#include "arch/vmx/ept.h"
#include "tests/machine/one_vm.h"
#include "vmm/host/host_memory.h"
#include "vmm/vcpu/delivery.h"

static unsigned entries, early_exits;
static uint32_t early_reason, reason;
static uint64_t qualification;

static int set_up(void **state) {
    (void)state;
    machine_reset();
    machine_start(1);
    machine.guest = NULL;
    entries = early_exits = 0;
    reason = EXIT_REASON_VIRTUALIZED_EOI;
    qualification = 0x51;
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
}

static void play(struct vmx_context *context) {
    if (entries++ < early_exits) {
        machine_exit(early_reason, 0, 0);
        if (early_reason == EXIT_REASON_EXCEPTION_OR_NMI)
            machine_set(VMCS_EXIT_INTERRUPTION_INFORMATION, 0x80000202);
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

static void a_processor_without_it_is_not_tried(void **state) {
    (void)state;
    host.capabilities.procbased2 &= ~((uint64_t)SECONDARY_VIRTUAL_INTERRUPT_DELIVERY << 32);
    assert_string_equal(try(), "this processor lacks \"virtual-interrupt delivery\"");
    assert_int_equal(entries, 0);
    assert_int_equal(machine_count(MACHINE_VMPTRLD, MACHINE_ANY), 0);
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
        cmocka_unit_test_setup(a_processor_without_it_is_not_tried, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
