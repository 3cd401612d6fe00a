/* Guards the VM-entry checker's rules on the guest state: each violated rule is named. */
#include "tests/unit/entry_check_cases.h"

static void host_segments_and_address_space(void **state) {
    (void)state;
    BREAKS(protected_image, v.host_cs_selector = 0x0b, "host CS selector", "RPL and TI");
    BREAKS(protected_image, v.host_ss_selector = 0x14, "host SS selector", "RPL and TI");
    BREAKS(protected_image, v.host_ds_selector = 1, "host DS selector", "RPL and TI");
    BREAKS(protected_image, v.host_es_selector = 1, "host ES selector", "RPL and TI");
    BREAKS(protected_image, v.host_fs_selector = 1, "host FS selector", "RPL and TI");
    BREAKS(protected_image, v.host_gs_selector = 1, "host GS selector", "RPL and TI");
    BREAKS(protected_image, v.host_tr_selector = 0x1c, "host TR selector", "RPL and TI");
    BREAKS(protected_image, v.host_cs_selector = 0, "host CS selector", "must not be 0");
    BREAKS(protected_image, v.host_tr_selector = 0, "host TR selector", "must not be 0");
    BREAKS(protected_image, v.host_fs_base = 1ull << 48, "host FS base", "canonical");
    BREAKS(protected_image, v.host_gs_base = 1ull << 48, "host GS base", "canonical");
    BREAKS(protected_image, v.host_tr_base = 1ull << 48, "host TR base", "canonical");
    BREAKS(protected_image, v.host_gdtr_base = 1ull << 48, "host GDTR base", "canonical");
    BREAKS(protected_image, v.host_idtr_base = 1ull << 48, "host IDTR base", "canonical");
    BREAKS(protected_image, v.exit_controls &= ~(uint64_t)VM_EXIT_CONTROL_HOST_ADDRESS_SPACE_SIZE,
           "VM-exit controls", "differs from the value that Pinwheel uses");
    BREAKS(protected_image, v.host_cr4 &= ~CR4_PAE, "host CR4", "PAE");
    BREAKS(protected_image, v.host_rip = 0x800000000000, "host RIP", "canonical");
}

static void guest_control_registers(void **state) {
    (void)state;
    BREAKS(real_mode_image, v.guest_cr0 &= ~CR0_NE, "guest CR0", "VMX operation");
    BREAKS(real_mode_image, v.guest_cr0 |= 1ull << 40, "guest CR0", "VMX operation");
    BREAKS(real_mode_image, v.guest_cr0 |= CR0_PG, "guest CR0", "PG requires PE");
    BREAKS(real_mode_image, v.guest_cr4 &= ~CR4_VMXE, "guest CR4", "VMX operation");
    BREAKS(real_mode_image, v.guest_cr4 |= CR4_LA57, "guest CR4", "VMX operation");
    BREAKS(real_mode_image, (v.guest_cr4 |= CR4_CET, c.cr4_fixed1 |= CR4_CET), "guest CR4",
           "CR0.WP");
    BREAKS(protected_image, v.guest_cr4 |= CR4_PCIDE, "guest CR4", "PCIDE");
    BREAKS(long_mode_image, v.guest_cr4 &= ~CR4_PAE, "guest CR4", "PAE must be 1");
    BREAKS(long_mode_image, v.guest_cr0 &= ~CR0_PG, "guest CR0", "PG must be 1");
    BREAKS(long_mode_image, v.guest_cr3 |= 1ull << 39, "guest CR3", "physical-address width");
}

static void guest_debug_registers_and_msrs(void **state) {
    (void)state;
    BREAKS(long_mode_image, v.guest_debugctl = 1 << 5, "guest IA32_DEBUGCTL", "reserved");
    BREAKS(long_mode_image, v.guest_debugctl = 1 << 16, "guest IA32_DEBUGCTL", "reserved");
    PASSES(long_mode_image, v.guest_debugctl = 0xffc3);
    BREAKS(long_mode_image, v.guest_dr7 |= 1ull << 32, "guest DR7", "63:32");
    BREAKS(long_mode_image, v.guest_sysenter_esp = 1ull << 50, "guest IA32_SYSENTER_ESP",
           "canonical");
    BREAKS(long_mode_image, v.guest_sysenter_eip = 1ull << 50, "guest IA32_SYSENTER_EIP",
           "canonical");
    BREAKS(long_mode_image, v.guest_pat = 3, "guest IA32_PAT", "memory type");
    BREAKS(long_mode_image, v.guest_efer |= 1 << 12, "guest IA32_EFER", "reserved");
    BREAKS(protected_image, v.guest_efer = EFER_LMA, "guest IA32_EFER", "LMA must equal \"IA-32e");
    BREAKS_AMONG(2, long_mode_image, v.guest_efer &= ~EFER_LMA, "guest IA32_EFER",
                 "LMA must equal \"IA-32e");
    BREAKS(long_mode_image, v.guest_efer &= ~EFER_LME, "guest IA32_EFER", "with paging on");
    BREAKS(paged_image, v.guest_efer = EFER_LME, "guest IA32_EFER", "with paging on");
}

static void a_virtual_8086_guest_has_fixed_segments(void **state) {
    (void)state;
    BREAKS(v8086_image, v.cs.base++, "guest CS base", "selector times 16");
    BREAKS(v8086_image, v.ss.limit--, "guest SS limit", "FFFFH");
    BREAKS(v8086_image, v.ds.access_rights = DATA_16, "guest DS access rights", "F3H");
    BREAKS(v8086_image, v.es.base = 0, "guest ES base", "selector times 16");
    BREAKS(v8086_image, v.fs.limit = 0xfffff, "guest FS limit", "FFFFH");
    BREAKS(v8086_image, v.gs.access_rights |= ACCESS_RIGHTS_UNUSABLE, "guest GS access rights",
           "F3H");
    BREAKS(v8086_image, v.guest_cr0 &= ~CR0_PE, "guest RFLAGS", "VM must be 0");
    BREAKS_AMONG(2, long_mode_image,
                 (v = v8086_image(), v.entry_controls |= VM_ENTRY_CONTROL_IA32E_MODE_GUEST,
                  v.guest_cr0 |= CR0_PG, v.guest_cr4 |= CR4_PAE, v.guest_efer = EFER_LMA | EFER_LME,
                  v.guest_activity = ACTIVITY_HLT),
                 "guest RFLAGS", "VM must be 0");
}

static void code_segment(void **state) {
    const char *field = "guest CS access rights";

    (void)state;
    BREAKS(protected_image, v.cs.access_rights ^= 1, field, "accessed code segment");
    BREAKS(protected_image, v.cs.access_rights = 0xc097, field, "accessed code segment");
    BREAKS(protected_image, v.cs.access_rights &= ~(uint64_t)ACCESS_RIGHTS_S, field, "S must be 1");
    BREAKS(protected_image, v.cs.access_rights = DATA_32 | 1 << 5, field,
           "DPL must be 0 with type 3");
    BREAKS(protected_image, v.cs.access_rights |= 3 << 5, field, "must equal that of SS");
    BREAKS(protected_image, v.cs.access_rights = 0xc09f | 1 << 5, field,
           "not be greater than that of SS");
    PASSES(protected_image, (v.cs.access_rights = 0xc09f, v.ss.access_rights |= 3 << 5));
    BREAKS(protected_image, v.cs.access_rights &= ~(uint64_t)ACCESS_RIGHTS_P, field, "P must be 1");
    BREAKS(protected_image, v.cs.access_rights |= 1 << 8, field, "11:8");
    BREAKS(protected_image, v.cs.access_rights |= 1 << 17, field, "31:17");
    BREAKS(long_mode_image, v.cs.access_rights |= ACCESS_RIGHTS_DB, field, "D/B");
    PASSES(protected_image, v.cs.access_rights |= ACCESS_RIGHTS_L);
    BREAKS(protected_image, v.cs.limit = 0xfffff000, field, "G must be 0");
    BREAKS(protected_image, v.cs.access_rights &= ~(uint64_t)ACCESS_RIGHTS_G, field, "G must be 0");
    BREAKS(protected_image, v.cs.base = 1ull << 32, "guest CS base", "63:32");
}

static void stack_segment(void **state) {
    const char *field = "guest SS access rights";

    (void)state;
    BREAKS_AMONG(2, real_mode_image, v.ss.access_rights |= 3 << 5, field, "CR0.PE = 0");
    BREAKS(protected_image, (v.cs.access_rights = DATA_32, v.ss.access_rights |= 1 << 5), field,
           "CS has type 3");
    BREAKS(protected_image,
           (v.cs.access_rights = DATA_32, v.ss.access_rights = ACCESS_RIGHTS_UNUSABLE | 1 << 5),
           field, "CS has type 3");
    BREAKS(protected_image, v.ss.access_rights = CODE_32, field, "type must be 3 or 7");
    BREAKS(protected_image, v.ss.access_rights &= ~2ull, field, "type must be 3 or 7");
    PASSES(protected_image, v.ss.access_rights |= 4);
    BREAKS(protected_image, v.ss.access_rights &= ~(uint64_t)ACCESS_RIGHTS_S, field, "S must be 1");
    BREAKS(protected_image, v.ss.access_rights &= ~(uint64_t)ACCESS_RIGHTS_P, field, "P must be 1");
    BREAKS(protected_image, v.ss.access_rights |= 1 << 11, field, "11:8");
    BREAKS(protected_image, v.ss.limit = 0xfff00000, field, "G must be 0");
    BREAKS(protected_image, v.ss.base = 1ull << 32, "guest SS base", "63:32");
    PASSES(protected_image, (v.ss.base = 1ull << 32, v.ss.limit = 0x12345678,
                             v.ss.access_rights = ACCESS_RIGHTS_UNUSABLE | 0xfff00));
}

static void data_segments(void **state) {
    (void)state;
    BREAKS(protected_image, v.ds.access_rights ^= 1, "guest DS access rights", "accessed");
    BREAKS(protected_image, v.es.access_rights = 0xc099, "guest ES access rights", "readable");
    PASSES(protected_image, v.es.access_rights = 0xc09b);
    BREAKS(protected_image, v.fs.access_rights &= ~(uint64_t)ACCESS_RIGHTS_S,
           "guest FS access rights", "S must be 1");
    BREAKS(protected_image, v.gs.access_rights &= ~(uint64_t)ACCESS_RIGHTS_P,
           "guest GS access rights", "P must be 1");
    PASSES(protected_image, v.ds.selector |= 3);
    BREAKS(protected_image, v.es.access_rights |= 1 << 9, "guest ES access rights", "11:8");
    BREAKS(protected_image, v.fs.limit = 0x100000, "guest FS access rights", "G must be 0");
    BREAKS(protected_image, v.gs.access_rights &= ~(uint64_t)ACCESS_RIGHTS_G,
           "guest GS access rights", "G must be 0");
    BREAKS(protected_image, v.ds.base = 1ull << 32, "guest DS base", "63:32");
    BREAKS(protected_image, v.es.base = 1ull << 32, "guest ES base", "63:32");
    PASSES(protected_image, (v.es.base = 1ull << 32, v.es.access_rights = 1 << 16));
    BREAKS(protected_image, v.fs.base = 1ull << 48, "guest FS base", "canonical");
    BREAKS(protected_image, v.gs.base = 1ull << 48, "guest GS base", "canonical");
    BREAKS(protected_image, (v.gs.base = 1ull << 48, v.gs.access_rights = 1 << 16), "guest GS base",
           "canonical");
}

static void system_segments_and_tables(void **state) {
    const char *tr = "guest TR access rights", *ldtr = "guest LDTR access rights";

    (void)state;
    BREAKS(real_mode_image, v.tr.selector = 4, "guest TR selector", "TI");
    BREAKS(real_mode_image, v.tr.base = 1ull << 48, "guest TR base", "canonical");
    BREAKS(real_mode_image, v.tr.access_rights |= ACCESS_RIGHTS_UNUSABLE, tr, "unusable");
    BREAKS(real_mode_image, v.tr.access_rights = 0x89, tr, "busy TSS");
    BREAKS(long_mode_image, v.tr.access_rights = 0x83, tr, "busy TSS");
    BREAKS(real_mode_image, v.tr.access_rights |= ACCESS_RIGHTS_S, tr, "S must be 0");
    BREAKS(real_mode_image, v.tr.access_rights &= ~(uint64_t)ACCESS_RIGHTS_P, tr, "P must be 1");
    BREAKS(real_mode_image, v.tr.access_rights |= 1 << 10, tr, "11:8");
    BREAKS(real_mode_image, v.tr.limit = 0xffffffff, tr, "G must be 0");
    BREAKS(real_mode_image, v.ldtr.selector = 4, "guest LDTR selector", "TI");
    BREAKS(real_mode_image, v.ldtr.base = 1ull << 48, "guest LDTR base", "canonical");
    BREAKS(real_mode_image, v.ldtr.access_rights = 0x83, ldtr, "type must be 2");
    BREAKS(real_mode_image, v.ldtr.access_rights |= ACCESS_RIGHTS_S, ldtr, "S must be 0");
    BREAKS(real_mode_image, v.ldtr.access_rights &= ~(uint64_t)ACCESS_RIGHTS_P, ldtr,
           "P must be 1");
    BREAKS(real_mode_image, v.ldtr.access_rights |= 1 << 20, ldtr, "31:17");
    PASSES(protected_image, (v.ldtr.selector = 4, v.ldtr.base = 1ull << 48));
    BREAKS(real_mode_image, v.gdtr.base = 1ull << 48, "guest GDTR base", "canonical");
    BREAKS(real_mode_image, v.idtr.base = 1ull << 48, "guest IDTR base", "canonical");
    BREAKS(real_mode_image, v.gdtr.limit = 0x10000, "guest GDTR limit", "31:16");
    BREAKS(real_mode_image, v.idtr.limit = 0x10000, "guest IDTR limit", "31:16");
}

static void rip_and_rflags(void **state) {
    (void)state;
    BREAKS(protected_image, v.guest_rip = 1ull << 32, "guest RIP", "63:32");
    PASSES(long_mode_image, v.guest_rip = 1ull << 47); /* the fetch there raises #GP */
    BREAKS(long_mode_image, v.guest_rip = 1ull << 48, "guest RIP", "identical");
    PASSES(long_mode_image, v.guest_rip = ~0ull << 48);
    BREAKS(long_mode_image, v.guest_rip = ~0ull << 49, "guest RIP", "identical");
    PASSES(long_mode_image, (c.linear_bits = 57, v.guest_rip = 1ull << 56));
    BREAKS(long_mode_image, v.cs.access_rights = CODE_32, "guest RIP", "63:32");
    BREAKS(protected_image, v.guest_rflags = 0, "guest RFLAGS", "bit 1 must be 1");
    BREAKS(protected_image, v.guest_rflags |= 1 << 3, "guest RFLAGS", "reserved");
    BREAKS(protected_image, v.guest_rflags |= 1 << 5, "guest RFLAGS", "reserved");
    BREAKS(protected_image, v.guest_rflags |= 1 << 15, "guest RFLAGS", "reserved");
    BREAKS(protected_image, v.guest_rflags |= 1 << 22, "guest RFLAGS", "reserved");
    PASSES(protected_image, v.guest_rflags |= 0x3d5fd7);
}

static void activity_state(void **state) {
    const char *field = "guest activity state";

    (void)state;
    BREAKS(long_mode_image, v.guest_activity = 4, field, "supports");
    BREAKS(long_mode_image, (v.guest_activity = ACTIVITY_HLT, c.misc &= ~VMX_MISC_ACTIVITY_HLT),
           field, "supports");
    BREAKS(long_mode_image,
           (v.guest_activity = ACTIVITY_SHUTDOWN, c.misc &= ~VMX_MISC_ACTIVITY_SHUTDOWN), field,
           "supports");
    BREAKS(long_mode_image,
           (v.guest_activity = ACTIVITY_WAIT_FOR_SIPI, c.misc &= ~VMX_MISC_ACTIVITY_WAIT_SIPI),
           field, "supports");
    BREAKS(long_mode_image,
           (v.guest_activity = ACTIVITY_HLT, v.ss.access_rights |= 3 << 5,
            v.cs.access_rights |= 3 << 5),
           field, "SS.DPL");
    BREAKS(long_mode_image,
           (v.guest_activity = ACTIVITY_HLT, v.guest_interruptibility = INTERRUPTIBILITY_STI),
           field, "must be active");
    BREAKS(
        long_mode_image,
        (v.guest_activity = ACTIVITY_SHUTDOWN, v.guest_interruptibility = INTERRUPTIBILITY_MOV_SS),
        field, "must be active");
#define INJECT_IN(state, type, vector) (v.guest_activity = (state), NEW_INJECTION(type, vector))
    BREAKS(long_mode_image, INJECT_IN(ACTIVITY_HLT, INTERRUPTION_HARDWARE_EXCEPTION, 6), field,
           "not allowed in this state");
    BREAKS(long_mode_image,
           (INJECT_IN(ACTIVITY_HLT, INTERRUPTION_SOFTWARE_INTERRUPT, 6),
            v.entry_instruction_length = 2),
           field, "not allowed in this state");
    PASSES(long_mode_image, INJECT_IN(ACTIVITY_HLT, INTERRUPTION_HARDWARE_EXCEPTION, 1));
    PASSES(long_mode_image, INJECT_IN(ACTIVITY_HLT, INTERRUPTION_HARDWARE_EXCEPTION, 18));
    PASSES(long_mode_image, INJECT_IN(ACTIVITY_HLT, INTERRUPTION_EXTERNAL, 0x40));
    PASSES(long_mode_image, INJECT_IN(ACTIVITY_HLT, INTERRUPTION_NMI, 2));
    BREAKS(long_mode_image, INJECT_IN(ACTIVITY_SHUTDOWN, INTERRUPTION_EXTERNAL, 0x40), field,
           "not allowed in this state");
    BREAKS(long_mode_image, INJECT_IN(ACTIVITY_SHUTDOWN, INTERRUPTION_HARDWARE_EXCEPTION, 1), field,
           "not allowed in this state");
    PASSES(long_mode_image, INJECT_IN(ACTIVITY_SHUTDOWN, INTERRUPTION_HARDWARE_EXCEPTION, 18));
    PASSES(long_mode_image, INJECT_IN(ACTIVITY_SHUTDOWN, INTERRUPTION_NMI, 2));
    BREAKS(long_mode_image, INJECT_IN(ACTIVITY_WAIT_FOR_SIPI, INTERRUPTION_NMI, 2), field,
           "not allowed in this state");
    PASSES(long_mode_image, v.guest_activity = ACTIVITY_WAIT_FOR_SIPI);
}

static void interruptibility_state(void **state) {
    const char *field = "guest interruptibility state";
    uint64_t sti = INTERRUPTIBILITY_STI, mov_ss = INTERRUPTIBILITY_MOV_SS;

    (void)state;
    BREAKS(long_mode_image, v.guest_interruptibility = 1 << 5, field, "31:4");
    BREAKS(long_mode_image, v.guest_interruptibility = INTERRUPTIBILITY_ENCLAVE, field, "31:4");
    BREAKS(long_mode_image, v.guest_interruptibility = sti | mov_ss, field, "not both");
    BREAKS(long_mode_image, (v.guest_interruptibility = sti, v.guest_rflags &= ~RFLAGS_IF), field,
           "requires RFLAGS.IF");
    BREAKS(long_mode_image,
           (v.guest_interruptibility = sti, NEW_INJECTION(INTERRUPTION_EXTERNAL, 0x40)), field,
           "external interrupt");
    BREAKS(long_mode_image,
           (v.guest_interruptibility = mov_ss, NEW_INJECTION(INTERRUPTION_EXTERNAL, 0x40)), field,
           "external interrupt");
    BREAKS(long_mode_image, (v.guest_interruptibility = mov_ss, NEW_INJECTION(INTERRUPTION_NMI, 2)),
           field, "when an NMI");
    BREAKS(long_mode_image, (v.guest_interruptibility = sti, NEW_INJECTION(INTERRUPTION_NMI, 2)),
           field, "when an NMI");
    BREAKS(long_mode_image, v.guest_interruptibility = INTERRUPTIBILITY_SMI, field, "SMM");
    BREAKS(long_mode_image,
           (v.guest_interruptibility = INTERRUPTIBILITY_NMI, NEW_INJECTION(INTERRUPTION_NMI, 2)),
           field, "virtual NMIs");
}

static void pending_debug_exceptions(void **state) {
    const char *field = "guest pending debug exceptions";

    (void)state;
    BREAKS(long_mode_image, v.guest_pending_debug = 1 << 4, field, "reserved");
    BREAKS(long_mode_image, v.guest_pending_debug = 1 << 13, field, "reserved");
    BREAKS(long_mode_image, v.guest_pending_debug = 1ull << 40, field, "reserved");
    PASSES(long_mode_image, v.guest_pending_debug = 0x500f);
    BREAKS(long_mode_image,
           (v.guest_interruptibility = INTERRUPTIBILITY_STI, v.guest_rflags |= RFLAGS_TF), field,
           "BS must be 1");
    BREAKS(long_mode_image,
           (v.guest_activity = ACTIVITY_HLT, v.guest_pending_debug = PENDING_DEBUG_BS), field,
           "BS must be 1");
    BREAKS(long_mode_image,
           (v.guest_interruptibility = INTERRUPTIBILITY_MOV_SS, v.guest_rflags |= RFLAGS_TF,
            v.guest_debugctl = DEBUGCTL_BTF, v.guest_pending_debug = PENDING_DEBUG_BS),
           field, "BS must be 1");
}

static void link_pointer_and_pdptes(void **state) {
    (void)state;
    BREAKS(long_mode_image, v.link_pointer = 0x8000, "VMCS link pointer", "all ones");
    BREAKS(paged_image, (v.guest_cr4 |= CR4_PAE, v.guest_pdpte[0] = 3), "guest PDPTE0", "reserved");
    BREAKS(paged_image, (v.guest_cr4 |= CR4_PAE, v.guest_pdpte[1] = 0x21), "guest PDPTE1",
           "reserved");
    BREAKS(paged_image, (v.guest_cr4 |= CR4_PAE, v.guest_pdpte[2] = 0x101), "guest PDPTE2",
           "reserved");
    BREAKS(paged_image, (v.guest_cr4 |= CR4_PAE, v.guest_pdpte[3] = 1ull << 39 | 1), "guest PDPTE3",
           "physical-address width");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(host_segments_and_address_space),
        cmocka_unit_test(guest_control_registers),
        cmocka_unit_test(guest_debug_registers_and_msrs),
        cmocka_unit_test(a_virtual_8086_guest_has_fixed_segments),
        cmocka_unit_test(code_segment),
        cmocka_unit_test(stack_segment),
        cmocka_unit_test(data_segments),
        cmocka_unit_test(system_segments_and_tables),
        cmocka_unit_test(rip_and_rflags),
        cmocka_unit_test(activity_state),
        cmocka_unit_test(interruptibility_state),
        cmocka_unit_test(pending_debug_exceptions),
        cmocka_unit_test(link_pointer_and_pdptes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
