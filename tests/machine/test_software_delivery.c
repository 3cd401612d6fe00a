/* Guards delivery in software (vmm/vcpu/virq.c, events.c), on a processor without virtual-interrupt
 * delivery: what is injected and when, what waits for which exit, and that each EOI retires exactly
 * what was accepted. The processor lacks the fields of virtual-interrupt delivery: an access to one
 * ends the test. SDM Vol. 3A, "Task and Processor Priorities"; Vol. 3C, "Window Exiting". */
#include "tests/machine/one_vm.h"
#include "vmm/pc/ports.h"
#include "vmm/vcpu/events.h"

#define INTERRUPT        (INTERRUPTION_VALID | INTERRUPTION_EXTERNAL)
#define INTERRUPT_WINDOW PRIMARY_INTERRUPT_WINDOW_EXITING
#define DELIVERY                                                                                   \
    (SECONDARY_APIC_REGISTER_VIRTUALIZATION | SECONDARY_VIRTUAL_INTERRUPT_DELIVERY |               \
     SECONDARY_VIRTUALIZE_APIC_ACCESSES | SECONDARY_VIRTUALIZE_X2APIC_MODE)
#define PIN 5

static int set_up(void **state) {
    struct guest_config config = machine_guest();

    (void)state;
    config.vcpus = 2;
    config.delivery = BOOT_DELIVERY_SOFTWARE;
    machine_reset();
    host.capabilities.procbased2 &= ~((uint64_t)DELIVERY << 32);
    start_vm(&config);
    machine_protected_mode();
    virq_apic_write(self, APIC_SVR, APIC_SVR_ENABLE | 0xff);
    virq_prepare_entry(self);
    atomic_store(self->requests, 0);
    machine_forget();
    return 0;
}

/* All work before an entry. Returns what is injected. */
static uint32_t enter(void) {
    machine_set(VMCS_ENTRY_INTERRUPTION_INFORMATION, 0);
    virq_prepare_entry(self);
    if (events_to_inject(self))
        events_inject(self);
    return (uint32_t)machine_get(VMCS_ENTRY_INTERRUPTION_INFORMATION);
}

static bool asks_for_window(void) {
    return machine_get(VMCS_PRIMARY_CONTROLS) & INTERRUPT_WINDOW;
}

static void post(uint8_t vector) {
    const struct apic_message message = {.vector = vector, .wide = true, .destination = 0};

    routing_send(&vm->routing, &message);
}

static void set_entry(uint64_t entry) {
    routing_ioapic_write(&vm->routing, IOAPIC_INDEX, 4, IOAPIC_REG_ENTRY + 2 * PIN + 1);
    routing_ioapic_write(&vm->routing, IOAPIC_DATA, 4, (uint32_t)(entry >> 32));
    routing_ioapic_write(&vm->routing, IOAPIC_INDEX, 4, IOAPIC_REG_ENTRY + 2 * PIN);
    routing_ioapic_write(&vm->routing, IOAPIC_DATA, 4, (uint32_t)entry);
}

static bool remote_irr(void) {
    return vm->routing.ioapic.entry[PIN] & RTE_REMOTE_IRR;
}

static void interrupts(bool on) {
    machine_set(VMCS_GUEST_RFLAGS, on ? 2 | RFLAGS_IF : 2);
}

static bool in_service(uint8_t vector) {
    return apic_page_has(self->apic_page, APIC_ISR, vector);
}

/* ---- the entry ---- */

static void the_controls_are_those_of_software_delivery(void **state) {
    (void)state;
    assert_int_equal(machine_get(VMCS_SECONDARY_CONTROLS) & DELIVERY, 0);
    assert_field(VMCS_EPT_POINTER, vm->ept_pointer[0]); /* no page at the LAPIC's address */
    assert_true(virq_write_base(self, virq_base(self) | APIC_BASE_X2APIC));
    assert_int_equal(machine_get(VMCS_SECONDARY_CONTROLS) & DELIVERY, 0);
    assert_runs();
}

static void an_interrupt_is_injected_and_is_in_service(void **state) {
    (void)state;
    assert_int_equal(enter(), 0);
    post(0x61);
    assert_int_equal(enter(), INTERRUPT | 0x61);
    assert_true(in_service(0x61));
    assert_false(apic_page_has(self->apic_page, APIC_IRR, 0x61));
    assert_int_equal(apic_page_read(self->apic_page, APIC_PPR), 0x60);
    assert_false(asks_for_window());
    assert_int_equal(enter(), 0); /* once */
}

static void with_interrupts_off_it_waits_for_the_window(void **state) {
    (void)state;
    interrupts(false);
    post(0x61);
    assert_int_equal(enter(), 0);
    assert_true(asks_for_window());
    assert_false(in_service(0x61));
    interrupts(true);
    assert_true(exits(EXIT_REASON_INTERRUPT_WINDOW, 0));
    assert_int_equal(enter(), INTERRUPT | 0x61);
    assert_false(asks_for_window());
}

static void in_the_shadow_of_sti_it_waits_for_the_window(void **state) {
    (void)state;
    machine_set(VMCS_GUEST_INTERRUPTIBILITY, INTERRUPTIBILITY_STI);
    post(0x61);
    assert_int_equal(enter(), 0);
    assert_true(asks_for_window());
}

/* It was accepted at the entry before, so it must not be accepted again. */
static void an_interrupted_delivery_is_repeated(void **state) {
    (void)state;
    post(0x61);
    post(0x71);
    assert_int_equal(enter(), INTERRUPT | 0x71);
    machine_exit(EXIT_REASON_EPT_VIOLATION, 0, 0);
    machine_set(VMCS_IDT_VECTORING_INFORMATION, INTERRUPT | 0x71);
    self->event = INTERRUPT | 0x71; /* as exit_handle() leaves it */
    assert_int_equal(enter(), INTERRUPT | 0x71);
    assert_true(in_service(0x71));
    assert_false(in_service(0x61));
    assert_false(asks_for_window()); /* 61H waits for an EOI, which exits */
}

static void an_nmi_comes_first(void **state) {
    (void)state;
    post(0x61);
    vcpu_send_nmi(self);
    events_accept_nmis(self);
    assert_int_equal(enter(), INTERRUPTION_VALID | INTERRUPTION_NMI | VECTOR_NMI);
    assert_false(in_service(0x61));
    assert_true(asks_for_window());
    assert_int_equal(enter(), INTERRUPT | 0x61);
}

static void a_self_ipi_is_injected_at_the_next_entry(void **state) {
    (void)state;
    virq_apic_write(self, APIC_ICR_LOW, APIC_SHORTHAND_SELF << 18 | 0x61);
    assert_int_equal(enter(), INTERRUPT | 0x61);
}

/* ---- priorities ---- */

static void a_class_in_service_holds_its_own_class_back(void **state) {
    (void)state;
    post(0x61);
    assert_int_equal(enter(), INTERRUPT | 0x61);
    post(0x6f);
    assert_int_equal(enter(), 0);
    assert_false(asks_for_window()); /* its EOI exits */
    post(0x70);
    assert_int_equal(enter(), INTERRUPT | 0x70);
    virq_apic_write(self, APIC_EOI, 0);
    assert_false(in_service(0x70));
    assert_int_equal(enter(), 0);
    virq_apic_write(self, APIC_EOI, 0);
    assert_int_equal(enter(), INTERRUPT | 0x6f);
}

/* MOV to CR8 writes the TPR in the virtual-APIC page, and exits below the threshold. */
static void write_cr8(uint8_t class) {
    apic_page_write(self->apic_page, APIC_TPR, (uint32_t) class << 4);
}

static void below_the_tpr_it_waits_for_the_threshold(void **state) {
    (void)state;
    for (unsigned class = 1; class <= 15; class ++) {
        uint8_t vector = (uint8_t)(class << 4 | 1);
        write_cr8((uint8_t) class);
        post(vector);
        assert_int_equal(enter(), 0);
        assert_field(VMCS_TPR_THRESHOLD, class);
        assert_false(asks_for_window());
        write_cr8((uint8_t)(class - 1));
        assert_true(exits(EXIT_REASON_TPR_BELOW_THRESHOLD, 0));
        assert_int_equal(enter(), INTERRUPT | vector);
        assert_field(VMCS_TPR_THRESHOLD, 0);
        virq_apic_write(self, APIC_EOI, 0);
    }
}

/* Or else the VM entry fails. */
static void the_threshold_is_never_above_the_tpr(void **state) {
    (void)state;
    for (unsigned tpr = 0; tpr < 16; tpr++) {
        for (unsigned vector = 0x10; vector < 0x100; vector += 0x10) {
            write_cr8((uint8_t)tpr);
            post((uint8_t)vector);
            bool injected = enter();
            assert_int_equal(injected, vector >> 4 > tpr);
            assert_true(machine_get(VMCS_TPR_THRESHOLD) <= tpr);
            write_cr8(0);
            if (!injected)
                assert_int_equal(enter(), INTERRUPT | vector);
            virq_apic_write(self, APIC_EOI, 0);
        }
    }
}

static void a_threshold_is_not_needed_for_what_is_held_back_by_the_isr(void **state) {
    (void)state;
    post(0x81);
    assert_int_equal(enter(), INTERRUPT | 0x81);
    write_cr8(9);
    post(0x71);
    assert_int_equal(enter(), 0);
    assert_field(VMCS_TPR_THRESHOLD, 0);
}

static void the_ppr_follows_cr8(void **state) {
    (void)state;
    write_cr8(9);
    assert_int_equal(vlapic_read(virq_lapic(self), APIC_PPR), 0x90);
}

static void a_halted_vcpu_is_woken_by_what_can_be_delivered(void **state) {
    (void)state;
    write_cr8(6);
    post(0x61);
    virq_prepare_entry(self);
    assert_false(events_can_wake(self));
    write_cr8(5);
    assert_true(events_can_wake(self));
    interrupts(false);
    assert_false(events_can_wake(self));
}

/* ---- EOI ---- */

/* Invariants 1, 3 and 4, by each way of writing the EOI register. */
static void an_eoi_of_a_level_interrupt_reaches_the_ioapic(void **state) {
    (void)state;
    for (unsigned x2apic = 0; x2apic < 2; x2apic++) {
        if (x2apic)
            assert_true(virq_write_base(self, virq_base(self) | APIC_BASE_X2APIC));
        set_entry(RTE_LEVEL | 0x51);
        routing_set_line(&vm->routing, PIN, true);
        assert_int_equal(enter(), INTERRUPT | 0x51);
        assert_true(remote_irr());
        routing_set_line(&vm->routing, PIN, false);
        if (x2apic) {
            self->context.reg[GUEST_RCX] = MSR_X2APIC_EOI;
            self->context.reg[GUEST_RAX] = self->context.reg[GUEST_RDX] = 0;
            assert_true(exits(EXIT_REASON_WRMSR, 0));
        } else {
            virq_apic_write(self, APIC_EOI, 0);
        }
        assert_false(remote_irr());
        assert_int_equal(vm->routing.counters[0].eoi_live[0x51], 1 + x2apic);
        assert_int_equal(enter(), 0);
    }
}

/* Rerouted in flight: the EOI is stale, and the next one of the vector concerns no pin. */
static void a_stale_eoi_is_rescanned(void **state) {
    const struct routing_counters *counters = &vm->routing.counters[0];

    (void)state;
    set_entry(RTE_LEVEL | 0x51);
    routing_set_line(&vm->routing, PIN, true);
    assert_int_equal(enter(), INTERRUPT | 0x51);
    set_entry(RTE_LEVEL | RTE_MASKED | 1ULL << RTE_DESTINATION_SHIFT | 0x52);
    assert_int_equal(enter(), 0);
    assert_true(vector_set_has(&virq_lapic(self)->map.stale, 0x51));
    virq_apic_write(self, APIC_EOI, 0);
    assert_int_equal(counters->eoi_stale[0x51], 1);
    assert_int_equal(enter(), 0);
    assert_false(vector_set_has(&virq_lapic(self)->map.exit, 0x51));
    post(0x51);
    assert_int_equal(enter(), INTERRUPT | 0x51);
    virq_apic_write(self, APIC_EOI, 0);
    assert_int_equal(routing_eois(counters), 1);
}

static void a_spurious_eoi_changes_nothing(void **state) {
    (void)state;
    virq_apic_write(self, APIC_EOI, 0);
    assert_int_equal(routing_eois(&vm->routing.counters[0]), 0);
    assert_runs();
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_controls_are_those_of_software_delivery),
        TEST(an_interrupt_is_injected_and_is_in_service),
        TEST(with_interrupts_off_it_waits_for_the_window),
        TEST(in_the_shadow_of_sti_it_waits_for_the_window),
        TEST(an_interrupted_delivery_is_repeated),
        TEST(an_nmi_comes_first),
        TEST(a_self_ipi_is_injected_at_the_next_entry),
        TEST(a_class_in_service_holds_its_own_class_back),
        TEST(below_the_tpr_it_waits_for_the_threshold),
        TEST(the_threshold_is_never_above_the_tpr),
        TEST(a_threshold_is_not_needed_for_what_is_held_back_by_the_isr),
        TEST(the_ppr_follows_cr8),
        TEST(a_halted_vcpu_is_woken_by_what_can_be_delivered),
        TEST(an_eoi_of_a_level_interrupt_reaches_the_ioapic),
        TEST(a_stale_eoi_is_rescanned),
        TEST(a_spurious_eoi_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
