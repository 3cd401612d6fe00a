/* The table of the image's fields: see arch/vmx/vmcs_image.h. */
#include "arch/vmx/vmcs_image.h"

#include <stddef.h>

#include "arch/vmx/vmcs.h"

#define WORD(member) (offsetof(struct vmcs_image, member) / sizeof(uint64_t))

#define SEGMENT(member, NAME)                                                                      \
    [WORD(member.selector)] = {VMCS_GUEST_##NAME##_SELECTOR, "guest " #NAME " selector"},          \
    [WORD(member.base)] = {VMCS_GUEST_##NAME##_BASE, "guest " #NAME " base"},                      \
    [WORD(member.limit)] = {VMCS_GUEST_##NAME##_LIMIT, "guest " #NAME " limit"},                   \
    [WORD(member.access_rights)] = {VMCS_GUEST_##NAME##_ACCESS_RIGHTS,                             \
                                    "guest " #NAME " access rights"}

const struct vmcs_field vmcs_fields[VMCS_IMAGE_WORDS] = {
    [WORD(pin_based_controls)] = {VMCS_PIN_BASED_CONTROLS, "pin-based VM-execution controls"},
    [WORD(primary_controls)] = {VMCS_PRIMARY_CONTROLS,
                                "primary processor-based VM-execution controls"},
    [WORD(secondary_controls)] = {VMCS_SECONDARY_CONTROLS,
                                  "secondary processor-based VM-execution controls"},
    [WORD(io_bitmap_a)] = {VMCS_IO_BITMAP_A, "address of I/O bitmap A"},
    [WORD(io_bitmap_b)] = {VMCS_IO_BITMAP_B, "address of I/O bitmap B"},
    [WORD(msr_bitmap)] = {VMCS_MSR_BITMAP, "address of MSR bitmaps"},
    [WORD(cr3_target_count)] = {VMCS_CR3_TARGET_COUNT, "CR3-target count"},
    [WORD(virtual_apic_address)] = {VMCS_VIRTUAL_APIC_ADDRESS, "virtual-APIC address"},
    [WORD(apic_access_address)] = {VMCS_APIC_ACCESS_ADDRESS, "APIC-access address"},
    [WORD(tpr_threshold)] = {VMCS_TPR_THRESHOLD, "TPR threshold"},
    [WORD(ept_pointer)] = {VMCS_EPT_POINTER, "EPT pointer"},
    [WORD(vpid)] = {VMCS_VPID, "virtual-processor identifier (VPID)"},
    [WORD(exit_controls)] = {VMCS_EXIT_CONTROLS, "VM-exit controls"},
    [WORD(exit_msr_store_count)] = {VMCS_EXIT_MSR_STORE_COUNT, "VM-exit MSR-store count"},
    [WORD(exit_msr_load_count)] = {VMCS_EXIT_MSR_LOAD_COUNT, "VM-exit MSR-load count"},
    [WORD(entry_controls)] = {VMCS_ENTRY_CONTROLS, "VM-entry controls"},
    [WORD(entry_msr_load_count)] = {VMCS_ENTRY_MSR_LOAD_COUNT, "VM-entry MSR-load count"},
    [WORD(entry_interruption_information)] = {VMCS_ENTRY_INTERRUPTION_INFORMATION,
                                              "VM-entry interruption-information field"},
    [WORD(entry_exception_error_code)] = {VMCS_ENTRY_EXCEPTION_ERROR_CODE,
                                          "VM-entry exception error code"},
    [WORD(entry_instruction_length)] = {VMCS_ENTRY_INSTRUCTION_LENGTH,
                                        "VM-entry instruction length"},
    [WORD(host_cr0)] = {VMCS_HOST_CR0, "host CR0"},
    [WORD(host_cr3)] = {VMCS_HOST_CR3, "host CR3"},
    [WORD(host_cr4)] = {VMCS_HOST_CR4, "host CR4"},
    [WORD(host_rip)] = {VMCS_HOST_RIP, "host RIP"},
    [WORD(host_cs_selector)] = {VMCS_HOST_CS_SELECTOR, "host CS selector"},
    [WORD(host_ss_selector)] = {VMCS_HOST_SS_SELECTOR, "host SS selector"},
    [WORD(host_ds_selector)] = {VMCS_HOST_DS_SELECTOR, "host DS selector"},
    [WORD(host_es_selector)] = {VMCS_HOST_ES_SELECTOR, "host ES selector"},
    [WORD(host_fs_selector)] = {VMCS_HOST_FS_SELECTOR, "host FS selector"},
    [WORD(host_gs_selector)] = {VMCS_HOST_GS_SELECTOR, "host GS selector"},
    [WORD(host_tr_selector)] = {VMCS_HOST_TR_SELECTOR, "host TR selector"},
    [WORD(host_fs_base)] = {VMCS_HOST_FS_BASE, "host FS base"},
    [WORD(host_gs_base)] = {VMCS_HOST_GS_BASE, "host GS base"},
    [WORD(host_tr_base)] = {VMCS_HOST_TR_BASE, "host TR base"},
    [WORD(host_gdtr_base)] = {VMCS_HOST_GDTR_BASE, "host GDTR base"},
    [WORD(host_idtr_base)] = {VMCS_HOST_IDTR_BASE, "host IDTR base"},
    [WORD(host_sysenter_esp)] = {VMCS_HOST_SYSENTER_ESP, "host IA32_SYSENTER_ESP"},
    [WORD(host_sysenter_eip)] = {VMCS_HOST_SYSENTER_EIP, "host IA32_SYSENTER_EIP"},
    [WORD(host_pat)] = {VMCS_HOST_PAT, "host IA32_PAT"},
    [WORD(host_efer)] = {VMCS_HOST_EFER, "host IA32_EFER"},
    [WORD(guest_cr0)] = {VMCS_GUEST_CR0, "guest CR0"},
    [WORD(guest_cr3)] = {VMCS_GUEST_CR3, "guest CR3"},
    [WORD(guest_cr4)] = {VMCS_GUEST_CR4, "guest CR4"},
    [WORD(guest_dr7)] = {VMCS_GUEST_DR7, "guest DR7"},
    [WORD(guest_rip)] = {VMCS_GUEST_RIP, "guest RIP"},
    [WORD(guest_rflags)] = {VMCS_GUEST_RFLAGS, "guest RFLAGS"},
    SEGMENT(es, ES),
    SEGMENT(cs, CS),
    SEGMENT(ss, SS),
    SEGMENT(ds, DS),
    SEGMENT(fs, FS),
    SEGMENT(gs, GS),
    SEGMENT(ldtr, LDTR),
    SEGMENT(tr, TR),
    [WORD(gdtr.base)] = {VMCS_GUEST_GDTR_BASE, "guest GDTR base"},
    [WORD(gdtr.limit)] = {VMCS_GUEST_GDTR_LIMIT, "guest GDTR limit"},
    [WORD(idtr.base)] = {VMCS_GUEST_IDTR_BASE, "guest IDTR base"},
    [WORD(idtr.limit)] = {VMCS_GUEST_IDTR_LIMIT, "guest IDTR limit"},
    [WORD(guest_debugctl)] = {VMCS_GUEST_DEBUGCTL, "guest IA32_DEBUGCTL"},
    [WORD(guest_sysenter_esp)] = {VMCS_GUEST_SYSENTER_ESP, "guest IA32_SYSENTER_ESP"},
    [WORD(guest_sysenter_eip)] = {VMCS_GUEST_SYSENTER_EIP, "guest IA32_SYSENTER_EIP"},
    [WORD(guest_pat)] = {VMCS_GUEST_PAT, "guest IA32_PAT"},
    [WORD(guest_efer)] = {VMCS_GUEST_EFER, "guest IA32_EFER"},
    [WORD(guest_activity)] = {VMCS_GUEST_ACTIVITY, "guest activity state"},
    [WORD(guest_interruptibility)] = {VMCS_GUEST_INTERRUPTIBILITY, "guest interruptibility state"},
    [WORD(guest_pending_debug)] = {VMCS_GUEST_PENDING_DEBUG, "guest pending debug exceptions"},
    [WORD(link_pointer)] = {VMCS_LINK_POINTER, "VMCS link pointer"},
    [WORD(guest_pdpte[0])] = {VMCS_GUEST_PDPTE0, "guest PDPTE0"},
    [WORD(guest_pdpte[1])] = {VMCS_GUEST_PDPTE1, "guest PDPTE1"},
    [WORD(guest_pdpte[2])] = {VMCS_GUEST_PDPTE2, "guest PDPTE2"},
    [WORD(guest_pdpte[3])] = {VMCS_GUEST_PDPTE3, "guest PDPTE3"},
};
