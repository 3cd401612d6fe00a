/* A copy of a VMCS in a structure, and the table of which member is which field.
 *
 * The fields of a VMCS can be read only by VMREAD, one at a time, and only while the VMCS is
 * current. The image is a copy for code that must not depend on that: the VM-entry checker, and
 * tests. It has the fields that the checker's rules read; a processor for which vmx_missing()
 * returns 0 has all of them. To make an image, VMREAD each field of vmcs_fields[] into the word
 * with the same index. Pure. SDM Vol. 3C, "Virtual Machine Control Structures". Read next:
 * arch/vmx/entry_check.h. */
#pragma once
#include <stdint.h>

struct image_segment {
    uint64_t selector, base, limit, access_rights;
};

struct image_table {
    uint64_t base, limit;
};

#define IMAGE_SEGMENTS 8

/* Every field takes a 64-bit word, whatever its width. */
struct vmcs_image {
    /* VM-execution, VM-exit and VM-entry controls */
    uint64_t pin_based_controls, primary_controls, secondary_controls;
    uint64_t io_bitmap_a, io_bitmap_b, msr_bitmap;
    uint64_t cr3_target_count, virtual_apic_address, apic_access_address, tpr_threshold;
    uint64_t posted_vector, posted_descriptor; /* 0 without posted interrupts */
    uint64_t ept_pointer, vpid;
    uint64_t exit_controls, exit_msr_store_count, exit_msr_load_count;
    uint64_t entry_controls, entry_msr_load_count;
    uint64_t entry_interruption_information, entry_exception_error_code, entry_instruction_length;

    /* host state */
    uint64_t host_cr0, host_cr3, host_cr4, host_rip;
    uint64_t host_cs_selector, host_ss_selector, host_ds_selector, host_es_selector;
    uint64_t host_fs_selector, host_gs_selector, host_tr_selector;
    uint64_t host_fs_base, host_gs_base, host_tr_base, host_gdtr_base, host_idtr_base;
    uint64_t host_sysenter_esp, host_sysenter_eip, host_pat, host_efer;

    /* guest state */
    uint64_t guest_cr0, guest_cr3, guest_cr4, guest_dr7, guest_rip, guest_rflags;
    union {
        struct image_segment segment[IMAGE_SEGMENTS]; /* in the order of their encodings: */
        struct {
            struct image_segment es, cs, ss, ds, fs, gs, ldtr, tr;
        };
    };
    struct image_table gdtr, idtr;
    uint64_t guest_debugctl, guest_sysenter_esp, guest_sysenter_eip, guest_pat, guest_efer;
    uint64_t guest_activity, guest_interruptibility, guest_pending_debug, link_pointer;
    uint64_t guest_pdpte[4];
};

#define VMCS_IMAGE_WORDS (sizeof(struct vmcs_image) / sizeof(uint64_t))

struct vmcs_field {
    uint32_t encoding; /* VMCS_... */
    const char *name;  /* in the SDM's words */
};

/* Indexed by the position of the word in the image. */
extern const struct vmcs_field vmcs_fields[VMCS_IMAGE_WORDS];
