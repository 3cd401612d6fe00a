/* The fields of the VMCS, their names and where the image keeps them: see arch/vmcs_image.h. */
#include "arch/vmcs_image.h"

#include <stddef.h>

#include "arch/vmcs.h"

#define IN(member) (uint16_t) offsetof(struct vmcs_image, member)

const struct vmcs_field vmcs_fields[] = {
    {"pin-based VM-execution controls", VMCS_PIN_BASED_CONTROLS, IN(pin_based_controls),
     FIELD_ALWAYS, 0},
    {"primary processor-based VM-execution controls", VMCS_PRIMARY_CONTROLS, IN(primary_controls),
     FIELD_ALWAYS, 0},
    {"secondary processor-based VM-execution controls", VMCS_SECONDARY_CONTROLS,
     IN(secondary_controls), FIELD_PRIMARY, PRIMARY_ACTIVATE_SECONDARY_CONTROLS},
    {"exception bitmap", VMCS_EXCEPTION_BITMAP, IN(exception_bitmap), FIELD_ALWAYS, 0},
    {"page-fault error-code mask", VMCS_PAGE_FAULT_ERROR_MASK, IN(page_fault_error_mask),
     FIELD_ALWAYS, 0},
    {"page-fault error-code match", VMCS_PAGE_FAULT_ERROR_MATCH, IN(page_fault_error_match),
     FIELD_ALWAYS, 0},
    {"address of I/O bitmap A", VMCS_IO_BITMAP_A, IN(io_bitmap_a), FIELD_ALWAYS, 0},
    {"address of I/O bitmap B", VMCS_IO_BITMAP_B, IN(io_bitmap_b), FIELD_ALWAYS, 0},
    {"address of MSR bitmaps", VMCS_MSR_BITMAP, IN(msr_bitmap), FIELD_PRIMARY,
     PRIMARY_USE_MSR_BITMAPS},
    {"TSC offset", VMCS_TSC_OFFSET, IN(tsc_offset), FIELD_ALWAYS, 0},
    {"TSC multiplier", VMCS_TSC_MULTIPLIER, IN(tsc_multiplier), FIELD_SECONDARY,
     SECONDARY_USE_TSC_SCALING},
    {"CR0 guest/host mask", VMCS_CR0_MASK, IN(cr0_mask), FIELD_ALWAYS, 0},
    {"CR4 guest/host mask", VMCS_CR4_MASK, IN(cr4_mask), FIELD_ALWAYS, 0},
    {"CR0 read shadow", VMCS_CR0_READ_SHADOW, IN(cr0_read_shadow), FIELD_ALWAYS, 0},
    {"CR4 read shadow", VMCS_CR4_READ_SHADOW, IN(cr4_read_shadow), FIELD_ALWAYS, 0},
    {"CR3-target count", VMCS_CR3_TARGET_COUNT, IN(cr3_target_count), FIELD_ALWAYS, 0},
    {"virtual-APIC address", VMCS_VIRTUAL_APIC_ADDRESS, IN(virtual_apic_address), FIELD_PRIMARY,
     PRIMARY_USE_TPR_SHADOW},
    {"APIC-access address", VMCS_APIC_ACCESS_ADDRESS, IN(apic_access_address), FIELD_SECONDARY,
     SECONDARY_VIRTUALIZE_APIC_ACCESSES},
    {"TPR threshold", VMCS_TPR_THRESHOLD, IN(tpr_threshold), FIELD_PRIMARY, PRIMARY_USE_TPR_SHADOW},
    {"EOI-exit bitmap 0", VMCS_EOI_EXIT_BITMAP0, IN(eoi_exit_bitmap[0]), FIELD_SECONDARY,
     SECONDARY_VIRTUAL_INTERRUPT_DELIVERY},
    {"EOI-exit bitmap 1", VMCS_EOI_EXIT_BITMAP1, IN(eoi_exit_bitmap[1]), FIELD_SECONDARY,
     SECONDARY_VIRTUAL_INTERRUPT_DELIVERY},
    {"EOI-exit bitmap 2", VMCS_EOI_EXIT_BITMAP2, IN(eoi_exit_bitmap[2]), FIELD_SECONDARY,
     SECONDARY_VIRTUAL_INTERRUPT_DELIVERY},
    {"EOI-exit bitmap 3", VMCS_EOI_EXIT_BITMAP3, IN(eoi_exit_bitmap[3]), FIELD_SECONDARY,
     SECONDARY_VIRTUAL_INTERRUPT_DELIVERY},
    {"posted-interrupt notification vector", VMCS_POSTED_INTERRUPT_VECTOR,
     IN(posted_interrupt_vector), FIELD_PIN, PIN_PROCESS_POSTED_INTERRUPTS},
    {"posted-interrupt descriptor address", VMCS_POSTED_INTERRUPT_DESCRIPTOR,
     IN(posted_interrupt_descriptor), FIELD_PIN, PIN_PROCESS_POSTED_INTERRUPTS},
    {"EPT pointer", VMCS_EPT_POINTER, IN(ept_pointer), FIELD_SECONDARY, SECONDARY_ENABLE_EPT},
    {"virtual-processor identifier (VPID)", VMCS_VPID, IN(vpid), FIELD_SECONDARY,
     SECONDARY_ENABLE_VPID},
    {"PML address", VMCS_PML_ADDRESS, IN(pml_address), FIELD_SECONDARY, SECONDARY_ENABLE_PML},
    {"PLE_Gap", VMCS_PLE_GAP, IN(ple_gap), FIELD_SECONDARY, SECONDARY_PAUSE_LOOP_EXITING},
    {"PLE_Window", VMCS_PLE_WINDOW, IN(ple_window), FIELD_SECONDARY, SECONDARY_PAUSE_LOOP_EXITING},
    {"VM-exit controls", VMCS_EXIT_CONTROLS, IN(exit_controls), FIELD_ALWAYS, 0},
    {"VM-exit MSR-store count", VMCS_EXIT_MSR_STORE_COUNT, IN(exit_msr_store_count), FIELD_ALWAYS,
     0},
    {"VM-exit MSR-store address", VMCS_EXIT_MSR_STORE_ADDRESS, IN(exit_msr_store_address),
     FIELD_ALWAYS, 0},
    {"VM-exit MSR-load count", VMCS_EXIT_MSR_LOAD_COUNT, IN(exit_msr_load_count), FIELD_ALWAYS, 0},
    {"VM-exit MSR-load address", VMCS_EXIT_MSR_LOAD_ADDRESS, IN(exit_msr_load_address),
     FIELD_ALWAYS, 0},
    {"VM-entry controls", VMCS_ENTRY_CONTROLS, IN(entry_controls), FIELD_ALWAYS, 0},
    {"VM-entry MSR-load count", VMCS_ENTRY_MSR_LOAD_COUNT, IN(entry_msr_load_count), FIELD_ALWAYS,
     0},
    {"VM-entry MSR-load address", VMCS_ENTRY_MSR_LOAD_ADDRESS, IN(entry_msr_load_address),
     FIELD_ALWAYS, 0},
    {"VM-entry interruption-information field", VMCS_ENTRY_INTERRUPTION_INFORMATION,
     IN(entry_interruption_information), FIELD_ALWAYS, 0},
    {"VM-entry exception error code", VMCS_ENTRY_EXCEPTION_ERROR_CODE,
     IN(entry_exception_error_code), FIELD_ALWAYS, 0},
    {"VM-entry instruction length", VMCS_ENTRY_INSTRUCTION_LENGTH, IN(entry_instruction_length),
     FIELD_ALWAYS, 0},
    {"host CR0", VMCS_HOST_CR0, IN(host_cr0), FIELD_ALWAYS, 0},
    {"host CR3", VMCS_HOST_CR3, IN(host_cr3), FIELD_ALWAYS, 0},
    {"host CR4", VMCS_HOST_CR4, IN(host_cr4), FIELD_ALWAYS, 0},
    {"host RSP", VMCS_HOST_RSP, IN(host_rsp), FIELD_ALWAYS, 0},
    {"host RIP", VMCS_HOST_RIP, IN(host_rip), FIELD_ALWAYS, 0},
    {"host CS selector", VMCS_HOST_CS_SELECTOR, IN(host_cs_selector), FIELD_ALWAYS, 0},
    {"host SS selector", VMCS_HOST_SS_SELECTOR, IN(host_ss_selector), FIELD_ALWAYS, 0},
    {"host DS selector", VMCS_HOST_DS_SELECTOR, IN(host_ds_selector), FIELD_ALWAYS, 0},
    {"host ES selector", VMCS_HOST_ES_SELECTOR, IN(host_es_selector), FIELD_ALWAYS, 0},
    {"host FS selector", VMCS_HOST_FS_SELECTOR, IN(host_fs_selector), FIELD_ALWAYS, 0},
    {"host GS selector", VMCS_HOST_GS_SELECTOR, IN(host_gs_selector), FIELD_ALWAYS, 0},
    {"host TR selector", VMCS_HOST_TR_SELECTOR, IN(host_tr_selector), FIELD_ALWAYS, 0},
    {"host FS base", VMCS_HOST_FS_BASE, IN(host_fs_base), FIELD_ALWAYS, 0},
    {"host GS base", VMCS_HOST_GS_BASE, IN(host_gs_base), FIELD_ALWAYS, 0},
    {"host TR base", VMCS_HOST_TR_BASE, IN(host_tr_base), FIELD_ALWAYS, 0},
    {"host GDTR base", VMCS_HOST_GDTR_BASE, IN(host_gdtr_base), FIELD_ALWAYS, 0},
    {"host IDTR base", VMCS_HOST_IDTR_BASE, IN(host_idtr_base), FIELD_ALWAYS, 0},
    {"host IA32_SYSENTER_CS", VMCS_HOST_SYSENTER_CS, IN(host_sysenter_cs), FIELD_ALWAYS, 0},
    {"host IA32_SYSENTER_ESP", VMCS_HOST_SYSENTER_ESP, IN(host_sysenter_esp), FIELD_ALWAYS, 0},
    {"host IA32_SYSENTER_EIP", VMCS_HOST_SYSENTER_EIP, IN(host_sysenter_eip), FIELD_ALWAYS, 0},
    {"host IA32_PAT", VMCS_HOST_PAT, IN(host_pat), FIELD_EXIT, EXIT_LOAD_PAT},
    {"host IA32_EFER", VMCS_HOST_EFER, IN(host_efer), FIELD_EXIT, EXIT_LOAD_EFER},
    {"guest CR0", VMCS_GUEST_CR0, IN(guest_cr0), FIELD_ALWAYS, 0},
    {"guest CR3", VMCS_GUEST_CR3, IN(guest_cr3), FIELD_ALWAYS, 0},
    {"guest CR4", VMCS_GUEST_CR4, IN(guest_cr4), FIELD_ALWAYS, 0},
    {"guest DR7", VMCS_GUEST_DR7, IN(guest_dr7), FIELD_ALWAYS, 0},
    {"guest RSP", VMCS_GUEST_RSP, IN(guest_rsp), FIELD_ALWAYS, 0},
    {"guest RIP", VMCS_GUEST_RIP, IN(guest_rip), FIELD_ALWAYS, 0},
    {"guest RFLAGS", VMCS_GUEST_RFLAGS, IN(guest_rflags), FIELD_ALWAYS, 0},
    {"guest ES selector", VMCS_GUEST_ES_SELECTOR, IN(es.selector), FIELD_ALWAYS, 0},
    {"guest ES base", VMCS_GUEST_ES_BASE, IN(es.base), FIELD_ALWAYS, 0},
    {"guest ES limit", VMCS_GUEST_ES_LIMIT, IN(es.limit), FIELD_ALWAYS, 0},
    {"guest ES access rights", VMCS_GUEST_ES_ACCESS_RIGHTS, IN(es.access_rights), FIELD_ALWAYS, 0},
    {"guest CS selector", VMCS_GUEST_CS_SELECTOR, IN(cs.selector), FIELD_ALWAYS, 0},
    {"guest CS base", VMCS_GUEST_CS_BASE, IN(cs.base), FIELD_ALWAYS, 0},
    {"guest CS limit", VMCS_GUEST_CS_LIMIT, IN(cs.limit), FIELD_ALWAYS, 0},
    {"guest CS access rights", VMCS_GUEST_CS_ACCESS_RIGHTS, IN(cs.access_rights), FIELD_ALWAYS, 0},
    {"guest SS selector", VMCS_GUEST_SS_SELECTOR, IN(ss.selector), FIELD_ALWAYS, 0},
    {"guest SS base", VMCS_GUEST_SS_BASE, IN(ss.base), FIELD_ALWAYS, 0},
    {"guest SS limit", VMCS_GUEST_SS_LIMIT, IN(ss.limit), FIELD_ALWAYS, 0},
    {"guest SS access rights", VMCS_GUEST_SS_ACCESS_RIGHTS, IN(ss.access_rights), FIELD_ALWAYS, 0},
    {"guest DS selector", VMCS_GUEST_DS_SELECTOR, IN(ds.selector), FIELD_ALWAYS, 0},
    {"guest DS base", VMCS_GUEST_DS_BASE, IN(ds.base), FIELD_ALWAYS, 0},
    {"guest DS limit", VMCS_GUEST_DS_LIMIT, IN(ds.limit), FIELD_ALWAYS, 0},
    {"guest DS access rights", VMCS_GUEST_DS_ACCESS_RIGHTS, IN(ds.access_rights), FIELD_ALWAYS, 0},
    {"guest FS selector", VMCS_GUEST_FS_SELECTOR, IN(fs.selector), FIELD_ALWAYS, 0},
    {"guest FS base", VMCS_GUEST_FS_BASE, IN(fs.base), FIELD_ALWAYS, 0},
    {"guest FS limit", VMCS_GUEST_FS_LIMIT, IN(fs.limit), FIELD_ALWAYS, 0},
    {"guest FS access rights", VMCS_GUEST_FS_ACCESS_RIGHTS, IN(fs.access_rights), FIELD_ALWAYS, 0},
    {"guest GS selector", VMCS_GUEST_GS_SELECTOR, IN(gs.selector), FIELD_ALWAYS, 0},
    {"guest GS base", VMCS_GUEST_GS_BASE, IN(gs.base), FIELD_ALWAYS, 0},
    {"guest GS limit", VMCS_GUEST_GS_LIMIT, IN(gs.limit), FIELD_ALWAYS, 0},
    {"guest GS access rights", VMCS_GUEST_GS_ACCESS_RIGHTS, IN(gs.access_rights), FIELD_ALWAYS, 0},
    {"guest LDTR selector", VMCS_GUEST_LDTR_SELECTOR, IN(ldtr.selector), FIELD_ALWAYS, 0},
    {"guest LDTR base", VMCS_GUEST_LDTR_BASE, IN(ldtr.base), FIELD_ALWAYS, 0},
    {"guest LDTR limit", VMCS_GUEST_LDTR_LIMIT, IN(ldtr.limit), FIELD_ALWAYS, 0},
    {"guest LDTR access rights", VMCS_GUEST_LDTR_ACCESS_RIGHTS, IN(ldtr.access_rights),
     FIELD_ALWAYS, 0},
    {"guest TR selector", VMCS_GUEST_TR_SELECTOR, IN(tr.selector), FIELD_ALWAYS, 0},
    {"guest TR base", VMCS_GUEST_TR_BASE, IN(tr.base), FIELD_ALWAYS, 0},
    {"guest TR limit", VMCS_GUEST_TR_LIMIT, IN(tr.limit), FIELD_ALWAYS, 0},
    {"guest TR access rights", VMCS_GUEST_TR_ACCESS_RIGHTS, IN(tr.access_rights), FIELD_ALWAYS, 0},
    {"guest GDTR base", VMCS_GUEST_GDTR_BASE, IN(gdtr.base), FIELD_ALWAYS, 0},
    {"guest GDTR limit", VMCS_GUEST_GDTR_LIMIT, IN(gdtr.limit), FIELD_ALWAYS, 0},
    {"guest IDTR base", VMCS_GUEST_IDTR_BASE, IN(idtr.base), FIELD_ALWAYS, 0},
    {"guest IDTR limit", VMCS_GUEST_IDTR_LIMIT, IN(idtr.limit), FIELD_ALWAYS, 0},
    {"guest IA32_DEBUGCTL", VMCS_GUEST_DEBUGCTL, IN(guest_debugctl), FIELD_ALWAYS, 0},
    {"guest IA32_SYSENTER_CS", VMCS_GUEST_SYSENTER_CS, IN(guest_sysenter_cs), FIELD_ALWAYS, 0},
    {"guest IA32_SYSENTER_ESP", VMCS_GUEST_SYSENTER_ESP, IN(guest_sysenter_esp), FIELD_ALWAYS, 0},
    {"guest IA32_SYSENTER_EIP", VMCS_GUEST_SYSENTER_EIP, IN(guest_sysenter_eip), FIELD_ALWAYS, 0},
    {"guest IA32_PAT", VMCS_GUEST_PAT, IN(guest_pat), FIELD_EXIT, EXIT_SAVE_PAT},
    {"guest IA32_EFER", VMCS_GUEST_EFER, IN(guest_efer), FIELD_EXIT, EXIT_SAVE_EFER},
    {"guest activity state", VMCS_GUEST_ACTIVITY, IN(guest_activity), FIELD_ALWAYS, 0},
    {"guest interruptibility state", VMCS_GUEST_INTERRUPTIBILITY, IN(guest_interruptibility),
     FIELD_ALWAYS, 0},
    {"guest pending debug exceptions", VMCS_GUEST_PENDING_DEBUG, IN(guest_pending_debug),
     FIELD_ALWAYS, 0},
    {"VMCS link pointer", VMCS_LINK_POINTER, IN(link_pointer), FIELD_ALWAYS, 0},
    {"VMX-preemption timer value", VMCS_PREEMPTION_TIMER, IN(preemption_timer), FIELD_PIN,
     PIN_PREEMPTION_TIMER},
    {"guest interrupt status", VMCS_GUEST_INTERRUPT_STATUS, IN(guest_interrupt_status),
     FIELD_SECONDARY, SECONDARY_VIRTUAL_INTERRUPT_DELIVERY},
    {"PML index", VMCS_PML_INDEX, IN(pml_index), FIELD_SECONDARY, SECONDARY_ENABLE_PML},
    {"guest PDPTE0", VMCS_GUEST_PDPTE0, IN(guest_pdpte[0]), FIELD_SECONDARY, SECONDARY_ENABLE_EPT},
    {"guest PDPTE1", VMCS_GUEST_PDPTE1, IN(guest_pdpte[1]), FIELD_SECONDARY, SECONDARY_ENABLE_EPT},
    {"guest PDPTE2", VMCS_GUEST_PDPTE2, IN(guest_pdpte[2]), FIELD_SECONDARY, SECONDARY_ENABLE_EPT},
    {"guest PDPTE3", VMCS_GUEST_PDPTE3, IN(guest_pdpte[3]), FIELD_SECONDARY, SECONDARY_ENABLE_EPT},
};

const unsigned vmcs_field_count = sizeof(vmcs_fields) / sizeof(vmcs_fields[0]);

bool vmcs_field_exists(const struct vmcs_field *field, const struct vmx_capabilities *capabilities)
{
    uint64_t word = 0;

    switch (field->word) {
    case FIELD_ALWAYS:
        return true;
    case FIELD_PIN:
        word = vmx_pin_capability(capabilities);
        break;
    case FIELD_PRIMARY:
        word = vmx_primary_capability(capabilities);
        break;
    case FIELD_SECONDARY:
        word = capabilities->procbased2;
        break;
    case FIELD_EXIT:
        word = vmx_exit_capability(capabilities);
        break;
    }
    return ((word >> 32) & field->bit) != 0;
}

uint64_t *vmcs_image_member(struct vmcs_image *image, const struct vmcs_field *field)
{
    return (uint64_t *)((char *)image + field->offset);
}
