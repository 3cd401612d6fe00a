/* A VMCS as a plain structure, and the table that says which member is which field.
 *
 * The fields of a VMCS can be reached only by VMREAD, one by one, and only while it is current. The
 * image is a copy that ordinary code can look at: the VM-entry checker, a dump, a test. To take
 * one, go through vmcs_fields[] and VMREAD each field that vmcs_field_exists() on this processor
 * into the member at its offset; every member is 64 bits wide. Pure. SDM Vol. 3C, "Virtual Machine
 * Control Structures". Read next: arch/entry_check.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "arch/vmx_controls.h"

struct image_segment {
    uint64_t selector, base, limit, access_rights;
};

struct image_table {
    uint64_t base, limit;
};

struct vmcs_image {
    /* VM-execution controls */
    uint64_t pin_based_controls, primary_controls, secondary_controls;
    uint64_t exception_bitmap, page_fault_error_mask, page_fault_error_match;
    uint64_t io_bitmap_a, io_bitmap_b, msr_bitmap;
    uint64_t tsc_offset, tsc_multiplier;
    uint64_t cr0_mask, cr4_mask, cr0_read_shadow, cr4_read_shadow;
    uint64_t cr3_target_count;
    uint64_t virtual_apic_address, apic_access_address, tpr_threshold;
    uint64_t eoi_exit_bitmap[4];
    uint64_t posted_interrupt_vector, posted_interrupt_descriptor;
    uint64_t ept_pointer, vpid, pml_address;
    uint64_t ple_gap, ple_window;

    /* VM-exit and VM-entry controls */
    uint64_t exit_controls;
    uint64_t exit_msr_store_count, exit_msr_store_address;
    uint64_t exit_msr_load_count, exit_msr_load_address;
    uint64_t entry_controls;
    uint64_t entry_msr_load_count, entry_msr_load_address;
    uint64_t entry_interruption_information, entry_exception_error_code, entry_instruction_length;

    /* host state */
    uint64_t host_cr0, host_cr3, host_cr4;
    uint64_t host_rsp, host_rip;
    uint64_t host_cs_selector, host_ss_selector, host_ds_selector, host_es_selector;
    uint64_t host_fs_selector, host_gs_selector, host_tr_selector;
    uint64_t host_fs_base, host_gs_base, host_tr_base, host_gdtr_base, host_idtr_base;
    uint64_t host_sysenter_cs, host_sysenter_esp, host_sysenter_eip;
    uint64_t host_pat, host_efer;

    /* guest state */
    uint64_t guest_cr0, guest_cr3, guest_cr4, guest_dr7;
    uint64_t guest_rsp, guest_rip, guest_rflags;
    struct image_segment es, cs, ss, ds, fs, gs, ldtr, tr;
    struct image_table gdtr, idtr;
    uint64_t guest_debugctl, guest_sysenter_cs, guest_sysenter_esp, guest_sysenter_eip;
    uint64_t guest_pat, guest_efer;
    uint64_t guest_activity, guest_interruptibility, guest_pending_debug;
    uint64_t link_pointer, preemption_timer;
    uint64_t guest_interrupt_status, pml_index;
    uint64_t guest_pdpte[4];

    /* Not in the VMCS: the task-priority register of the virtual-APIC page. */
    uint64_t virtual_tpr;
};

/* The control word that decides whether a field exists on a processor. */
enum vmcs_field_word { FIELD_ALWAYS, FIELD_PIN, FIELD_PRIMARY, FIELD_SECONDARY, FIELD_EXIT };

struct vmcs_field {
    const char *name; /* in the SDM's words */
    uint16_t encoding;
    uint16_t offset; /* in struct vmcs_image, of a uint64_t */
    enum vmcs_field_word word;
    uint32_t bit; /* the control that must be allowed for the field to exist */
};

extern const struct vmcs_field vmcs_fields[];
extern const unsigned vmcs_field_count;

/* Whether VMREAD can read the field on a processor with these capabilities. */
bool vmcs_field_exists(const struct vmcs_field *field, const struct vmx_capabilities *capabilities);

/* The member of the image that the field is. */
uint64_t *vmcs_image_member(struct vmcs_image *image, const struct vmcs_field *field);
