/* Guards vmm/vcpu/control_regs.c: what a guest may write to CR0, CR4 and XCR0, and what follows.
 * SDM Vol. 2B, "MOV-Move to/from Control Registers"; Vol. 2D, "XSETBV"; Vol. 3C, "Guest/Host Masks
 * and Read Shadows for CR0 and CR4". */
#include "tests/machine/one_vm.h"
#include "vmm/vcpu/control_regs.h"
#include "vmm/vcpu/guest_cpuid.h"

#define PROTECTED (CR0_PE | CR0_ET)
#define PAGED     (CR0_PE | CR0_ET | CR0_PG)

/* MOV to the register, from RBX. */
static void mov_to(unsigned number, uint64_t value) {
    machine_set(VMCS_GUEST_RIP, START_RIP);
    self->event = 0;
    machine_forget();
    *reg(GUEST_RBX) = value;
    exits(EXIT_REASON_CONTROL_REGISTER, number | GUEST_RBX << CR_EXIT_REGISTER_SHIFT);
}

/* The guest reads what it has written, and VMX operation gets what it needs. */
static void assert_cr0(uint64_t guest) {
    assert_advanced();
    assert_field(VMCS_CR0_READ_SHADOW, guest);
    assert_field(VMCS_GUEST_CR0, (guest & ~(CR0_CD | CR0_NW)) | CR0_NE);
}

static void assert_cr4(uint64_t guest) {
    assert_advanced();
    assert_field(VMCS_CR4_READ_SHADOW, guest);
    assert_field(VMCS_GUEST_CR4, guest | CR4_VMXE | CR4_MCE);
}

/* #GP, and nothing has changed. */
static void assert_refused(unsigned number, uint64_t value) {
    uint64_t cr0 = machine_get(VMCS_GUEST_CR0), cr0_shadow = machine_get(VMCS_CR0_READ_SHADOW);
    uint64_t cr4 = machine_get(VMCS_GUEST_CR4), cr4_shadow = machine_get(VMCS_CR4_READ_SHADOW);
    uint64_t efer = machine_get(VMCS_GUEST_EFER), entry = machine_get(VMCS_ENTRY_CONTROLS);

    mov_to(number, value);
    assert_int_equal(self->event & INTERRUPTION_VECTOR, VECTOR_GP);
    assert_field(VMCS_GUEST_RIP, START_RIP);
    assert_field(VMCS_GUEST_CR0, cr0);
    assert_field(VMCS_CR0_READ_SHADOW, cr0_shadow);
    assert_field(VMCS_GUEST_CR4, cr4);
    assert_field(VMCS_CR4_READ_SHADOW, cr4_shadow);
    assert_field(VMCS_GUEST_EFER, efer);
    assert_field(VMCS_ENTRY_CONTROLS, entry);
    assert_int_equal(machine_count(MACHINE_INVVPID, MACHINE_ANY), 0);
    assert_runs();
}

/* ---- masks ---- */

static void a_bit_that_cannot_harm_others_is_the_guests(void **state) {
    const uint64_t cr0_owned =
        CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_WP | CR0_AM | CR0_PG;
    const uint64_t cr4_owned = CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_PGE |
                               CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE | CR4_FSGSBASE |
                               CR4_SMEP | CR4_SMAP;

    (void)state;
    assert_field(VMCS_CR0_MASK, ~cr0_owned);
    assert_field(VMCS_CR4_MASK, ~cr4_owned);
}

static void a_feature_that_the_processor_lacks_is_not_the_guests(void **state) {
    (void)state;
    *machine_leaf(7, 0) = (struct cpuid_result){.ecx = 1u << 2}; /* UMIP alone */
    host.capabilities.cr4_fixed1 |= CR4_UMIP;
    guest_cpuid_init(host.xcr0, MACHINE_HZ);
    control_regs_set_masks();
    assert_int_equal(machine_get(VMCS_CR4_MASK) & (CR4_FSGSBASE | CR4_SMEP | CR4_SMAP),
                     CR4_FSGSBASE | CR4_SMEP | CR4_SMAP);
    assert_int_equal(machine_get(VMCS_CR4_MASK) & CR4_UMIP, 0);
    assert_refused(4, CR4_SMEP);
    mov_to(4, CR4_UMIP);
    assert_cr4(CR4_UMIP);
}

/* ---- CR0 ---- */

static void caches_stay_on_and_numeric_errors_internal(void **state) {
    (void)state;
    mov_to(0, PROTECTED | CR0_CD | CR0_NW);
    assert_cr0(PROTECTED | CR0_CD | CR0_NW);
    mov_to(0, PROTECTED | CR0_CD);
    assert_cr0(PROTECTED | CR0_CD);
    mov_to(0, PROTECTED | CR0_NE);
    assert_cr0(PROTECTED | CR0_NE);
    mov_to(0, PROTECTED);
    assert_cr0(PROTECTED);
    assert_int_equal(machine_count(MACHINE_INVVPID, MACHINE_ANY), 0);
}

static void cr0_ignores_its_reserved_bits_and_et_is_1(void **state) {
    (void)state;
    mov_to(0, CR0_PE | 1 << 6 | 1 << 15 | 1 << 17 | 1 << 28);
    assert_cr0(PROTECTED);
}

static void invalid_values_of_cr0_fault(void **state) {
    (void)state;
    assert_refused(0, CR0_ET | CR0_PG);    /* paging in real mode */
    assert_refused(0, PROTECTED | CR0_NW); /* not write-through, caches on */
    assert_refused(0, PAGED & ~(uint64_t)CR0_PE);
    machine_long_mode(vm);
    assert_refused(0, PAGED | 1ULL << 32);
    assert_refused(0, PAGED | 1ULL << 63);
}

static void outside_64_bit_mode_the_operand_has_32_bits(void **state) {
    (void)state;
    mov_to(0, 0xffffffff00000000 | PROTECTED | CR0_CD);
    assert_cr0(PROTECTED | CR0_CD);
    mov_to(4, 0xffffffff00000000 | CR4_PGE);
    assert_cr4(CR4_PGE);
}

static void rsp_is_an_operand_like_others(void **state) {
    (void)state;
    machine_set(VMCS_GUEST_RSP, PROTECTED | CR0_CD);
    *reg(GUEST_RSP) = 0;
    exits(EXIT_REASON_CONTROL_REGISTER, GUEST_RSP << CR_EXIT_REGISTER_SHIFT);
    assert_cr0(PROTECTED | CR0_CD);
}

static void an_access_that_is_never_intercepted_ends_the_guest(void **state) {
    (void)state;
    exits(EXIT_REASON_CONTROL_REGISTER, 3);
    assert_killed("unexpected access to CR3");
    set_up_protected_mode(NULL);
    exits(EXIT_REASON_CONTROL_REGISTER, 1 << CR_EXIT_TYPE_SHIFT); /* MOV from CR0 */
    assert_killed("unexpected access to CR0");
}

/* ---- IA-32e mode: SDM Vol. 3A, "Initializing IA-32e Mode" ---- */

static void assert_ia32e(bool on) {
    assert_int_equal(!!(machine_get(VMCS_GUEST_EFER) & EFER_LMA), on);
    assert_int_equal(!!(machine_get(VMCS_ENTRY_CONTROLS) & VM_ENTRY_CONTROL_IA32E_MODE_GUEST), on);
}

static void paging_switches_ia32e_mode_on_and_off(void **state) {
    (void)state;
    machine_set(VMCS_GUEST_EFER, EFER_LME);
    machine_set(VMCS_GUEST_CR4, machine_get(VMCS_GUEST_CR4) | CR4_PAE);
    mov_to(0, PAGED | CR0_NE);
    assert_cr0(PAGED | CR0_NE);
    assert_ia32e(true);
    assert_int_equal(machine_count(MACHINE_INVVPID, vcpu_vpid(self)), 1);
    mov_to(0, PAGED); /* compatibility mode; the mode stays */
    assert_ia32e(true);
    assert_int_equal(machine_count(MACHINE_INVVPID, MACHINE_ANY), 0);
    mov_to(0, PROTECTED | CR0_NE);
    assert_cr0(PROTECTED | CR0_NE);
    assert_ia32e(false);
    assert_field(VMCS_GUEST_EFER, EFER_LME);
    assert_int_equal(machine_count(MACHINE_INVVPID, vcpu_vpid(self)), 1);
}

static void ia32e_mode_needs_pae_and_a_segment_that_is_not_64_bit(void **state) {
    (void)state;
    machine_set(VMCS_GUEST_EFER, EFER_LME);
    assert_refused(0, PAGED);
    machine_set(VMCS_GUEST_CR4, machine_get(VMCS_GUEST_CR4) | CR4_PAE);
    machine_set(VMCS_GUEST_CS_ACCESS_RIGHTS, 0xa09b);
    assert_refused(0, PAGED);
}

static void ia32e_mode_needs_a_task_register_that_is_not_16_bit(void **state) {
    (void)state;
    machine_set(VMCS_GUEST_EFER, EFER_LME);
    machine_set(VMCS_GUEST_CR4, machine_get(VMCS_GUEST_CR4) | CR4_PAE);
    machine_set(VMCS_GUEST_TR_ACCESS_RIGHTS, 0x83);
    assert_refused(0, PAGED | CR0_NE);
    assert_ia32e(false);
    machine_set(VMCS_GUEST_TR_ACCESS_RIGHTS, 0x8b);
    mov_to(0, PAGED | CR0_NE);
    assert_ia32e(true);
}

static void sixty_four_bit_code_cannot_switch_paging_off(void **state) {
    (void)state;
    machine_long_mode(vm);
    assert_refused(0, PROTECTED);
    assert_ia32e(true);
}

static void without_lme_paging_leaves_efer_alone(void **state) {
    (void)state;
    mov_to(0, PAGED);
    assert_cr0(PAGED);
    assert_ia32e(false);
}

/* ---- PAE paging: SDM Vol. 3A, "PDPTE Registers" ---- */

#define PDPT 0x3fe0u /* 32-byte aligned */

static void place_pdptes(uint64_t last) {
    const uint64_t entries[4] = {0x5001, 0x0, 0x6001, last};

    memcpy(vm->ram + PDPT, entries, sizeof(entries));
    machine_set(VMCS_GUEST_CR3, PDPT | 0x18); /* PCD and PWT do not count */
    for (unsigned i = 0; i < 4; i++)
        machine_set(VMCS_GUEST_PDPTE0 + 2 * i, 0xbad);
}

static void assert_pdptes(uint64_t first, uint64_t second, uint64_t third, uint64_t last) {
    assert_field(VMCS_GUEST_PDPTE0, first);
    assert_field(VMCS_GUEST_PDPTE1, second);
    assert_field(VMCS_GUEST_PDPTE2, third);
    assert_field(VMCS_GUEST_PDPTE3, last);
}

static void pae_paging_loads_its_top_table(void **state) {
    (void)state;
    place_pdptes(0x7fffff7019);
    mov_to(4, CR4_PAE);
    assert_cr4(CR4_PAE);
    assert_pdptes(0xbad, 0xbad, 0xbad, 0xbad); /* paging is off */
    mov_to(0, PAGED);
    assert_cr0(PAGED);
    assert_pdptes(0x5001, 0, 0x6001, 0x7fffff7019);
    place_pdptes(0x8001);
    mov_to(4, CR4_PAE | CR4_PGE);
    assert_pdptes(0x5001, 0, 0x6001, 0x8001);
}

static void a_reserved_bit_in_a_present_pdpte_faults(void **state) {
    (void)state;
    machine_set(VMCS_GUEST_CR4, machine_get(VMCS_GUEST_CR4) | CR4_PAE);
    for (unsigned bit = 1; bit < 64; bit++) {
        bool reserved = bit == 1 || bit == 2 || (bit >= 5 && bit <= 8) || bit >= 39;
        place_pdptes(1 | 1ULL << bit);
        if (reserved) {
            assert_refused(0, PAGED);
            assert_pdptes(0xbad, 0xbad, 0xbad, 0xbad);
        } else {
            mov_to(0, PAGED);
            assert_cr0(PAGED);
            mov_to(0, PROTECTED);
        }
        place_pdptes(1ULL << bit); /* not present */
        mov_to(0, PAGED);
        assert_cr0(PAGED);
        mov_to(0, PROTECTED);
    }
}

static void a_top_table_outside_ram_faults(void **state) {
    (void)state;
    machine_set(VMCS_GUEST_CR4, machine_get(VMCS_GUEST_CR4) | CR4_PAE);
    machine_set(VMCS_GUEST_CR3, vm->ram_size);
    assert_refused(0, PAGED);
    machine_set(VMCS_GUEST_CR3, vm->ram_size - 32);
    mov_to(0, PAGED);
    assert_cr0(PAGED);
    machine_set(VMCS_GUEST_CR3, 0xffffffe0);
    assert_refused(4, CR4_PAE | CR4_PGE);
}

/* ---- CR4 ---- */

static void machine_checks_stay_enabled(void **state) {
    (void)state;
    mov_to(4, CR4_MCE | CR4_DE);
    assert_cr4(CR4_MCE | CR4_DE);
    mov_to(4, CR4_DE);
    assert_cr4(CR4_DE);
}

static void features_that_are_not_offered_fault(void **state) {
    const unsigned offered[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 16, 18, 20, 21};
    uint64_t bits = 0;

    (void)state;
    for (unsigned i = 0; i < sizeof(offered) / sizeof(offered[0]); i++)
        bits |= 1ULL << offered[i];
    machine_long_mode(vm);
    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t value = CR4_PAE | 1ULL << bit;
        if (bits >> bit & 1) {
            mov_to(4, value);
            assert_cr4(value);
        } else { /* VMXE, SMXE, PCIDE, LA57, PKE and so on, and what does not exist */
            assert_refused(4, value);
        }
    }
}

static void ia32e_mode_needs_pae(void **state) {
    (void)state;
    machine_long_mode(vm);
    assert_refused(4, CR4_PGE);
}

static void a_change_of_translation_flushes_the_vcpus_own(void **state) {
    static const uint64_t flushing[] = {CR4_PSE, CR4_PGE, CR4_PAE, CR4_SMEP, CR4_SMAP};
    static const uint64_t harmless[] = {CR4_DE, CR4_TSD, CR4_OSFXSR, CR4_MCE};

    (void)state;
    for (unsigned i = 0; i < sizeof(flushing) / sizeof(flushing[0]); i++) {
        mov_to(4, flushing[i]);
        assert_int_equal(machine_count(MACHINE_INVVPID, vcpu_vpid(self)), 1);
        mov_to(4, 0);
        assert_int_equal(machine_count(MACHINE_INVVPID, MACHINE_ANY), 1);
    }
    for (unsigned i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
        mov_to(4, harmless[i]);
        assert_int_equal(machine_count(MACHINE_INVVPID, MACHINE_ANY), 0);
    }
}

/* ---- XCR0 ---- */

static void xsetbv_to(uint32_t index, uint64_t value) {
    machine_set(VMCS_GUEST_RIP, START_RIP);
    self->event = 0;
    *reg(GUEST_RCX) = 0xabcdef0000000000 | index;
    *reg(GUEST_RAX) = 0xabcdef0000000000 | (uint32_t)value;
    *reg(GUEST_RDX) = 0xabcdef0000000000 | value >> 32;
    exits(EXIT_REASON_XSETBV, 0);
}

static void xcr0_takes_the_components_that_guests_may_use(void **state) {
    static const uint64_t valid[] = {7, 3, 1};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        xsetbv_to(0, valid[i]);
        assert_advanced();
        assert_int_equal(machine.xcr0, valid[i]);
        assert_int_equal(self->registers.xcr0, valid[i]);
    }
}

static void invalid_values_of_xcr0_fault(void **state) {
    static const uint64_t invalid[] = {
        0,                               /* the x87 state is always enabled */
        6,          XCR0_X87 | XCR0_AVX, /* AVX without SSE */
        7 | 1 << 3,                      /* MPX, AVX-512, protection keys: not offered */
        7 | 1 << 5, 7 | 7 << 5,          7 | 1 << 9, 7 | 1ULL << 32, 7 | 1ULL << 63,
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
        xsetbv_to(0, invalid[i]);
        assert_faults_with_code(VECTOR_GP, 0);
        assert_int_equal(machine.xcr0, XCR0_X87);
        assert_int_equal(self->registers.xcr0, XCR0_X87);
    }
    xsetbv_to(1, 7);
    assert_faults_with_code(VECTOR_GP, 0);
}

static void a_component_that_the_machine_lacks_faults(void **state) {
    (void)state;
    host.xcr0 = XCR0_X87 | XCR0_SSE;
    xsetbv_to(0, 7);
    assert_faults_with_code(VECTOR_GP, 0);
    xsetbv_to(0, 3);
    assert_advanced();
}

#define TEST(name) cmocka_unit_test_setup(name, set_up_protected_mode)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_bit_that_cannot_harm_others_is_the_guests),
        TEST(a_feature_that_the_processor_lacks_is_not_the_guests),
        TEST(caches_stay_on_and_numeric_errors_internal),
        TEST(cr0_ignores_its_reserved_bits_and_et_is_1),
        TEST(invalid_values_of_cr0_fault),
        TEST(outside_64_bit_mode_the_operand_has_32_bits),
        TEST(rsp_is_an_operand_like_others),
        TEST(an_access_that_is_never_intercepted_ends_the_guest),
        TEST(paging_switches_ia32e_mode_on_and_off),
        TEST(ia32e_mode_needs_pae_and_a_segment_that_is_not_64_bit),
        TEST(ia32e_mode_needs_a_task_register_that_is_not_16_bit),
        TEST(sixty_four_bit_code_cannot_switch_paging_off),
        TEST(without_lme_paging_leaves_efer_alone),
        TEST(pae_paging_loads_its_top_table),
        TEST(a_reserved_bit_in_a_present_pdpte_faults),
        TEST(a_top_table_outside_ram_faults),
        TEST(machine_checks_stay_enabled),
        TEST(features_that_are_not_offered_fault),
        TEST(ia32e_mode_needs_pae),
        TEST(a_change_of_translation_flushes_the_vcpus_own),
        TEST(xcr0_takes_the_components_that_guests_may_use),
        TEST(invalid_values_of_xcr0_fault),
        TEST(a_component_that_the_machine_lacks_faults),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
