/* Guards the hypercalls in vmm/vcpu/exits.c: those that count exits, and the one that sends IPIs to
 * a map of LAPICs, as a paravirtualized Linux does. */
#include "tests/machine/one_vm.h"

static uint64_t hypercall(uint64_t number) {
    machine_set(VMCS_GUEST_RIP, START_RIP);
    *reg(GUEST_RAX) = number;
    assert_true(exits(EXIT_REASON_VMCALL, 0));
    assert_advanced();
    return *reg(GUEST_RAX);
}

#define UNKNOWN UINT64_MAX

static uint64_t send_ipis(uint64_t low, uint64_t high, uint64_t first, uint64_t icr) {
    *reg(GUEST_RBX) = low;
    *reg(GUEST_RCX) = high;
    *reg(GUEST_RDX) = first;
    *reg(GUEST_RSI) = icr;
    return hypercall(HYPERCALL_SEND_IPIS);
}

static bool has_request(struct vcpu *on, uint8_t vector) {
    machine_load(on);
    virq_prepare_entry(on);
    bool has = apic_page_has(on->apic_page, APIC_IRR, vector);
    apic_page_remove(on->apic_page, APIC_IRR, vector);
    machine_load(self);
    return has;
}

static void enable_apics(void) {
    machine_load(other);
    virq_apic_write(other, APIC_SVR, APIC_SVR_ENABLE | 0xff);
    machine_load(self);
    virq_apic_write(self, APIC_SVR, APIC_SVR_ENABLE | 0xff);
    machine_long_mode(vm);
}

static void small_hypercalls(void **state) {
    (void)state;
    assert_int_equal(hypercall(HYPERCALL_NOTHING), 0);
    assert_int_equal(hypercall(HYPERCALL_EOI_EXITS), 0);
    exits(EXIT_REASON_VIRTUALIZED_EOI, 0x51);
    assert_int_equal(hypercall(HYPERCALL_EOI_EXITS), 1);
    uint64_t before = hypercall(HYPERCALL_EXITS);
    exits(EXIT_REASON_PREEMPTION_TIMER, 0);
    exits(EXIT_REASON_VIRTUALIZED_EOI, 0x51);
    assert_int_equal(hypercall(HYPERCALL_EXITS), before + 2);
    assert_int_equal(hypercall(1), UNKNOWN);
    before = hypercall(HYPERCALL_ALL_EXITS);
    exits(EXIT_REASON_PREEMPTION_TIMER, 0);
    exits(EXIT_REASON_VIRTUALIZED_EOI, 0x51);
    assert_int_equal(hypercall(HYPERCALL_ALL_EXITS), before + 3);
    assert_int_equal(hypercall(0x103), UNKNOWN);
    assert_int_equal(hypercall(0x100000000 | HYPERCALL_SEND_IPIS), UNKNOWN);
}

static void one_hypercall_sends_ipis_to_a_map_of_lapics(void **state) {
    (void)state;
    enable_apics();
    assert_int_equal(send_ipis(3, 0, 0, 0x61), 2);
    assert_true(has_request(self, 0x61));
    assert_true(has_request(other, 0x61));
    assert_int_equal(send_ipis(2, 0, 0, 0x62), 1);
    assert_false(has_request(self, 0x62));
    assert_true(has_request(other, 0x62));
    assert_int_equal(send_ipis(1, 0, 1, 0x63), 1); /* the map begins at APIC ID 1 */
    assert_true(has_request(other, 0x63));
    assert_int_equal(send_ipis(0, 0, 0, 0x64), 0);
    assert_int_equal(send_ipis(0xfc, ~0ULL, 0, 0x64), 0); /* there is no such vCPU */
}

static void the_map_of_ipis_ends_before_the_broadcast_address(void **state) {
    (void)state;
    enable_apics();
    assert_int_equal(send_ipis(~0ULL, ~0ULL, 0xffffffff, 0x61), 0);
    assert_int_equal(send_ipis(~0ULL, ~0ULL, 0xfffffff0, 0x61), 0); /* and does not wrap */
    assert_false(has_request(self, 0x61));
    assert_false(has_request(other, 0x61));
}

static void a_map_of_ipis_may_be_of_nmis(void **state) {
    (void)state;
    enable_apics();
    assert_int_equal(send_ipis(2, 0, 0, APIC_DELIVERY_NMI << 8), 1);
    assert_int_equal(atomic_load(&other->nmis), 1);
    assert_int_equal(send_ipis(2, 0, 0, APIC_DELIVERY_INIT << 8), UNKNOWN);
    assert_int_equal(send_ipis(2, 0, 0, APIC_DELIVERY_SMI << 8), UNKNOWN);
    assert_int_equal(send_ipis(2, 0, 0, APIC_DELIVERY_SIPI << 8 | 9), UNKNOWN);
    assert_int_equal(send_ipis(2, 0, 0, APIC_DELIVERY_EXTINT << 8), UNKNOWN);
    assert_false(atomic_load(other->requests) & (REQUEST_INIT | REQUEST_SIPI | REQUEST_EXTINT));
}

static void user_mode_sends_no_ipis(void **state) {
    (void)state;
    enable_apics();
    machine_set(VMCS_GUEST_SS_ACCESS_RIGHTS, 0xc0f3);
    assert_int_equal(send_ipis(3, 0, 0, 0x61), UNKNOWN);
    assert_false(has_request(other, 0x61));
    assert_int_equal(hypercall(HYPERCALL_NOTHING), 0);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up_protected_mode)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(small_hypercalls),
        TEST(one_hypercall_sends_ipis_to_a_map_of_lapics),
        TEST(the_map_of_ipis_ends_before_the_broadcast_address),
        TEST(a_map_of_ipis_may_be_of_nmis),
        TEST(user_mode_sends_no_ipis),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
