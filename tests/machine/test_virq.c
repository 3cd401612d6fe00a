/* Guards vmm/vcpu/virq.c: the VMCS's interrupt fields, the modes of the local APIC, what other
 * vCPUs and the 8259s signal, and timers. What must hold of the results is guarded by the tests of
 * the interrupt core. SDM Vol. 3C, "APIC Virtualization and Virtual Interrupts". */
#include "tests/machine/one_vm.h"
#include "vmm/pc/ports.h"
#include "vmm/vcpu/msr.h"

#define BSP_ENABLED (APIC_BASE_BSP | APIC_BASE_ENABLE)

static int set_up(void **state) {
    set_up_protected_mode(state);
    virq_apic_write(self, APIC_SVR, APIC_SVR_ENABLE | 0xff);
    virq_prepare_entry(self);
    atomic_store(self->requests, 0);
    machine_forget();
    return 0;
}

static void set_entry(unsigned pin, uint64_t entry) {
    routing_ioapic_write(&vm->routing, IOAPIC_INDEX, 4, IOAPIC_REG_ENTRY + 2 * pin + 1);
    routing_ioapic_write(&vm->routing, IOAPIC_DATA, 4, (uint32_t)(entry >> 32));
    routing_ioapic_write(&vm->routing, IOAPIC_INDEX, 4, IOAPIC_REG_ENTRY + 2 * pin);
    routing_ioapic_write(&vm->routing, IOAPIC_DATA, 4, (uint32_t)entry);
}

/* ---- the fields ---- */

static void rvi_and_svi_are_the_highest_vectors(void **state) {
    (void)state;
    apic_page_add(self->apic_page, APIC_IRR, 0x31);
    apic_page_add(self->apic_page, APIC_ISR, 0x71);
    apic_page_add(self->apic_page, APIC_ISR, 0x41);
    virq_mode_changed(self);
    assert_field(VMCS_GUEST_INTERRUPT_STATUS, 0x7131);
    apic_page_remove(self->apic_page, APIC_IRR, 0x31);
    virq_apic_write(self, APIC_EOI, 0);
    assert_field(VMCS_GUEST_INTERRUPT_STATUS, 0x4100);
}

static void only_words_of_the_bitmap_that_have_changed_are_written(void **state) {
    (void)state;
    set_entry(5, RTE_LEVEL | 0x51);
    set_entry(6, RTE_LEVEL | 0xf3);
    machine_forget();
    virq_prepare_entry(self);
    assert_field(VMCS_EOI_EXIT_BITMAP0 + 2, 1ULL << (0x51 - 64));
    assert_field(VMCS_EOI_EXIT_BITMAP3, 1ULL << (0xf3 - 192));
    assert_int_equal(machine_count(MACHINE_VMWRITE, VMCS_EOI_EXIT_BITMAP0), 0);
    assert_int_equal(machine_count(MACHINE_VMWRITE, VMCS_EOI_EXIT_BITMAP0 + 4), 0);
    set_entry(6, RTE_LEVEL | 0x51);
    machine_forget();
    virq_prepare_entry(self);
    assert_field(VMCS_EOI_EXIT_BITMAP3, 0);
    assert_int_equal(machine_count(MACHINE_VMWRITE, MACHINE_ANY), 1);
    virq_prepare_entry(self);
    assert_int_equal(machine_count(MACHINE_VMWRITE, MACHINE_ANY), 1);
}

/* Invariants 1 and 2. */
static void the_bit_of_a_level_interrupt_is_written_before_rvi(void **state) {
    (void)state;
    set_entry(5, RTE_LEVEL | 0x51);
    routing_set_line(&vm->routing, 5, true);
    machine_forget();
    virq_prepare_entry(self);
    int bit = machine_find(MACHINE_VMWRITE, VMCS_EOI_EXIT_BITMAP0 + 2, 0);
    int status = machine_find(MACHINE_VMWRITE, VMCS_GUEST_INTERRUPT_STATUS, 0);
    assert_true(bit >= 0 && bit < status);
    assert_int_equal(machine.record[status].value, 0x51);
}

/* An IPI to itself through the ICR: RVI rises, and never falls. */
static void what_a_vcpu_sends_to_itself_raises_rvi(void **state) {
    (void)state;
    virq_apic_write(self, APIC_ICR_LOW, APIC_ICR_SELF | 0x61);
    assert_field(VMCS_GUEST_INTERRUPT_STATUS, 0x61);
    machine_set(VMCS_GUEST_INTERRUPT_STATUS, 0x9061);
    apic_page_write(self->apic_page, APIC_ICR_LOW, APIC_ICR_SELF | 0x51);
    vlapic_written(virq_lapic(self), APIC_ICR_LOW);
    assert_field(VMCS_GUEST_INTERRUPT_STATUS, 0x9061);
    apic_page_write(self->apic_page, APIC_ICR_LOW, APIC_ICR_SELF | 0x71);
    vlapic_written(virq_lapic(self), APIC_ICR_LOW);
    assert_field(VMCS_GUEST_INTERRUPT_STATUS, 0x9071);
}

static void the_fields_that_are_written_once(void **state) {
    (void)state;
    assert_field(VMCS_VIRTUAL_APIC_ADDRESS, self->apic_page_physical);
    assert_field(VMCS_APIC_ACCESS_ADDRESS, virq_apic_access_page());
    assert_non_null(machine_memory(virq_apic_access_page()));
    assert_field(VMCS_TPR_THRESHOLD, 0);
    for (unsigned i = 0; i < 4; i++)
        assert_field(VMCS_EOI_EXIT_BITMAP0 + 2 * i, 0);
}

/* ---- modes of the local APIC ---- */

#define APIC_CONTROLS (SECONDARY_VIRTUALIZE_APIC_ACCESSES | SECONDARY_VIRTUALIZE_X2APIC_MODE)

static void assert_mode(enum vmx_apic_mode mode, uint32_t controls) {
    assert_int_equal(machine_get(VMCS_SECONDARY_CONTROLS) & APIC_CONTROLS, controls);
    assert_field(VMCS_MSR_BITMAP, msr_bitmap(mode));
    assert_field(VMCS_EPT_POINTER, vm->ept_pointer[mode == VMX_APIC_XAPIC]);
}

/* Controls, MSR bitmap and EPT change together, or a guest could reach the machine's own APIC. */
static void the_mode_decides_controls_bitmap_and_ept(void **state) {
    (void)state;
    assert_mode(VMX_APIC_XAPIC, SECONDARY_VIRTUALIZE_APIC_ACCESSES);
    assert_true(virq_write_base(self, APIC_DEFAULT_BASE | BSP_ENABLED | APIC_BASE_X2APIC));
    assert_mode(VMX_APIC_X2APIC, SECONDARY_VIRTUALIZE_X2APIC_MODE);
    assert_true(vlapic_write_msr(virq_lapic(self), 0x80f, 0xff)); /* software-disabled */
    assert_mode(VMX_APIC_X2APIC_EXITING, SECONDARY_VIRTUALIZE_X2APIC_MODE);
    assert_true(virq_write_base(self, APIC_DEFAULT_BASE | APIC_BASE_BSP));
    assert_mode(VMX_APIC_HIDDEN, 0);
    assert_true(virq_write_base(self, APIC_DEFAULT_BASE | BSP_ENABLED));
    assert_mode(VMX_APIC_HIDDEN, 0);
    virq_apic_write(self, APIC_SVR, APIC_SVR_ENABLE | 0xff);
    assert_mode(VMX_APIC_XAPIC, SECONDARY_VIRTUALIZE_APIC_ACCESSES);
    assert_true(virq_write_base(self, 0xfe000000 | BSP_ENABLED)); /* moved */
    assert_mode(VMX_APIC_HIDDEN, 0);
    assert_int_equal(virq_apic_address(self), 0xfe000000);
    assert_runs();
}

static void a_change_of_mode_flushes_translations_and_closes_windows(void **state) {
    (void)state;
    machine_set(VMCS_PRIMARY_CONTROLS,
                machine_get(VMCS_PRIMARY_CONTROLS) | PRIMARY_INTERRUPT_WINDOW_EXITING);
    self->windows = PRIMARY_INTERRUPT_WINDOW_EXITING;
    virq_write_base(self, APIC_DEFAULT_BASE | BSP_ENABLED | APIC_BASE_X2APIC);
    assert_int_equal(machine_count(MACHINE_INVVPID, vcpu_vpid(self)), 1);
    assert_false(machine_get(VMCS_PRIMARY_CONTROLS) & PRIMARY_INTERRUPT_WINDOW_EXITING);
    assert_int_equal(self->windows, 0);
}

static void a_base_that_is_invalid_changes_nothing(void **state) {
    (void)state;
    assert_false(virq_write_base(self, APIC_DEFAULT_BASE | APIC_BASE_X2APIC));
    assert_false(virq_write_base(self, 1ULL << 45 | BSP_ENABLED));
    assert_int_equal(machine.records, 0);
    assert_mode(VMX_APIC_XAPIC, SECONDARY_VIRTUALIZE_APIC_ACCESSES);
}

static void a_local_apic_over_ram_ends_the_guest(void **state) {
    (void)state;
    virq_write_base(self, (vm->ram_size - 0x1000) | BSP_ENABLED);
    assert_killed(
        "vCPU 0: its local APIC is moved over RAM, to 0x1ff000, which is not virtualized");
    set_up(NULL);
    virq_write_base(self, vm->ram_size | BSP_ENABLED);
    assert_runs();
    virq_write_base(self, 0x1000 | APIC_BASE_BSP); /* disabled: nowhere */
    assert_runs();
    assert_int_equal(virq_apic_address(self), UINT64_MAX);
}

static void a_mode_that_the_processor_lacks_ends_the_guest(void **state) {
    (void)state;
    host.capabilities.procbased2 &= ~((uint64_t)SECONDARY_VIRTUALIZE_X2APIC_MODE << 32);
    virq_write_base(self, APIC_DEFAULT_BASE | BSP_ENABLED | APIC_BASE_X2APIC);
    assert_killed("vCPU 0: this processor cannot virtualize its local APIC's mode");
}

/* ---- signals ---- */

static void send(uint32_t icr) {
    virq_apic_write(self, APIC_ICR_HIGH, 1 << 24);
    virq_apic_write(self, APIC_ICR_LOW, icr);
}

static uint32_t requests(void) {
    return atomic_load(other->requests) & ~(uint32_t)REQUEST_INTERRUPTS;
}

static void ipis_that_are_no_interrupts_become_requests(void **state) {
    (void)state;
    send(APIC_DELIVERY_NMI << 8);
    assert_int_equal(requests(), REQUEST_NMI);
    assert_int_equal(atomic_load(&other->nmis), 1);
    atomic_store(other->requests, 0);
    send(APIC_DELIVERY_SIPI << 8 | 0x9a);
    assert_int_equal(requests(), REQUEST_SIPI | 0x9au << REQUEST_SIPI_VECTOR_SHIFT);
    send(APIC_DELIVERY_SIPI << 8 | 0x55); /* ignored */
    assert_int_equal(requests(), REQUEST_SIPI | 0x9au << REQUEST_SIPI_VECTOR_SHIFT);
    send(APIC_DELIVERY_INIT << 8 | 1 << 14);
    assert_int_equal(requests(), REQUEST_INIT); /* INIT cancels the SIPI */
    send(APIC_DELIVERY_SIPI << 8 | 0x9b);
    assert_int_equal(requests(), REQUEST_INIT | REQUEST_SIPI | 0x9bu << REQUEST_SIPI_VECTOR_SHIFT);
    atomic_store(other->requests, 0);
    send(APIC_DELIVERY_SMI << 8);
    assert_int_equal(requests(), 0);
}

static void the_ioapic_sends_extints_too(void **state) {
    (void)state;
    set_entry(0, APIC_DELIVERY_EXTINT << RTE_DELIVERY_SHIFT);
    atomic_store(self->requests, 0);
    routing_set_line(&vm->routing, 0, true);
    assert_true(atomic_load(self->requests) & REQUEST_EXTINT);
}

static void lint0_takes_the_8259s_output_by_its_mode(void **state) {
    (void)state;
    virq_apic_write(self, APIC_LVT_LINT0, 0x51);
    virq_lint0_rose(self);
    assert_true(apic_page_has(self->apic_page, APIC_IRR, 0x51));
    virq_apic_write(self, APIC_LVT_LINT0, 0x52 | APIC_LVT_MASKED);
    virq_lint0_rose(self);
    assert_false(apic_page_has(self->apic_page, APIC_IRR, 0x52));
    virq_apic_write(self, APIC_LVT_LINT0, APIC_DELIVERY_NMI << 8);
    virq_lint0_rose(self);
    assert_int_equal(atomic_load(&self->nmis), 1);
    virq_apic_write(self, APIC_LVT_LINT0, APIC_DELIVERY_NMI << 8 | APIC_LVT_MASKED);
    virq_lint0_rose(self);
    assert_int_equal(atomic_load(&self->nmis), 1);
    virq_apic_write(self, APIC_LVT_LINT0, APIC_DELIVERY_EXTINT << 8);
    virq_lint0_rose(self); /* before each entry its level is checked instead */
    assert_int_equal(atomic_load(&self->nmis), 1);
    assert_int_equal(self->extint, 0);
}

/* ---- timers ---- */

static void the_earliest_timer_is_planned(void **state) {
    (void)state;
    assert_int_equal(self->timer_next, TIME_NEVER);
    virq_apic_write(self, APIC_TIMER_DIVIDE, APIC_TIMER_DIVIDE_BY_1);
    virq_apic_write(self, APIC_LVT_TIMER, 0x40);
    virq_apic_write(self, APIC_TIMER_INITIAL, 100000);
    assert_int_equal(self->timer_next, machine.tsc + 100000);
    self->pc_timer_next = machine.tsc + 7000;
    virq_plan_timer(self);
    assert_int_equal(self->timer_next, machine.tsc + 7000);
    virq_apic_write(self, APIC_TIMER_INITIAL, 0);
    assert_int_equal(self->timer_next, machine.tsc + 7000);
}

static void an_expiry_is_an_interrupt_and_plans_the_next(void **state) {
    (void)state;
    virq_apic_write(self, APIC_TIMER_DIVIDE, APIC_TIMER_DIVIDE_BY_1);
    virq_apic_write(self, APIC_LVT_TIMER, APIC_LVT_TIMER_PERIODIC | 0x40);
    virq_apic_write(self, APIC_TIMER_INITIAL, 1000000);
    uint64_t start = machine.tsc;
    virq_fire_timer(self, start + 999999);
    assert_false(apic_page_has(self->apic_page, APIC_IRR, 0x40));
    virq_fire_timer(self, start + 1000000);
    assert_true(apic_page_has(self->apic_page, APIC_IRR, 0x40));
    assert_int_equal(self->timer_next, start + 2000000);
}

static void vcpu_0_polls_the_pcs_timers(void **state) {
    (void)state;
    pc_port_out(&vm->pc, VPIT_CONTROL, 1, 0x30); /* one shot of 1000 ticks */
    pc_port_out(&vm->pc, VPIT_COUNTER0, 1, 1000 & 0xff);
    pc_port_out(&vm->pc, VPIT_COUNTER0, 1, 1000 >> 8);
    virq_pc_timer_changed(self);
    assert_int_equal(self->timer_next, pc_timer_next(&vm->pc));
    uint64_t due = machine.tsc + 1000 * (MACHINE_HZ / VPIT_HZ);
    assert_true(self->timer_next > due - 10 * (MACHINE_HZ / VPIT_HZ) &&
                self->timer_next < due + 10 * (MACHINE_HZ / VPIT_HZ));
    set_entry(2, 0x61);
    machine.tsc = self->timer_next;
    virq_fire_timer(self, machine.tsc);
    virq_prepare_entry(self);
    assert_true(apic_page_has(self->apic_page, APIC_IRR, 0x61));
    assert_int_equal(self->timer_next, TIME_NEVER);
}

/* ---- the trace ---- */

static void with_trace_on_the_bitmap_is_recorded_when_it_changes(void **state) {
    const struct trace_ring *ring = machine.cpu[0].trace;

    (void)state;
    vm->trace = true;
    set_entry(5, RTE_LEVEL | 0xc1);
    virq_prepare_entry(self);
    const struct trace_record *last = &ring->record[(ring->count - 1) % TRACE_RING_RECORDS];
    assert_int_equal(last->event, TRACE_BITMAP);
    assert_int_equal(last->vector, 128);
    assert_int_equal(last->a, 0);
    assert_int_equal(last->b, 2);
    assert_int_equal(last[-1].event, TRACE_BITMAP);
    assert_int_equal(last[-1].vector, 0);
    uint64_t count = ring->count;
    virq_prepare_entry(self);
    assert_int_equal(ring->count, count);
}

/* For the lock-step replay; elsewhere equal events are folded into one record. */
static void with_trace_on_each_event_has_a_record(void **state) {
    struct guest_config config = machine_guest();
    const struct trace_ring *ring = machine.cpu[0].trace;

    (void)state;
    config.trace = true;
    struct vm *traced = machine_vm(1, &config);
    config.trace = false;
    struct vm *untraced = machine_vm(2, &config);
    for (unsigned i = 0; i < 2; i++) {
        struct routing *routing = i ? &untraced->routing : &traced->routing;
        uint64_t before = ring->count;
        for (unsigned j = 0; j < 4; j++)
            routing->effects->trace(routing->context, trace_what(TRACE_RESCAN, 0, 0, TRACE_NO_PIN),
                                    0, 0);
        assert_int_equal(ring->count, before + (i ? 1 : 4));
        const struct trace_record *last = &ring->record[ring->count - 1];
        assert_int_equal(last->guest, i ? 2 : 1);
        assert_int_equal(last->repeats, i ? 3 : 0);
    }
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(rvi_and_svi_are_the_highest_vectors),
        TEST(only_words_of_the_bitmap_that_have_changed_are_written),
        TEST(the_bit_of_a_level_interrupt_is_written_before_rvi),
        TEST(what_a_vcpu_sends_to_itself_raises_rvi),
        TEST(the_fields_that_are_written_once),
        TEST(the_mode_decides_controls_bitmap_and_ept),
        TEST(a_change_of_mode_flushes_translations_and_closes_windows),
        TEST(a_base_that_is_invalid_changes_nothing),
        TEST(a_local_apic_over_ram_ends_the_guest),
        TEST(a_mode_that_the_processor_lacks_ends_the_guest),
        TEST(ipis_that_are_no_interrupts_become_requests),
        TEST(the_ioapic_sends_extints_too),
        TEST(lint0_takes_the_8259s_output_by_its_mode),
        TEST(the_earliest_timer_is_planned),
        TEST(an_expiry_is_an_interrupt_and_plans_the_next),
        TEST(vcpu_0_polls_the_pcs_timers),
        TEST(with_trace_on_the_bitmap_is_recorded_when_it_changes),
        TEST(with_trace_on_each_event_has_a_record),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
