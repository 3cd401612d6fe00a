/* VMCS images that a processor accepts: a 64-bit host, and guests in three modes. */
#pragma once
#include <stdlib.h>

#include "arch/control_registers.h"
#include "arch/msr.h"
#include "arch/vmx/vmcs.h"
#include "arch/vmx/vmcs_image.h"
#include "tests/unit/processor.h"

#define CODE_16 0x9b
#define DATA_16 0x93
#define CODE_32 0xc09b
#define CODE_64 0xa09b
#define DATA_32 0xc093

static inline void image_controls(struct vmcs_image *v) {
    struct vmx_capabilities c = broadwell();
    struct vmx_controls w;

    if (!vmx_choose_controls(&c, VMX_APIC_XAPIC, false, false, &w)) {
        abort();
    }
    v->pin_based_controls = w.pin;
    v->primary_controls = w.primary;
    v->secondary_controls = w.secondary;
    v->exit_controls = w.exit;
    v->entry_controls = w.entry;
    v->io_bitmap_a = 0x1000;
    v->io_bitmap_b = 0x2000;
    v->msr_bitmap = 0x3000;
    v->virtual_apic_address = 0x4000;
    v->apic_access_address = 0x5000;
    v->ept_pointer = 0x601e;
    v->vpid = 1;
    v->link_pointer = ~0ULL;
}

static inline void image_host(struct vmcs_image *v) {
    v->host_cr0 = CR0_PE | CR0_NE | CR0_WP | CR0_PG;
    v->host_cr3 = 0x7000;
    v->host_cr4 = CR4_PAE | CR4_VMXE;
    v->host_rip = 0xffffffff80001000;
    v->host_cs_selector = 0x08;
    v->host_tr_selector = 0x18;
    v->host_tr_base = 0xffffffff80002000;
    v->host_gdtr_base = 0xffffffff80003000;
    v->host_idtr_base = 0xffffffff80004000;
    v->host_gs_base = 0xffffffff80005000;
    v->host_pat = PAT_RESET;
    v->host_efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
}

static inline void image_data_segments(struct vmcs_image *v, struct image_segment data) {
    v->ss = v->ds = v->es = v->fs = v->gs = data;
}

/* A vCPU after a start-up IPI: real mode, in an unrestricted guest. */
static inline struct vmcs_image real_mode_image(void) {
    struct vmcs_image v = {0};

    image_controls(&v);
    image_host(&v);
    v.guest_cr0 = CR0_ET | CR0_NE;
    v.guest_cr4 = CR4_VMXE;
    v.guest_dr7 = DR7_RESET;
    v.guest_rflags = RFLAGS_ONE;
    v.cs = (struct image_segment){0x9000 >> 4, 0x9000, 0xffff, CODE_16};
    image_data_segments(&v, (struct image_segment){0, 0, 0xffff, DATA_16});
    v.ldtr = (struct image_segment){0, 0, 0xffff, 0x82};
    v.tr = (struct image_segment){0, 0, 0xffff, 0x8b};
    v.gdtr.limit = v.idtr.limit = 0xffff;
    v.guest_pat = PAT_RESET;
    return v;
}

/* A Multiboot kernel at its entry: 32-bit protected mode without paging. */
static inline struct vmcs_image protected_image(void) {
    struct vmcs_image v = real_mode_image();

    v.guest_cr0 |= CR0_PE;
    v.guest_rip = 0x100000;
    v.cs = (struct image_segment){0x08, 0, 0xffffffff, CODE_32};
    image_data_segments(&v, (struct image_segment){0x10, 0, 0xffffffff, DATA_32});
    v.ldtr.access_rights = ACCESS_RIGHTS_UNUSABLE;
    return v;
}

/* A 64-bit kernel. */
static inline struct vmcs_image long_mode_image(void) {
    struct vmcs_image v = protected_image();

    v.entry_controls |= VM_ENTRY_CONTROL_IA32E_MODE_GUEST;
    v.guest_cr0 |= CR0_PG | CR0_WP;
    v.guest_cr3 = 0x1000;
    v.guest_cr4 |= CR4_PAE | CR4_PCIDE;
    v.guest_efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
    v.guest_rip = 0xffffffff81000000;
    v.guest_rflags |= RFLAGS_IF;
    v.cs.access_rights = CODE_64;
    v.gs.base = 0xffff888000000000;
    return v;
}

/* A task in virtual-8086 mode under a 32-bit kernel. */
static inline struct vmcs_image v8086_image(void) {
    struct vmcs_image v = protected_image();

    v.guest_rflags |= RFLAGS_VM | RFLAGS_IF;
    v.guest_rip = 0x100;
    v.cs = (struct image_segment){0x1234, 0x12340, 0xffff, 0xf3};
    image_data_segments(&v, (struct image_segment){0x2000, 0x20000, 0xffff, 0xf3});
    return v;
}

/* A 32-bit guest with paging. */
static inline struct vmcs_image paged_image(void) {
    struct vmcs_image v = protected_image();

    v.guest_cr0 |= CR0_PG;
    return v;
}
