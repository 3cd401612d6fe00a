/* Guards arch/vmx/vmx_controls.c: the control words, and that each missing feature is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/control_registers.h"
#include "arch/msr.h"
#include "arch/vmx/vmcs.h"
#include "tests/unit/processor.h"

#define MAX 64

/* Exactly one thing is missing, and this is its name. */
static void only_missing(const struct vmx_capabilities *c, const char *name) {
    struct vmx_missing missing[MAX];
    struct vmx_controls controls = {1, 1, 1, 1, 1};

    assert_int_equal(vmx_missing(c, missing, MAX), 1);
    assert_string_equal(missing[0].name, name);
    assert_true(strlen(missing[0].purpose) > 5);
    assert_false(vmx_choose_controls(c, VMX_APIC_XAPIC, false, false, &controls));
    assert_int_equal(controls.pin | controls.primary | controls.secondary, 0);
    assert_int_equal(controls.exit | controls.entry, 0);
}

static void a_broadwell_lacks_nothing(void **state) {
    struct vmx_capabilities c = broadwell();

    (void)state;
    assert_int_equal(vmx_missing(&c, NULL, 0), 0);
}

static void the_control_words_for_xapic_mode(void **state) {
    struct vmx_capabilities c = broadwell();
    struct vmx_controls controls;

    (void)state;
    assert_true(vmx_choose_controls(&c, VMX_APIC_XAPIC, false, false, &controls));
    assert_int_equal(controls.pin, 0x16 | 0x69);
    assert_int_equal(controls.primary, 0x04006172 | 1u << 3 | 1u << 7 | 1u << 10 | 1u << 11 |
                                           1u << 21 | 1u << 25 | 1u << 28 | 1u << 29 | 1u << 31);
    assert_int_equal(controls.secondary,
                     0x1 | 0x2 | 0x8 | 0x20 | 0x40 | 0x80 | 0x100 | 0x200 | 0x8000);
    assert_int_equal(controls.exit, 0x36dfb | 0x4 | 0x200 | 0x1f << 18);
    assert_int_equal(controls.entry, 0x11fb | 0x4 | 0x4000 | 0x8000);
}

static void the_apic_mode_selects_one_of_two_controls(void **state) {
    uint32_t both = SECONDARY_VIRTUALIZE_APIC_ACCESSES | SECONDARY_VIRTUALIZE_X2APIC_MODE;
    struct vmx_capabilities c = broadwell();
    struct vmx_controls xapic, x2apic, disabled, hidden;

    (void)state;
    assert_true(vmx_choose_controls(&c, VMX_APIC_XAPIC, false, false, &xapic));
    assert_true(vmx_choose_controls(&c, VMX_APIC_X2APIC, false, false, &x2apic));
    assert_true(vmx_choose_controls(&c, VMX_APIC_X2APIC_EXITING, false, false, &disabled));
    assert_true(vmx_choose_controls(&c, VMX_APIC_HIDDEN, false, false, &hidden));
    assert_int_equal(xapic.secondary & both, SECONDARY_VIRTUALIZE_APIC_ACCESSES);
    assert_int_equal(x2apic.secondary & both, SECONDARY_VIRTUALIZE_X2APIC_MODE);
    assert_int_equal(disabled.secondary, x2apic.secondary);
    assert_int_equal(hidden.secondary & both, 0);
    assert_int_equal(xapic.secondary & ~both, x2apic.secondary & ~both);
    assert_int_equal(xapic.secondary & ~both, hidden.secondary & ~both);
}

static void no_word_has_a_bit_that_the_processor_forbids(void **state) {
    struct vmx_capabilities c = broadwell();
    struct vmx_controls w;

    (void)state;
    assert_true(vmx_choose_controls(&c, VMX_APIC_X2APIC, false, false, &w));
    assert_int_equal(w.pin & ~(uint32_t)(c.true_pinbased >> 32), 0);
    assert_int_equal(w.primary & ~(uint32_t)(c.true_procbased >> 32), 0);
    assert_int_equal(w.secondary & ~(uint32_t)(c.procbased2 >> 32), 0);
    assert_int_equal(w.exit & ~(uint32_t)(c.true_exit >> 32), 0);
    assert_int_equal(w.entry & ~(uint32_t)(c.true_entry >> 32), 0);
}

static void bits_that_must_be_one_are_one(void **state) {
    struct vmx_capabilities c = broadwell();
    struct vmx_controls w;

    (void)state;
    c.true_pinbased |= 1u << 1 | 1ull << 60 | 1u << 28;
    c.procbased2 |= 1u << 18 | 1ull << 50;
    assert_true(vmx_choose_controls(&c, VMX_APIC_XAPIC, false, false, &w));
    assert_true(w.pin & 1u << 28);
    assert_true(w.secondary & 1u << 18);
}

static void an_optional_instruction_follows_cpuid_and_the_msr(void **state) {
    struct vmx_capabilities c = broadwell();
    struct vmx_controls w;

    (void)state;
    c.rdtscp = false;
    assert_true(vmx_choose_controls(&c, VMX_APIC_XAPIC, false, false, &w));
    assert_int_equal(w.secondary & SECONDARY_ENABLE_RDTSCP, 0);
    c = broadwell();
    c.procbased2 &= ~((uint64_t)SECONDARY_ENABLE_RDTSCP << 32);
    assert_true(vmx_choose_controls(&c, VMX_APIC_XAPIC, false, false, &w));
    assert_int_equal(w.secondary & SECONDARY_ENABLE_RDTSCP, 0);
}

static void the_timer_is_saved_where_the_processor_can(void **state) {
    struct vmx_capabilities c = broadwell();
    struct vmx_controls w;

    (void)state;
    assert_true(vmx_choose_controls(&c, VMX_APIC_XAPIC, false, false, &w));
    assert_true(w.exit & VM_EXIT_CONTROL_SAVE_PREEMPTION_TIMER);
    c.true_exit &= ~((uint64_t)VM_EXIT_CONTROL_SAVE_PREEMPTION_TIMER << 32);
    assert_int_equal(vmx_missing(&c, NULL, 0), 0);
    assert_true(vmx_choose_controls(&c, VMX_APIC_XAPIC, false, false, &w));
    assert_false(w.exit & VM_EXIT_CONTROL_SAVE_PREEMPTION_TIMER);
}

static void pause_loops_exit_only_if_vcpus_share_a_cpu(void **state) {
    struct vmx_capabilities c = broadwell();
    struct vmx_controls alone, shared;

    (void)state;
    assert_true(vmx_choose_controls(&c, VMX_APIC_XAPIC, false, false, &alone));
    assert_true(vmx_choose_controls(&c, VMX_APIC_XAPIC, false, true, &shared));
    assert_int_equal(alone.secondary ^ shared.secondary, SECONDARY_PAUSE_LOOP_EXITING);
    assert_int_equal(shared.secondary & SECONDARY_PAUSE_LOOP_EXITING, 1u << 10);
    assert_int_equal(shared.primary, alone.primary);
}

static void pause_loop_exiting_is_optional(void **state) {
    struct vmx_capabilities c = broadwell();
    struct vmx_controls w;

    (void)state;
    c.procbased2 &= ~((uint64_t)SECONDARY_PAUSE_LOOP_EXITING << 32);
    assert_true(vmx_choose_controls(&c, VMX_APIC_XAPIC, false, true, &w));
    assert_int_equal(w.secondary & SECONDARY_PAUSE_LOOP_EXITING, 0);
}

/* The controls that must be 1, by word, with the name that a user reads if one cannot be. */
static const struct {
    size_t word;
    uint32_t bit;
    const char *name;
} wanted[] = {
#define IN(member) offsetof(struct vmx_capabilities, member)
    {IN(true_pinbased), PIN_EXTERNAL_INTERRUPT_EXITING, "external-interrupt exiting"},
    {IN(true_pinbased), PIN_NMI_EXITING, "NMI exiting"},
    {IN(true_pinbased), PIN_VIRTUAL_NMIS, "virtual NMIs"},
    {IN(true_pinbased), PIN_PREEMPTION_TIMER, "VMX-preemption timer"},
    {IN(true_procbased), PRIMARY_HLT_EXITING, "HLT exiting"},
    {IN(true_procbased), PRIMARY_MWAIT_EXITING, "MWAIT exiting"},
    {IN(true_procbased), PRIMARY_MONITOR_EXITING, "MONITOR exiting"},
    {IN(true_procbased), PRIMARY_RDPMC_EXITING, "RDPMC exiting"},
    {IN(true_procbased), PRIMARY_USE_TPR_SHADOW, "use TPR shadow"},
    {IN(true_procbased), PRIMARY_USE_IO_BITMAPS, "use I/O bitmaps"},
    {IN(true_procbased), PRIMARY_USE_MSR_BITMAPS, "use MSR bitmaps"},
    {IN(true_procbased), PRIMARY_ACTIVATE_SECONDARY_CONTROLS, "activate secondary controls"},
    {IN(procbased2), SECONDARY_ENABLE_EPT, "enable EPT"},
    {IN(procbased2), SECONDARY_ENABLE_VPID, "enable VPID"},
    {IN(procbased2), SECONDARY_UNRESTRICTED_GUEST, "unrestricted guest"},
    {IN(procbased2), SECONDARY_WBINVD_EXITING, "WBINVD exiting"},
    {IN(true_exit), VM_EXIT_CONTROL_HOST_ADDRESS_SPACE_SIZE, "host address-space size"},
    {IN(true_exit), VM_EXIT_CONTROL_SAVE_DEBUG_CONTROLS, "save debug controls"},
    {IN(true_exit), VM_EXIT_CONTROL_SAVE_PAT, "save IA32_PAT"},
    {IN(true_exit), VM_EXIT_CONTROL_LOAD_PAT, "load IA32_PAT on exits"},
    {IN(true_exit), VM_EXIT_CONTROL_SAVE_EFER, "save IA32_EFER"},
    {IN(true_exit), VM_EXIT_CONTROL_LOAD_EFER, "load IA32_EFER on exits"},
    {IN(true_entry), VM_ENTRY_CONTROL_LOAD_DEBUG_CONTROLS, "load debug controls"},
    {IN(true_entry), VM_ENTRY_CONTROL_LOAD_PAT, "load IA32_PAT on entries"},
    {IN(true_entry), VM_ENTRY_CONTROL_LOAD_EFER, "load IA32_EFER on entries"},
};

static void each_control_that_cannot_be_set_is_named(void **state) {
    (void)state;
    for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        struct vmx_capabilities c = broadwell();
        *(uint64_t *)((char *)&c + wanted[i].word) &= ~((uint64_t)wanted[i].bit << 32);
        only_missing(&c, wanted[i].name);
    }
}

static void each_control_that_cannot_be_cleared_is_named(void **state) {
    static const struct {
        size_t word;
        uint32_t bit;
        const char *name;
    } unwanted[] = {
        {IN(true_procbased), PRIMARY_INVLPG_EXITING, "INVLPG without exiting"},
        {IN(true_procbased), PRIMARY_CR3_LOAD_EXITING, "CR3 load without exiting"},
        {IN(true_procbased), PRIMARY_CR3_STORE_EXITING, "CR3 store without exiting"},
        {IN(true_exit), VM_EXIT_CONTROL_ACKNOWLEDGE_INTERRUPT, "exits without acknowledging"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++) {
        struct vmx_capabilities c = broadwell();
        *(uint64_t *)((char *)&c + unwanted[i].word) |= unwanted[i].bit;
        only_missing(&c, unwanted[i].name);
    }
}

/* Without one of these the hypervisor delivers interrupts. */
static void only_delivery_is_missing(const struct vmx_capabilities *c, const char *name) {
    struct vmx_controls controls;

    assert_int_equal(vmx_missing(c, NULL, 0), 0);
    assert_string_equal(vmx_delivery_missing(c), name);
    for (enum vmx_apic_mode mode = VMX_APIC_XAPIC; mode < VMX_APIC_SOFTWARE; mode++)
        assert_false(vmx_choose_controls(c, mode, false, false, &controls));
    assert_true(vmx_choose_controls(c, VMX_APIC_SOFTWARE, false, false, &controls));
    assert_int_equal(controls.secondary & ~(uint32_t)(c->procbased2 >> 32), 0);
}

static void each_control_for_delivery_is_named(void **state) {
    static const struct {
        uint32_t bit;
        const char *name;
    } delivery[] = {
        {SECONDARY_APIC_REGISTER_VIRTUALIZATION, "APIC-register virtualization"},
        {SECONDARY_VIRTUAL_INTERRUPT_DELIVERY, "virtual-interrupt delivery"},
        {SECONDARY_VIRTUALIZE_APIC_ACCESSES, "virtualize APIC accesses"},
        {SECONDARY_VIRTUALIZE_X2APIC_MODE, "virtualize x2APIC mode"},
    };
    struct vmx_capabilities c = broadwell();

    (void)state;
    assert_null(vmx_delivery_missing(&c));
    for (unsigned i = 0; i < sizeof(delivery) / sizeof(delivery[0]); i++) {
        c = broadwell();
        c.procbased2 &= ~((uint64_t)delivery[i].bit << 32);
        only_delivery_is_missing(&c, delivery[i].name);
    }
    /* The processor forbids both at once, so each must be allowed to be 0. */
    for (unsigned i = 2; i < sizeof(delivery) / sizeof(delivery[0]); i++) {
        c = broadwell();
        c.procbased2 |= delivery[i].bit;
        assert_string_equal(vmx_delivery_missing(&c), delivery[i].name);
    }
}

static void delivery_in_software_uses_none_of_its_controls(void **state) {
    uint32_t delivery = SECONDARY_APIC_REGISTER_VIRTUALIZATION |
                        SECONDARY_VIRTUAL_INTERRUPT_DELIVERY | SECONDARY_VIRTUALIZE_APIC_ACCESSES |
                        SECONDARY_VIRTUALIZE_X2APIC_MODE;
    struct vmx_capabilities c = broadwell();
    struct vmx_controls software, hidden;

    (void)state;
    assert_true(vmx_choose_controls(&c, VMX_APIC_SOFTWARE, false, false, &software));
    assert_true(vmx_choose_controls(&c, VMX_APIC_HIDDEN, false, false, &hidden));
    assert_int_equal(software.secondary & delivery, 0);
    assert_int_equal(software.secondary, hidden.secondary & ~delivery);
    assert_int_equal(software.primary, hidden.primary);
    assert_true(software.primary & PRIMARY_USE_TPR_SHADOW);
}

static void each_missing_capability_of_ept_and_vpid_is_named(void **state) {
    static const struct {
        uint64_t bit;
        const char *name;
    } abilities[] = {
        {EPT_VPID_CAP_WALK_4, "EPT page walk of length 4"},
        {EPT_VPID_CAP_WB, "EPT paging structures of type WB"},
        {EPT_VPID_CAP_2M, "EPT pages of 2 MiB"},
        {EPT_VPID_CAP_INVEPT, "INVEPT"},
        {EPT_VPID_CAP_INVEPT_SINGLE, "single-context INVEPT"},
        {EPT_VPID_CAP_INVVPID, "INVVPID"},
        {EPT_VPID_CAP_INVVPID_SINGLE, "single-context INVVPID"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(abilities) / sizeof(abilities[0]); i++) {
        struct vmx_capabilities c = broadwell();
        c.ept_vpid &= ~abilities[i].bit;
        only_missing(&c, abilities[i].name);
    }
}

static void without_vmx_only_that_is_missing(void **state) {
    struct vmx_capabilities c = {0};

    (void)state;
    only_missing(&c, "VMX");
}

static void feature_control_locked_without_vmx_is_named(void **state) {
    struct vmx_capabilities c = broadwell();

    (void)state;
    c.feature_control = FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX_INSIDE_SMX;
    only_missing(&c, "VMX outside SMX");
    c.feature_control = 0; /* unlocked: the hypervisor sets it */
    assert_int_equal(vmx_missing(&c, NULL, 0), 0);
}

static void the_vmx_basic_msr_is_checked(void **state) {
    struct vmx_capabilities c = broadwell();

    (void)state;
    c.basic |= VMX_BASIC_32BIT_ADDRESSES;
    only_missing(&c, "VMX regions above 4 GiB");
    c = broadwell();
    c.basic &= ~(VMX_BASIC_MEMORY_TYPE_MASK << VMX_BASIC_MEMORY_TYPE_SHIFT);
    only_missing(&c, "VMX regions of type WB");
}

/* Without the TRUE MSRs the others count, which report that CR3 accesses always exit. */
static void without_true_msrs_the_others_count(void **state) {
    struct vmx_capabilities c = broadwell();
    struct vmx_missing missing[MAX];

    (void)state;
    c.basic &= ~VMX_BASIC_TRUE_CONTROLS;
    assert_int_equal(vmx_missing(&c, missing, MAX), 2);
    assert_string_equal(missing[0].name, "CR3 load without exiting");
    assert_string_equal(missing[1].name, "CR3 store without exiting");
    assert_true(vmx_capability(&c, VMX_PIN) == c.pinbased);
    assert_true(vmx_capability(&c, VMX_PRIMARY) == c.procbased);
    assert_true(vmx_capability(&c, VMX_EXIT) == c.exit);
    assert_true(vmx_capability(&c, VMX_ENTRY) == c.entry);
}

/* A Sandy Bridge has VMX, EPT and unrestricted guest, but of the virtual APIC only the TPR shadow
 * and "virtualize APIC accesses"; a Nehalem has no unrestricted guest either. */
static void old_processors(void **state) {
    struct vmx_capabilities c = broadwell();

    (void)state;
    c.procbased2 = 0x000004ff00000000;
    only_delivery_is_missing(&c, "virtual-interrupt delivery");
    c.procbased2 = 0x0000007f00000000;
    only_missing(&c, "unrestricted guest");
}

static void the_list_is_limited_but_counts_all(void **state) {
    struct vmx_capabilities c = broadwell();
    struct vmx_missing missing[3] = {{"untouched", ""}, {"untouched", ""}, {"untouched", ""}};

    (void)state;
    c.procbased2 = 0;
    assert_int_equal(vmx_missing(&c, missing, 2), 4);
    assert_string_equal(missing[0].name, "enable EPT");
    assert_string_equal(missing[1].name, "enable VPID");
    assert_string_equal(missing[2].name, "untouched");
}

static void fixed_bits_of_cr0_and_cr4(void **state) {
    struct vmx_capabilities c = broadwell();

    (void)state;
    assert_true(vmx_host_cr0(&c, 0) == (CR0_PE | CR0_NE | CR0_PG));
    assert_true(vmx_guest_cr0(&c, 0) == CR0_NE);
    assert_true(vmx_guest_cr0(&c, CR0_PE | CR0_WP) == (CR0_PE | CR0_NE | CR0_WP));
    assert_true(vmx_cr4(&c, CR4_PAE) == (CR4_PAE | CR4_VMXE));
    assert_true(vmx_cr4(&c, CR4_LA57 | CR4_PKE) == CR4_VMXE);
    assert_true(vmx_host_cr0(&c, 1ull << 40) == (CR0_PE | CR0_NE | CR0_PG));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broadwell_lacks_nothing),
        cmocka_unit_test(the_control_words_for_xapic_mode),
        cmocka_unit_test(the_apic_mode_selects_one_of_two_controls),
        cmocka_unit_test(no_word_has_a_bit_that_the_processor_forbids),
        cmocka_unit_test(bits_that_must_be_one_are_one),
        cmocka_unit_test(an_optional_instruction_follows_cpuid_and_the_msr),
        cmocka_unit_test(the_timer_is_saved_where_the_processor_can),
        cmocka_unit_test(pause_loops_exit_only_if_vcpus_share_a_cpu),
        cmocka_unit_test(pause_loop_exiting_is_optional),
        cmocka_unit_test(each_control_that_cannot_be_set_is_named),
        cmocka_unit_test(each_control_that_cannot_be_cleared_is_named),
        cmocka_unit_test(each_control_for_delivery_is_named),
        cmocka_unit_test(delivery_in_software_uses_none_of_its_controls),
        cmocka_unit_test(each_missing_capability_of_ept_and_vpid_is_named),
        cmocka_unit_test(without_vmx_only_that_is_missing),
        cmocka_unit_test(feature_control_locked_without_vmx_is_named),
        cmocka_unit_test(the_vmx_basic_msr_is_checked),
        cmocka_unit_test(without_true_msrs_the_others_count),
        cmocka_unit_test(old_processors),
        cmocka_unit_test(the_list_is_limited_but_counts_all),
        cmocka_unit_test(fixed_bits_of_cr0_and_cr4),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
