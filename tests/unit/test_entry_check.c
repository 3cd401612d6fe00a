/* Guards the VM-entry checker: valid guests pass, and each violated rule on controls and host state
 * is named. */
#include "tests/unit/entry_check_cases.h"

static void valid_guests_pass(void **state) {
    (void)state;
    PASSES(real_mode_image, (void)0);
    PASSES(protected_image, (void)0);
    PASSES(long_mode_image, (void)0);
    PASSES(v8086_image, (void)0);
    PASSES(paged_image, (void)0);
}

static void valid_variations_pass(void **state) {
    (void)state;
    PASSES(real_mode_image, v.guest_cr0 |= CR0_CD | CR0_NW);
    PASSES(real_mode_image, v.cs.access_rights = DATA_16);
    PASSES(real_mode_image, v.tr.access_rights = 0x83);
    PASSES(protected_image, v.ds.access_rights = v.es.access_rights = ACCESS_RIGHTS_UNUSABLE);
    PASSES(protected_image, v.guest_efer = EFER_LME | EFER_NXE);
    PASSES(long_mode_image, v.ss.access_rights = ACCESS_RIGHTS_UNUSABLE);
    PASSES(long_mode_image, v.guest_activity = ACTIVITY_HLT);
    PASSES(long_mode_image, v.guest_interruptibility = INTERRUPTIBILITY_STI);
    PASSES(long_mode_image, v.guest_interruptibility = INTERRUPTIBILITY_NMI);
    PASSES(long_mode_image, NEW_INJECTION(INTERRUPTION_EXTERNAL, 0x30));
    PASSES(long_mode_image, NEW_INJECTION(INTERRUPTION_NMI, 2));
    PASSES(long_mode_image, NEW_INJECTION(INTERRUPTION_HARDWARE_EXCEPTION, 6));
    PASSES(long_mode_image,
           NEW_INJECTION(INTERRUPTION_HARDWARE_EXCEPTION, 13 | INTERRUPTION_ERROR_CODE));
    PASSES(real_mode_image, NEW_INJECTION(INTERRUPTION_HARDWARE_EXCEPTION, 13));
    PASSES(long_mode_image,
           (NEW_INJECTION(INTERRUPTION_SOFTWARE_EXCEPTION, 3), v.entry_instruction_length = 1));
    PASSES(long_mode_image, v.entry_interruption_information = 0x7ffff7ff); /* not valid */
    PASSES(long_mode_image,
           (v.guest_rflags |= RFLAGS_TF, v.guest_interruptibility = INTERRUPTIBILITY_MOV_SS,
            v.guest_pending_debug = PENDING_DEBUG_BS));
    PASSES(long_mode_image, v.ept_pointer |= 1 << 6);
    PASSES(long_mode_image, (v.secondary_controls ^=
                             SECONDARY_VIRTUALIZE_APIC_ACCESSES | SECONDARY_VIRTUALIZE_X2APIC_MODE,
                             v.apic_access_address = 0x123));
    PASSES(long_mode_image, v.secondary_controls |= SECONDARY_PAUSE_LOOP_EXITING);
    PASSES(paged_image, (v.guest_cr4 |= CR4_PAE, v.guest_pdpte[0] = 0x1001));
    PASSES(paged_image, (v.guest_cr4 |= CR4_PAE, v.guest_pdpte[0] = 0x1e6));
    PASSES(long_mode_image, v.guest_pdpte[0] = 0x1e7);
}

static void reserved_bits_of_the_controls(void **state) {
    (void)state;
    BREAKS(protected_image, v.pin_based_controls &= ~2ull, "pin-based VM-execution controls",
           "must be 1 is 0");
    BREAKS(protected_image, v.pin_based_controls |= 1u << 9, "pin-based VM-execution controls",
           "requires to be 0");
    BREAKS(protected_image, v.primary_controls &= ~(1ull << 13),
           "primary processor-based VM-execution controls", "must be 1 is 0");
    BREAKS(protected_image, v.primary_controls |= 1,
           "primary processor-based VM-execution controls", "requires to be 0");
    BREAKS(protected_image, v.secondary_controls |= 1ull << 29,
           "secondary processor-based VM-execution controls", "requires to be 0");
    BREAKS(protected_image, c.procbased2 |= 1u << 10,
           "secondary processor-based VM-execution controls", "must be 1 is 0");
    BREAKS(protected_image,
           (c.procbased2 &= ~(1ull << 42), v.secondary_controls |= SECONDARY_PAUSE_LOOP_EXITING),
           "secondary processor-based VM-execution controls", "requires to be 0");
    BREAKS(protected_image, v.exit_controls &= ~1ull, "VM-exit controls", "must be 1 is 0");
    BREAKS(protected_image, v.exit_controls |= 1ull << 27, "VM-exit controls", "requires to be 0");
    BREAKS(protected_image, v.entry_controls &= ~1ull, "VM-entry controls", "must be 1 is 0");
    BREAKS(protected_image, v.entry_controls |= 1ull << 30, "VM-entry controls",
           "requires to be 0");
}

/* Bits that the processor allows and vmx_choose_controls() does not set. */
static void a_control_that_pinwheel_does_not_set_is_refused(void **state) {
    static const char differs[] = "differs from the value that Pinwheel uses";

    (void)state;
    BREAKS(protected_image, v.primary_controls |= 1u << 12,
           "primary processor-based VM-execution controls", differs); /* RDTSC exiting */
    BREAKS(protected_image, v.secondary_controls |= 1u << 14,
           "secondary processor-based VM-execution controls", differs); /* VMCS shadowing */
    BREAKS(protected_image, v.secondary_controls |= 1u << 13,
           "secondary processor-based VM-execution controls", differs); /* VM functions */
    BREAKS(protected_image, v.exit_controls |= 1u << 12, "VM-exit controls", differs);
    BREAKS(protected_image, v.entry_controls |= 1u << 10, "VM-entry controls", differs); /* SMM */
    BREAKS(protected_image, v.entry_controls |= 1u << 11, "VM-entry controls", differs);
    BREAKS(protected_image, v.entry_controls |= 1u << 13, "VM-entry controls", differs);
}

/* As the hypervisor runs a guest with posted interrupts. */
static void start_posted(void) {
    start(protected_image());
    c.true_pinbased |= (uint64_t)PIN_PROCESS_POSTED_INTERRUPTS << 32;
    v.pin_based_controls |= PIN_PROCESS_POSTED_INTERRUPTS;
    v.exit_controls |= VM_EXIT_CONTROL_ACKNOWLEDGE_INTERRUPT;
    v.posted_vector = 0xf1;
    v.posted_descriptor = 0x12340;
}

static void the_rules_of_posted_interrupts(void **state) {
    (void)state;
    start_posted();
    passes();
    start_posted();
    v.pin_based_controls &= ~(uint64_t)PIN_PROCESS_POSTED_INTERRUPTS;
    passes(); /* the exits go on acknowledging interrupts */
    v.posted_vector = v.posted_descriptor = ~0ULL;
    passes();
    start_posted();
    v.secondary_controls &=
        ~(uint64_t)(SECONDARY_VIRTUAL_INTERRUPT_DELIVERY | SECONDARY_APIC_REGISTER_VIRTUALIZATION |
                    SECONDARY_VIRTUALIZE_APIC_ACCESSES);
    breaks_among(1, "pin-based VM-execution controls", "requires virtual-interrupt delivery");
    start_posted();
    v.exit_controls &= ~(uint64_t)VM_EXIT_CONTROL_ACKNOWLEDGE_INTERRUPT;
    breaks_among(1, "VM-exit controls", "requires acknowledge interrupt on exit");
    start_posted();
    v.posted_vector = 0x100;
    breaks_among(1, "posted-interrupt notification vector", "bits 15:8 must be 0");
    start_posted();
    v.posted_descriptor |= 0x20;
    breaks_among(1, "posted-interrupt descriptor address", "64-byte-aligned");
    start_posted();
    v.posted_descriptor = 1ULL << c.physical_bits;
    breaks_among(1, "posted-interrupt descriptor address", "physical");
}

static void a_control_that_pinwheel_sets_must_be_1(void **state) {
    static const char differs[] = "differs from the value that Pinwheel uses";
    uint32_t pin[] = {PIN_EXTERNAL_INTERRUPT_EXITING, PIN_NMI_EXITING, PIN_VIRTUAL_NMIS,
                      PIN_PREEMPTION_TIMER};
    uint32_t primary[] = {PRIMARY_HLT_EXITING,     PRIMARY_USE_TPR_SHADOW,
                          PRIMARY_USE_IO_BITMAPS,  PRIMARY_USE_MSR_BITMAPS,
                          PRIMARY_MONITOR_EXITING, PRIMARY_ACTIVATE_SECONDARY_CONTROLS};
    uint32_t secondary[] = {SECONDARY_ENABLE_EPT, SECONDARY_ENABLE_VPID,
                            SECONDARY_UNRESTRICTED_GUEST, SECONDARY_APIC_REGISTER_VIRTUALIZATION};
    uint32_t exit[] = {VM_EXIT_CONTROL_HOST_ADDRESS_SPACE_SIZE, VM_EXIT_CONTROL_LOAD_PAT,
                       VM_EXIT_CONTROL_SAVE_EFER, VM_EXIT_CONTROL_LOAD_EFER};
    uint32_t entry[] = {VM_ENTRY_CONTROL_LOAD_PAT, VM_ENTRY_CONTROL_LOAD_EFER};

    (void)state;
#define EACH(bits, member, name)                                                                   \
    for (unsigned i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)                                  \
    BREAKS(protected_image, v.member &= ~(uint64_t)bits[i], name, differs)
    EACH(pin, pin_based_controls, "pin-based VM-execution controls");
    EACH(primary, primary_controls, "primary processor-based VM-execution controls");
    EACH(secondary, secondary_controls, "secondary processor-based VM-execution controls");
    EACH(exit, exit_controls, "VM-exit controls");
    EACH(entry, entry_controls, "VM-entry controls");
}

static void controls_that_change_while_a_guest_runs(void **state) {
    uint32_t modes = SECONDARY_VIRTUALIZE_APIC_ACCESSES | SECONDARY_VIRTUALIZE_X2APIC_MODE;

    (void)state;
    PASSES(protected_image, v.primary_controls |= PRIMARY_NMI_WINDOW_EXITING);
    PASSES(protected_image, v.primary_controls |= PRIMARY_INTERRUPT_WINDOW_EXITING);
    PASSES(protected_image, v.secondary_controls &= ~(uint64_t)modes);
    PASSES(protected_image, v.secondary_controls ^= modes);
    BREAKS(protected_image, v.secondary_controls |= modes,
           "secondary processor-based VM-execution controls", "must not both be 1");
}

static void delivery_in_software(void **state) {
    const uint64_t mode = SECONDARY_VIRTUALIZE_APIC_ACCESSES | SECONDARY_VIRTUALIZE_X2APIC_MODE,
                   registers = SECONDARY_APIC_REGISTER_VIRTUALIZATION,
                   delivery = SECONDARY_VIRTUAL_INTERRUPT_DELIVERY;
    static const char secondary[] = "secondary processor-based VM-execution controls";

    (void)state;
    PASSES(protected_image, v.tpr_threshold = 0x10); /* the processor does not use it */
    PASSES(protected_image, v.secondary_controls &= ~(mode | registers | delivery));
    BREAKS(protected_image, v.secondary_controls &= ~(mode | delivery), secondary, "differs");
    BREAKS(protected_image, v.secondary_controls &= ~(registers | delivery), secondary,
           "only with virtual-interrupt delivery");
    BREAKS(protected_image,
           (v.secondary_controls &= ~(mode | registers | delivery), v.tpr_threshold = 0x10),
           "TPR threshold", "bits 31:4 must be 0");
}

static void addresses_in_the_controls(void **state) {
    (void)state;
#define PAGE_RULE(member, name)                                                                    \
    BREAKS(protected_image, v.member |= 8, name, "4-KiB-aligned");                                 \
    BREAKS(protected_image, v.member |= 1ull << 39, name, "physical-address width")
    PAGE_RULE(io_bitmap_a, "address of I/O bitmap A");
    PAGE_RULE(io_bitmap_b, "address of I/O bitmap B");
    PAGE_RULE(msr_bitmap, "address of MSR bitmaps");
    PAGE_RULE(virtual_apic_address, "virtual-APIC address");
    PAGE_RULE(apic_access_address, "APIC-access address");
    BREAKS(protected_image, v.cr3_target_count = 5, "CR3-target count", "greater than 4");
}

static void ept_and_vpid(void **state) {
    (void)state;
    BREAKS(protected_image, v.vpid = 0, "virtual-processor identifier (VPID)", "must not be 0");
    BREAKS(protected_image, v.ept_pointer ^= 6 ^ 4, "EPT pointer", "memory type");
    BREAKS(protected_image, v.ept_pointer ^= 7 << 3, "EPT pointer", "page walk of length 4");
    BREAKS(protected_image, (v.ept_pointer |= 1 << 6, c.ept_vpid &= ~EPT_VPID_CAP_ACCESSED_DIRTY),
           "EPT pointer", "accessed and dirty");
    BREAKS(protected_image, v.ept_pointer |= 1 << 7, "EPT pointer", "bits 11:7");
    BREAKS(protected_image, v.ept_pointer |= 1 << 11, "EPT pointer", "bits 11:7");
    BREAKS(protected_image, v.ept_pointer |= 1ull << 39, "EPT pointer", "physical-address width");
}

static void msr_lists_are_not_used(void **state) {
    (void)state;
    BREAKS(protected_image, v.exit_msr_store_count = 1, "VM-exit MSR-store count", "no MSR lists");
    BREAKS(protected_image, v.exit_msr_load_count = 1, "VM-exit MSR-load count", "no MSR lists");
    BREAKS(protected_image, v.entry_msr_load_count = 1, "VM-entry MSR-load count", "no MSR lists");
}

static void event_injection(void **state) {
    const char *field = "VM-entry interruption-information field";

    (void)state;
    BREAKS(long_mode_image, NEW_INJECTION(1u << 8, 0x30), field, "reserved");
    BREAKS_AMONG(2, long_mode_image, NEW_INJECTION(INTERRUPTION_OTHER_EVENT, 0), field,
                 "Pinwheel injects");
    BREAKS(long_mode_image, NEW_INJECTION(INTERRUPTION_NMI, 3), field, "fit the type");
    BREAKS(long_mode_image, NEW_INJECTION(INTERRUPTION_HARDWARE_EXCEPTION, 32), field,
           "fit the type");
    BREAKS(long_mode_image, NEW_INJECTION(INTERRUPTION_HARDWARE_EXCEPTION, 14), field, "bit 11");
    BREAKS(long_mode_image, NEW_INJECTION(INTERRUPTION_HARDWARE_EXCEPTION, 8), field, "bit 11");
    BREAKS(long_mode_image, NEW_INJECTION(INTERRUPTION_HARDWARE_EXCEPTION, 17), field, "bit 11");
    BREAKS(long_mode_image,
           NEW_INJECTION(INTERRUPTION_HARDWARE_EXCEPTION, 6 | INTERRUPTION_ERROR_CODE), field,
           "bit 11");
    BREAKS(long_mode_image, NEW_INJECTION(INTERRUPTION_EXTERNAL, 0x0d | INTERRUPTION_ERROR_CODE),
           field, "bit 11");
    BREAKS(real_mode_image,
           NEW_INJECTION(INTERRUPTION_HARDWARE_EXCEPTION, 13 | INTERRUPTION_ERROR_CODE), field,
           "bit 11");
    BREAKS(long_mode_image, NEW_INJECTION(INTERRUPTION_EXTERNAL, 0x30 | 1u << 12), field,
           "bits 30:12");
    BREAKS(long_mode_image,
           (NEW_INJECTION(INTERRUPTION_HARDWARE_EXCEPTION, 14 | INTERRUPTION_ERROR_CODE),
            v.entry_exception_error_code = 0x10000),
           "VM-entry exception error code", "bits 31:15");
    BREAKS(long_mode_image,
           (NEW_INJECTION(INTERRUPTION_SOFTWARE_INTERRUPT, 0x80), v.entry_instruction_length = 16),
           "VM-entry instruction length", "1 to 15");
    PASSES(long_mode_image, (NEW_INJECTION(INTERRUPTION_SOFTWARE_INTERRUPT, 0x80),
                             c.misc |= VMX_MISC_INJECT_LENGTH_0));
    BREAKS(long_mode_image, NEW_INJECTION(INTERRUPTION_SOFTWARE_INTERRUPT, 0x80),
           "VM-entry instruction length", "1 to 15");
    BREAKS(long_mode_image,
           (NEW_INJECTION(INTERRUPTION_EXTERNAL, 0x30), v.guest_rflags &= ~RFLAGS_IF),
           "guest RFLAGS", "IF must be 1");
    PASSES(long_mode_image,
           (NEW_INJECTION(INTERRUPTION_HARDWARE_EXCEPTION, 21 | INTERRUPTION_ERROR_CODE),
            c.basic |= VMX_BASIC_ANY_ERROR_CODE));
}

static void host_control_registers_and_msrs(void **state) {
    (void)state;
    BREAKS(protected_image, v.host_cr0 &= ~CR0_PG, "host CR0", "VMX operation");
    BREAKS(protected_image, v.host_cr0 |= 1ull << 32, "host CR0", "VMX operation");
    BREAKS(protected_image, v.host_cr4 &= ~CR4_VMXE, "host CR4", "VMX operation");
    BREAKS(protected_image, v.host_cr4 |= CR4_SMAP << 20, "host CR4", "VMX operation");
    BREAKS(protected_image, (v.host_cr4 |= CR4_CET, c.cr4_fixed1 |= CR4_CET, v.host_cr0 &= ~CR0_WP),
           "host CR4", "CR0.WP");
    BREAKS(protected_image, v.host_cr3 |= 1ull << 39, "host CR3", "physical-address width");
    BREAKS(protected_image, v.host_sysenter_esp = 1ull << 63, "host IA32_SYSENTER_ESP",
           "canonical");
    BREAKS(protected_image, v.host_sysenter_eip = 1ull << 47, "host IA32_SYSENTER_EIP",
           "canonical");
    BREAKS(protected_image, v.host_pat = 0x0207040600070406, "host IA32_PAT", "memory type");
    BREAKS(protected_image, v.host_pat = 0x08, "host IA32_PAT", "memory type");
    BREAKS(protected_image, v.host_efer |= 2, "host IA32_EFER", "reserved");
    BREAKS(protected_image, v.host_efer &= ~EFER_LMA, "host IA32_EFER", "LMA and LME");
    BREAKS(protected_image, v.host_efer &= ~EFER_LME, "host IA32_EFER", "LMA and LME");
}

static void a_processor_with_57_bit_addresses(void **state) {
    uint64_t wide = 1ull << 50;

    (void)state;
    PASSES(long_mode_image, (c.cr4_fixed1 |= CR4_LA57, c.linear_bits = 57, v.guest_cr4 |= CR4_LA57,
                             v.gs.base = wide));
    BREAKS(long_mode_image, (c.linear_bits = 57, v.gs.base = wide), "guest GS base", "canonical");
    BREAKS(long_mode_image,
           (c.linear_bits = 57, c.cr4_fixed1 |= CR4_LA57, v.guest_cr4 |= CR4_LA57,
            v.gs.base = 1ull << 57),
           "guest GS base", "canonical");
}

static void an_unknown_physical_width_counts_as_the_widest(void **state) {
    (void)state;
    PASSES(long_mode_image, (c.physical_bits = 0, v.guest_cr3 = 1ull << 51));
    BREAKS(long_mode_image, (c.physical_bits = 0, v.guest_cr3 = 1ull << 52), "guest CR3",
           "physical-address width");
    BREAKS(long_mode_image, (c.physical_bits = 255, v.guest_cr3 = 1ull << 52), "guest CR3",
           "physical-address width");
}

static void the_list_is_limited_but_counts_all(void **state) {
    struct entry_violation found[2] = {{0}, {.field = "untouched"}};

    (void)state;
    start(long_mode_image());
    v.vpid = 0;
    v.host_rip = 1ull << 60;
    v.guest_rflags = 0;
    assert_int_equal(entry_check(&v, &c, found, 1), 3);
    assert_string_equal(found[0].field, "virtual-processor identifier (VPID)");
    assert_int_equal(found[0].encoding, VMCS_VPID);
    assert_true(found[0].value == 0);
    assert_string_equal(found[0].section, "Checks on VMX Controls");
    assert_string_equal(found[1].field, "untouched");
    assert_int_equal(entry_check(&v, &c, NULL, 0), 3);
}

static void images_of_all_zeros_and_all_ones_are_safe(void **state) {
    (void)state;
    start((struct vmcs_image){0});
    assert_true(entry_check(&v, &c, NULL, 0) > 10);
    memset(&v, 0xff, sizeof(v));
    assert_true(entry_check(&v, &c, NULL, 0) > 10);
    memset(&c, 0, sizeof(c));
    assert_true(entry_check(&v, &c, NULL, 0) > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_guests_pass),
        cmocka_unit_test(valid_variations_pass),
        cmocka_unit_test(reserved_bits_of_the_controls),
        cmocka_unit_test(a_control_that_pinwheel_does_not_set_is_refused),
        cmocka_unit_test(the_rules_of_posted_interrupts),
        cmocka_unit_test(a_control_that_pinwheel_sets_must_be_1),
        cmocka_unit_test(controls_that_change_while_a_guest_runs),
        cmocka_unit_test(delivery_in_software),
        cmocka_unit_test(addresses_in_the_controls),
        cmocka_unit_test(ept_and_vpid),
        cmocka_unit_test(msr_lists_are_not_used),
        cmocka_unit_test(event_injection),
        cmocka_unit_test(host_control_registers_and_msrs),
        cmocka_unit_test(a_processor_with_57_bit_addresses),
        cmocka_unit_test(an_unknown_physical_width_counts_as_the_widest),
        cmocka_unit_test(the_list_is_limited_but_counts_all),
        cmocka_unit_test(images_of_all_zeros_and_all_ones_are_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
