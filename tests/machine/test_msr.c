/* Guards vmm/vcpu/msr.c: which MSRs a guest reaches, directly and by exits, and what they hold.
 * SDM Vol. 4; Vol. 3C, "MSR-Bitmap Address". */
#include "tests/machine/one_vm.h"
#include "vmm/vcpu/msr.h"

/* ---- the bitmaps ---- */

#define HIGH   0xc0000000u
#define RANGE  0x2000u
#define READS  1
#define WRITES 2

static unsigned access_by_bitmap(enum vmx_apic_mode mode, uint32_t msr) {
    const uint8_t *bitmap = machine_memory(msr_bitmap(mode));
    uint32_t byte = msr % RANGE / 8 + (msr >= HIGH ? 1024 : 0);
    bool read_exits = bitmap[byte] >> msr % 8 & 1, write_exits = bitmap[2048 + byte] >> msr % 8 & 1;

    return (read_exits ? 0 : READS) | (write_exits ? 0 : WRITES);
}

/* What is saved and restored for each vCPU, or is harmless. */
static unsigned allowed_anywhere(uint32_t msr) {
    switch (msr) {
    case 0xc0000100: /* FS and GS base, KernelGSBase, TSC_AUX */
    case 0xc0000101:
    case 0xc0000102:
    case 0xc0000103:
    case 0xc0000081: /* STAR, LSTAR, CSTAR, FMASK */
    case 0xc0000082:
    case 0xc0000083:
    case 0xc0000084:
    case 0x174: /* SYSENTER */
    case 0x175:
    case 0x176:
    case 0x277: /* PAT */
        return READS | WRITES;
    case 0x10: /* TSC, EFER */
    case 0xc0000080:
        return READS;
    default:
        return 0;
    }
}

/* SDM Vol. 3C, "Virtualizing MSR-Based APIC Accesses": what the processor answers from the
 * virtual-APIC page, or virtualizes. */
static unsigned allowed_in_x2apic(uint32_t msr) {
    switch (msr) {
    case 0x808:
        return READS | WRITES;
    case 0x80b: /* EOI, self IPI */
    case 0x83f:
        return WRITES;
    case 0x802:
    case 0x803:
    case 0x80a:
    case 0x80d:
    case 0x80f:
    case 0x810 ... 0x828:
    case 0x832 ... 0x838:
    case 0x83e:
        return READS;
    default:
        return allowed_anywhere(msr);
    }
}

static unsigned allowed_while_software_disabled(uint32_t msr) {
    return msr == 0x83f ? 0 : allowed_in_x2apic(msr);
}

static void assert_bitmap(enum vmx_apic_mode mode, unsigned (*allowed)(uint32_t msr)) {
    for (uint32_t i = 0; i < 2 * RANGE; i++) {
        uint32_t msr = i < RANGE ? i : HIGH + i - RANGE;
        if (access_by_bitmap(mode, msr) != allowed(msr))
            fail_msg("MSR 0x%x: %u instead of %u", msr, access_by_bitmap(mode, msr), allowed(msr));
    }
}

static void every_msr_exits_but_those_that_are_known_to_be_safe(void **state) {
    (void)state;
    assert_bitmap(VMX_APIC_XAPIC, allowed_anywhere);
    assert_bitmap(VMX_APIC_HIDDEN, allowed_anywhere);
    assert_bitmap(VMX_APIC_X2APIC, allowed_in_x2apic);
    assert_bitmap(VMX_APIC_X2APIC_EXITING, allowed_while_software_disabled);
}

static void without_rdtscp_there_is_no_tsc_aux(void **state) {
    (void)state;
    host.capabilities.rdtscp = false;
    msr_init();
    assert_int_equal(access_by_bitmap(VMX_APIC_XAPIC, MSR_IA32_TSC_AUX), 0);
    assert_int_equal(access_by_bitmap(VMX_APIC_XAPIC, MSR_IA32_KERNEL_GS_BASE), READS | WRITES);
}

/* ---- values ---- */

static void assert_reads(uint32_t msr, uint64_t expected) {
    uint64_t value = ~expected;

    assert_true(msr_read(self, msr, &value));
    assert_int_equal(value, expected);
}

static void read_only_msrs_describe_a_plain_processor(void **state) {
    (void)state;
    assert_reads(MSR_IA32_PLATFORM_ID, 0);
    assert_reads(MSR_IA32_MCG_CAP, 0);                         /* no banks */
    assert_reads(MSR_IA32_MISC_ENABLE, 1 | 1 << 11 | 1 << 12); /* no BTS, no PEBS */
    assert_false(msr_write(self, MSR_IA32_PLATFORM_ID, 0));
    assert_false(msr_write(self, MSR_IA32_MCG_CAP, 0));
    assert_int_equal(machine_count(MACHINE_WRMSR, MACHINE_ANY), 0);
}

/* SDM Vol. 4: fast strings can be switched, two bits are read-only, and the others belong to
 * features that CPUID does not offer, or that would take some away (XD, leaves above 2). */
static void misc_enable_can_be_written(void **state) {
    (void)state;
    for (unsigned bit = 0; bit < 64; bit++) {
        bool exists = bit == 0 || bit == 11 || bit == 12;
        assert_int_equal(msr_write(self, MSR_IA32_MISC_ENABLE, 1ULL << bit), exists);
    }
    assert_true(msr_write(self, MSR_IA32_MISC_ENABLE, 1 << 11 | 1 << 12));
    assert_reads(MSR_IA32_MISC_ENABLE, 1 << 11 | 1 << 12);
    assert_true(msr_write(self, MSR_IA32_MISC_ENABLE, 1));
    assert_reads(MSR_IA32_MISC_ENABLE, 1 | 1 << 11 | 1 << 12);
    assert_true(msr_write(self, MSR_IA32_MISC_ENABLE, 0));
    assert_reads(MSR_IA32_MISC_ENABLE, 1 << 11 | 1 << 12);
    assert_int_equal(machine_count(MACHINE_WRMSR, MACHINE_ANY), 0);
    assert_string_equal(machine.console.text, ""); /* there is such an MSR */
}

/* BTF works; LBR is as on a processor with architectural LBRs, and other bits do not exist. */
static void debugctl_has_btf(void **state) {
    (void)state;
    assert_reads(MSR_IA32_DEBUGCTL, 0);
    for (unsigned bit = 0; bit < 64; bit++)
        assert_int_equal(msr_write(self, MSR_IA32_DEBUGCTL, 1ULL << bit), bit <= 1);
    assert_true(msr_write(self, MSR_IA32_DEBUGCTL, 3));
    assert_reads(MSR_IA32_DEBUGCTL, 2);
    assert_field(VMCS_GUEST_DEBUGCTL, 2);
    assert_false(msr_write(self, MSR_IA32_DEBUGCTL, 1 << 6));
    assert_field(VMCS_GUEST_DEBUGCTL, 2);
    assert_true(msr_write(self, MSR_IA32_DEBUGCTL, 0));
    assert_field(VMCS_GUEST_DEBUGCTL, 0);
    assert_int_equal(machine_count(MACHINE_WRMSR, MACHINE_ANY), 0);
    assert_string_equal(machine.console.text, "");
}

static void the_microcode_has_a_revision(void **state) {
    (void)state;
    assert_true(msr_write(self, MSR_IA32_BIOS_SIGN_ID, 0));
    assert_reads(MSR_IA32_BIOS_SIGN_ID, 1ULL << 32);
}

static void mcg_status_accepts_only_0(void **state) {
    (void)state;
    assert_reads(MSR_IA32_MCG_STATUS, 0);
    assert_true(msr_write(self, MSR_IA32_MCG_STATUS, 0));
    assert_false(msr_write(self, MSR_IA32_MCG_STATUS, 4));
    assert_reads(MSR_IA32_MCG_STATUS, 0);
}

static void the_mtrrs_belong_to_the_vcpu(void **state) {
    (void)state;
    assert_reads(MSR_IA32_MTRRCAP, 0x508); /* 8 variable ones, fixed ones, WC */
    assert_true(msr_write(self, MSR_IA32_MTRR_DEF_TYPE, 0xc00));
    assert_reads(MSR_IA32_MTRR_DEF_TYPE, 0xc00);
    assert_false(msr_write(self, MSR_IA32_MTRR_DEF_TYPE, 0xc02)); /* no such type */
    assert_true(msr_write(self, MSR_IA32_MTRR_PHYSBASE0, 0x7ffffff006));
    assert_false(msr_write(self, MSR_IA32_MTRR_PHYSBASE0, 1ULL << 39)); /* 39 address bits */
    assert_false(msr_write(self, MSR_IA32_MTRRCAP, 0x508));
    uint64_t before = other->mtrr.default_type;
    assert_int_not_equal(before, 0xc00);
}

/* ---- EFER ---- */

static void efer_accepts_the_bits_of_the_manual(void **state) {
    (void)state;
    machine_protected_mode();
    for (unsigned bit = 0; bit < 64; bit++) {
        bool exists = bit == 0 || bit == 8 || bit == 10 || bit == 11;
        machine_set(VMCS_GUEST_EFER, 0);
        assert_int_equal(msr_write(self, MSR_IA32_EFER, 1ULL << bit), exists);
        if (!exists)
            assert_field(VMCS_GUEST_EFER, 0);
    }
}

static void lma_is_read_only(void **state) {
    (void)state;
    machine_protected_mode();
    assert_true(msr_write(self, MSR_IA32_EFER, EFER_LME | EFER_LMA | EFER_SCE));
    assert_field(VMCS_GUEST_EFER, EFER_LME | EFER_SCE);
    machine_long_mode(vm);
    assert_true(msr_write(self, MSR_IA32_EFER, EFER_LME | EFER_NXE));
    assert_field(VMCS_GUEST_EFER, EFER_LME | EFER_LMA | EFER_NXE);
}

static void lme_does_not_change_while_paging_is_on(void **state) {
    (void)state;
    machine_long_mode(vm);
    assert_false(msr_write(self, MSR_IA32_EFER, EFER_SCE));
    assert_field(VMCS_GUEST_EFER, EFER_LME | EFER_LMA | EFER_NXE);
    machine_protected_mode();
    machine_set(VMCS_GUEST_CR0, machine_get(VMCS_GUEST_CR0) | CR0_PG);
    assert_false(msr_write(self, MSR_IA32_EFER, EFER_LME));
    assert_true(msr_write(self, MSR_IA32_EFER, EFER_NXE));
    assert_field(VMCS_GUEST_EFER, EFER_NXE);
}

/* ---- the TSC: SDM Vol. 3B, "IA32_TSC_ADJUST Register Support" ---- */

static uint64_t guest_tsc(void) {
    return machine.tsc + machine_get(VMCS_TSC_OFFSET);
}

static void a_write_of_the_tsc_moves_the_guests_alone(void **state) {
    (void)state;
    uint64_t before = guest_tsc();
    assert_true(msr_write(self, MSR_IA32_TSC, 5000));
    assert_int_equal(guest_tsc(), 5000);
    assert_reads(MSR_IA32_TSC_ADJUST, 5000 - before);
    machine.tsc += 70;
    assert_int_equal(guest_tsc(), 5070);
    assert_true(msr_write(self, MSR_IA32_TSC, 6070));
    assert_reads(MSR_IA32_TSC_ADJUST, 6000 - before);
    assert_int_equal(machine_count(MACHINE_WRMSR, MACHINE_ANY), 0);
    assert_int_equal(other->tsc_adjust, 0);
}

static void tsc_adjust_moves_the_tsc_by_the_difference(void **state) {
    (void)state;
    uint64_t before = guest_tsc();
    assert_reads(MSR_IA32_TSC_ADJUST, 0);
    assert_true(msr_write(self, MSR_IA32_TSC_ADJUST, 1000));
    assert_int_equal(guest_tsc(), before + 1000);
    assert_true(msr_write(self, MSR_IA32_TSC_ADJUST, (uint64_t)-300));
    assert_int_equal(guest_tsc(), before - 300);
    assert_reads(MSR_IA32_TSC_ADJUST, (uint64_t)-300);
}

static void a_deadline_is_in_the_guests_time(void **state) {
    (void)state;
    assert_reads(MSR_IA32_TSC_DEADLINE, 0);
    assert_true(msr_write(self, MSR_IA32_TSC_DEADLINE, machine.tsc + 100)); /* another mode */
    assert_reads(MSR_IA32_TSC_DEADLINE, 0);
    virq_apic_write(self, APIC_SVR, APIC_SVR_ENABLE | 0xff);
    virq_apic_write(self, APIC_LVT_TIMER, APIC_LVT_TIMER_TSC_DEADLINE | 0x40);
    assert_true(msr_write(self, MSR_IA32_TSC_ADJUST, 1000));
    assert_true(msr_write(self, MSR_IA32_TSC_DEADLINE, guest_tsc() + 500));
    assert_reads(MSR_IA32_TSC_DEADLINE, guest_tsc() + 500);
    assert_int_equal(self->timer_next, machine.tsc + 500);
    assert_true(msr_write(self, MSR_IA32_TSC_ADJUST, 1200)); /* it comes closer */
    assert_int_equal(self->timer_next, machine.tsc + 300);
    machine.tsc += 300;
    assert_reads(MSR_IA32_TSC_DEADLINE, 0);
}

/* ---- all others ---- */

static void any_other_msr_is_a_fault(void **state) {
    static const uint32_t some[] = {0x0,   0x3a, 0x49, 0x17b,      0x1db,      0x38f,
                                    0x480, 0xe1, 0xce, 0xc0000080, 0xc0000104, 0x40000000};
    uint64_t value = 77;

    (void)state;
    for (unsigned i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
        assert_false(msr_read(self, some[i], &value));
        assert_int_equal(value, 77);
        if (some[i] != MSR_IA32_EFER)
            assert_false(msr_write(self, some[i], 0));
    }
    assert_int_equal(machine_count(MACHINE_WRMSR, MACHINE_ANY), 0);
}

static unsigned lines(void) {
    unsigned count = 0;

    for (const char *at = machine.console.text; *at; at++)
        count += *at == '\n';
    return count;
}

static void an_unknown_msr_is_reported_once(void **state) {
    uint64_t value;

    (void)state;
    assert_false(msr_read(self, 0x38f, &value));
    assert_true(machine_says("guest tested: RDMSR of 0x38f: no such MSR, #GP\n"));
    assert_false(msr_read(self, 0x38f, &value));
    assert_false(msr_write(self, 0x38f, 1));
    assert_int_equal(lines(), 1);
    assert_false(msr_write(self, 0, 1)); /* 0 is an MSR number like others */
    assert_true(machine_says("WRMSR of 0x0:"));
    assert_int_equal(lines(), 2);
}

static void a_limited_number_of_unknown_msrs_is_reported(void **state) {
    uint64_t value;

    (void)state;
    for (uint32_t i = 0; i < 2 * VM_LOGGED_MSRS; i++)
        assert_false(msr_read(self, 0xd00 + i, &value));
    assert_int_equal(lines(), VM_LOGGED_MSRS);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up_real_mode)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(every_msr_exits_but_those_that_are_known_to_be_safe),
        TEST(without_rdtscp_there_is_no_tsc_aux),
        TEST(read_only_msrs_describe_a_plain_processor),
        TEST(misc_enable_can_be_written),
        TEST(debugctl_has_btf),
        TEST(the_microcode_has_a_revision),
        TEST(mcg_status_accepts_only_0),
        TEST(the_mtrrs_belong_to_the_vcpu),
        TEST(efer_accepts_the_bits_of_the_manual),
        TEST(lma_is_read_only),
        TEST(lme_does_not_change_while_paging_is_on),
        TEST(a_write_of_the_tsc_moves_the_guests_alone),
        TEST(tsc_adjust_moves_the_tsc_by_the_difference),
        TEST(a_deadline_is_in_the_guests_time),
        TEST(any_other_msr_is_a_fault),
        TEST(an_unknown_msr_is_reported_once),
        TEST(a_limited_number_of_unknown_msrs_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
