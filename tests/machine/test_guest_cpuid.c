/* Guards vmm/vcpu/guest_cpuid.c: the CPUID that a guest sees. SDM Vol. 2A, "CPUID-CPU
 * Identification". */
#include "arch/cpuid.h"
#include "tests/machine/one_vm.h"
#include "vmm/vcpu/guest_cpuid.h"

/* Executes CPUID on a vCPU, with garbage in the registers' other bits. */
static struct cpuid_result read_on(struct vcpu *on, uint32_t leaf, uint32_t subleaf) {
    const uint64_t garbage = 0xdeadbeef00000000;
    uint64_t *r = on->context.reg;

    machine_load(on);
    machine_set(VMCS_GUEST_RIP, START_RIP);
    r[GUEST_RAX] = garbage | leaf;
    r[GUEST_RBX] = garbage;
    r[GUEST_RCX] = garbage | subleaf;
    r[GUEST_RDX] = garbage;
    machine_exit(EXIT_REASON_CPUID, 0, LENGTH);
    assert_true(exit_handle(on));
    assert_field(VMCS_GUEST_RIP, START_RIP + LENGTH);
    assert_false((r[GUEST_RAX] | r[GUEST_RBX] | r[GUEST_RCX] | r[GUEST_RDX]) >> 32);
    return (struct cpuid_result){(uint32_t)r[GUEST_RAX], (uint32_t)r[GUEST_RBX],
                                 (uint32_t)r[GUEST_RCX], (uint32_t)r[GUEST_RDX]};
}

static struct cpuid_result read(uint32_t leaf, uint32_t subleaf) {
    return read_on(self, leaf, subleaf);
}

static void assert_leaf(uint32_t leaf, uint32_t subleaf, uint32_t eax, uint32_t ebx, uint32_t ecx,
                        uint32_t edx) {
    struct cpuid_result r = read(leaf, subleaf);

    assert_int_equal(r.eax, eax);
    assert_int_equal(r.ebx, ebx);
    assert_int_equal(r.ecx, ecx);
    assert_int_equal(r.edx, edx);
}

/* ---- the ranges ---- */

/* VMX cannot take WRMSRNS away where the MSR is not intercepted, so it is offered. */
static void wrmsrns_is_the_processors(void **state) {
    (void)state;
    assert_leaf(7, 1, 0, 0, 0, 0);
    assert_int_equal(read(7, 0).eax, 0);
    machine_leaf(7, 0)->eax = 2;
    *machine_leaf(7, 1) = (struct cpuid_result){UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
    *machine_leaf(7, 2) = (struct cpuid_result){UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
    guest_cpuid_init(host.xcr0, MACHINE_HZ);
    assert_int_equal(read(7, 0).eax, 1);
    assert_leaf(7, 1, 1u << 19, 0, 0, 0);
    assert_leaf(7, 2, 0, 0, 0, 0);
}

static void three_ranges_and_nothing_outside_of_them(void **state) {
    static const uint32_t nothing[] = {0x17,       0x18,       0x20000000, 0x40000001, 0x4000000f,
                                       0x40000011, 0x80000009, 0x8000001d, 0xc0000000, 0xffffffff};

    (void)state;
    assert_int_equal(read(0, 0).eax, 0x16);
    assert_int_equal(read(0x80000000, 0).eax, 0x80000008);
    assert_int_equal(read(0x40000000, 0).eax, 0x40000010);
    for (unsigned i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++)
        assert_leaf(nothing[i], 0, 0, 0, 0, 0);
}

static void a_leaf_that_is_not_listed_reads_0(void **state) {
    static const uint32_t hidden[] = {3, 5, 8, 9, 0xa, 0xc, 0xe, 0xf, 0x10, 0x12, 0x14};

    (void)state;
    *machine_leaf(5, 0) = (struct cpuid_result){0x40, 0x40, 3, 0x2120};     /* MONITOR */
    *machine_leaf(0xa, 0) = (struct cpuid_result){0x07300403, 0, 0, 0x603}; /* counters */
    guest_cpuid_init(host.xcr0, MACHINE_HZ);
    for (unsigned i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
        assert_leaf(hidden[i], 0, 0, 0, 0, 0);
}

static void the_vendors_and_the_brand(void **state) {
    struct cpuid_result r;
    char text[49] = "";

    (void)state;
    assert_leaf(0, 0, 0x16, 0x756e6547, 0x6c65746e, 0x49656e69); /* GenuineIntel */
    r = read(0x40000000, 0);
    memcpy(text, &r.ebx, 12);
    assert_string_equal(text, "PinwheelVMM");
    for (uint32_t i = 0; i < 3; i++) {
        r = read(0x80000002 + i, 0);
        memcpy(text + 16 * i, &r, sizeof(r));
    }
    assert_string_equal(text, "Intel(R) Core(TM) i5-5300U CPU @ 2.30GHz");
}

/* ---- leaf 1 ---- */

static void the_apic_id_and_the_count_of_the_vcpus(void **state) {
    (void)state;
    assert_int_equal(read_on(self, 1, 0).ebx >> 16, 0x0002);
    assert_int_equal(read_on(other, 1, 0).ebx >> 16, 0x0102);
    assert_int_equal(read_on(other, 1, 0).ebx & 0xffff, 0x0800); /* CLFLUSH: 64 bytes */
    assert_true(read_on(other, 1, 0).edx & 1u << 28);            /* the count is valid */
}

static void a_single_vcpu_is_not_multi_threaded(void **state) {
    struct guest_config config = machine_guest();

    (void)state;
    struct vm *single = machine_vm(1, &config);
    struct cpuid_result r = read_on(single->vcpu[0], 1, 0);
    assert_int_equal(r.ebx >> 16, 0x0001);
    assert_false(r.edx & 1u << 28);
}

/* SDM Vol. 3A, "Hierarchical Mapping of Shared Resources": as many bits of the APIC ID as 64 vCPUs
 * need, in leaf 0BH and in the two counts of leaf 4. */
static void the_topology_has_room_for_64_vcpus(void **state) {
    struct guest_config config = machine_guest();

    (void)state;
    config.vcpus = BOOT_MAX_VCPUS;
    struct vm *wide = machine_vm(1, &config);
    struct vcpu *last = wide->vcpu[63];
    assert_int_equal(read_on(last, 1, 0).ebx >> 16, 0x3f40);
    assert_int_equal(read_on(last, 0xb, 0).edx, 63);
    assert_int_equal(read_on(last, 0xb, 1).eax, 6);
    assert_int_equal(read_on(last, 0xb, 1).ebx, 64);
    assert_int_equal(read_on(last, 4, 0).eax >> 26, 63);
    assert_int_equal(read_on(last, 4, 0).eax >> 14 & 0xfff, 0);  /* each core has its own */
    assert_int_equal(read_on(last, 4, 3).eax >> 14 & 0xfff, 63); /* but for the third level */
}

/* The processor has all but two bits of ECX. */
static void features_that_are_not_virtualized_are_hidden(void **state) {
    const uint32_t ecx = 1u << 0 | 1u << 1 | 1u << 9 | 1u << 12 | 1u << 13 | 1u << 19 | 1u << 20 |
                         1u << 21 | 1u << 22 | 1u << 23 | 1u << 24 | 1u << 25 | 1u << 26 |
                         1u << 28 | 1u << 29 | 1u << 30 | 1u << 31;

    (void)state;
    assert_int_equal(read(1, 0).ecx, ecx);          /* no VMX, SMX, MONITOR, PCID, debug store */
    assert_int_equal(read(1, 0).edx, 0x178bfbff);   /* no ACPI, SS, debug store */
    assert_int_equal(read(7, 0).ebx & 1u << 4, 0);  /* HLE */
    assert_int_equal(read(7, 0).ebx & 1u << 10, 0); /* INVPCID */
    assert_int_equal(read(7, 0).ebx & 1u << 11, 0); /* RTM */
    assert_int_equal(read(7, 0).ebx,
                     0x021c2fbb & (1u << 0 | 1u << 1 | 1u << 3 | 1u << 5 | 1u << 7 | 1u << 8 |
                                   1u << 9 | 1u << 13 | 1u << 18 | 1u << 19 | 1u << 20));
    assert_int_equal(read(7, 0).edx, 0); /* IBRS and IBPB have MSRs, which guests do not get */
    assert_leaf(7, 1, 0, 0, 0, 0);
}

static void osxsave_mirrors_cr4(void **state) {
    const uint32_t osxsave = 1u << 27;

    (void)state;
    assert_false(read(1, 0).ecx & osxsave);
    machine_set(VMCS_GUEST_CR4, machine_get(VMCS_GUEST_CR4) | CR4_OSXSAVE);
    assert_true(read(1, 0).ecx & osxsave);
}

static void the_apic_bit_mirrors_the_enable_bit(void **state) {
    const uint32_t apic = 1u << 9;

    (void)state;
    assert_true(read(1, 0).edx & apic);
    assert_true(virq_write_base(self, APIC_DEFAULT_BASE | APIC_BASE_BSP));
    assert_false(read(1, 0).edx & apic);
    assert_true(read_on(other, 1, 0).edx & apic);
}

static void x2apic_is_offered_where_the_configuration_says(void **state) {
    struct guest_config config = machine_guest();

    (void)state;
    assert_true(read(1, 0).ecx & 1u << 21);
    config.x2apic = false;
    assert_false(read_on(machine_vm(1, &config)->vcpu[0], 1, 0).ecx & 1u << 21);
}

/* ---- other leaves ---- */

static void each_vcpu_is_a_core_with_its_caches(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        struct cpuid_result r = read(4, i), machine_r = cpuid(4, i);
        assert_int_equal(r.eax & 0x3fff, machine_r.eax & 0x3fff);
        assert_int_equal(r.eax >> 14 & 0xfff, i == 3 ? 63 : 0); /* all may share the L3 */
        assert_int_equal(r.eax >> 26, 63);
        assert_int_equal(r.ebx, machine_r.ebx);
        assert_int_equal(r.ecx, machine_r.ecx);
    }
    assert_leaf(4, 4, 0, 0, 0, 0);
    assert_leaf(4, 5, 0, 0, 0, 0);
    assert_leaf(4, 0x80000000, 0, 0, 0, 0);
}

static void topology_is_one_thread_a_core(void **state) {
    (void)state;
    assert_leaf(0xb, 0, 0, 1, 0x100, 0);
    assert_leaf(0xb, 1, 6, 2, 0x201, 0);
    assert_leaf(0xb, 2, 0, 0, 2, 0); /* the end: level type 0; ECX[7:0] is the subleaf */
    assert_int_equal(read_on(other, 0xb, 0).edx, 1);
    assert_int_equal(read_on(other, 0xb, 2).edx, 1);
}

static void the_size_of_the_xsave_area_follows_xcr0(void **state) {
    (void)state;
    assert_leaf(0xd, 0, 7, 576, 832, 0);
    assert_leaf(0xd, 1, 1, 576, 0, 0);
    assert_leaf(0xd, 2, 256, 576, 0, 0);
    assert_leaf(0xd, 3, 0, 0, 0, 0);
    self->registers.xcr0 = 7;
    assert_int_equal(read(0xd, 0).ebx, 832);
    assert_int_equal(read(0xd, 1).ebx, 832);
}

static void without_avx_the_xsave_area_ends_with_its_header(void **state) {
    (void)state;
    guest_cpuid_init(XCR0_X87 | XCR0_SSE, MACHINE_HZ);
    assert_int_equal(read(0xd, 0).eax, 3);
}

static void the_apic_timer_never_stops(void **state) {
    (void)state;
    assert_leaf(6, 0, 4, 0, 0, 0); /* ARAT alone */
}

/* TSC = crystal x EBX / EAX, as leaf 15H says. */
static void assert_frequency(uint64_t hz) {
    guest_cpuid_init(host.xcr0, hz);
    struct cpuid_result r = read(0x15, 0);
    assert_int_equal((uint64_t)r.ecx * r.ebx / r.eax, hz);
    assert_int_equal(read(0x16, 0).eax, (hz + 500000) / 1000000);
    r = read(0x40000010, 0);
    assert_int_equal(r.eax, hz / 1000);
    assert_int_equal(r.ebx, hz / 1000);
}

static void three_leaves_report_the_tscs_frequency(void **state) {
    (void)state;
    assert_frequency(MACHINE_HZ);
    assert_frequency(2294687000);
    assert_frequency(5000000000); /* more than 32 bits */
}

static void extended_leaves(void **state) {
    (void)state;
    assert_leaf(0x80000001, 0, 0, 0, 0x121, 0x2c100800);
    assert_leaf(0x80000006, 0, 0, 0, 0x01006040, 0);
    assert_leaf(0x80000007, 0, 0, 0, 0, 0x100);
    assert_leaf(0x80000008, 0, 0x3027, 0, 0, 0);
    machine_leaf(0x80000008, 0)->eax = 0x392e; /* 57 bits: 5-level paging is not offered */
    guest_cpuid_init(host.xcr0, MACHINE_HZ);
    assert_leaf(0x80000008, 0, 0x302e, 0, 0, 0);
}

/* ---- an older processor ---- */

static int set_up_older(void **state) {
    struct guest_config config = machine_guest();

    (void)state;
    machine_reset();
    machine_leaf(0, 0)->eax = 2;
    machine_leaf(0x80000000, 0)->eax = 0x80000004;
    host.xcr0 = XCR0_X87;
    config.vcpus = 2;
    start_vm(&config);
    machine_protected_mode();
    return 0;
}

/* Leaves above the processor's largest would read as another leaf. */
static void an_older_processor_has_fewer_leaves(void **state) {
    (void)state;
    assert_leaf(4, 0, 0, 0, 0, 0);
    assert_leaf(7, 0, 0, 2, 0, 0); /* TSC_ADJUST is the hypervisor's */
    assert_leaf(0xd, 1, 0, 0, 0, 0);
    assert_int_equal(read(0x80000000, 0).eax, 0x80000004);
    assert_leaf(0x80000008, 0, 0, 0, 0, 0);
    assert_int_equal(read(0x16, 0).eax, 2000);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up_protected_mode)

int main(void) {
    const struct CMUnitTest tests[] = {
        /* The first: the table is built once in a hypervisor, over zeros. */
        cmocka_unit_test_setup(an_older_processor_has_fewer_leaves, set_up_older),
        TEST(three_ranges_and_nothing_outside_of_them),
        TEST(a_leaf_that_is_not_listed_reads_0),
        TEST(wrmsrns_is_the_processors),
        TEST(the_vendors_and_the_brand),
        TEST(the_apic_id_and_the_count_of_the_vcpus),
        TEST(the_topology_has_room_for_64_vcpus),
        TEST(a_single_vcpu_is_not_multi_threaded),
        TEST(features_that_are_not_virtualized_are_hidden),
        TEST(osxsave_mirrors_cr4),
        TEST(the_apic_bit_mirrors_the_enable_bit),
        TEST(x2apic_is_offered_where_the_configuration_says),
        TEST(each_vcpu_is_a_core_with_its_caches),
        TEST(topology_is_one_thread_a_core),
        TEST(the_size_of_the_xsave_area_follows_xcr0),
        TEST(without_avx_the_xsave_area_ends_with_its_header),
        TEST(the_apic_timer_never_stops),
        TEST(three_leaves_report_the_tscs_frequency),
        TEST(extended_leaves),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
