/* The VMCS: the encodings of the fields that Pinwheel uses, and the bits of their values.
 *
 * Bits 14:13 of an encoding give the field's width, bits 11:10 its kind; the high half of a 64-bit
 * field has the encoding + 1 and is not needed in 64-bit mode. A field exists only if the processor
 * supports the control that uses it. Pure: numbers only. SDM Vol. 3D, "Field Encoding in VMCS";
 * Vol. 3C, "Virtual Machine Control Structures". Read next: arch/vmx/vmx_controls.h, which chooses
 * the controls, and arch/vmx/entry_check.h. */
#pragma once
#include <stdint.h>

/* ---- 16-bit: controls, guest, host ---- */
#define VMCS_VPID                   0x0000
#define VMCS_POSTED_VECTOR          0x0002 /* the posted-interrupt notification vector */
#define VMCS_GUEST_ES_SELECTOR      0x0800
#define VMCS_GUEST_CS_SELECTOR      0x0802
#define VMCS_GUEST_SS_SELECTOR      0x0804
#define VMCS_GUEST_DS_SELECTOR      0x0806
#define VMCS_GUEST_FS_SELECTOR      0x0808
#define VMCS_GUEST_GS_SELECTOR      0x080a
#define VMCS_GUEST_LDTR_SELECTOR    0x080c
#define VMCS_GUEST_TR_SELECTOR      0x080e
#define VMCS_GUEST_INTERRUPT_STATUS 0x0810 /* RVI in bits 7:0, SVI in bits 15:8 */
#define VMCS_HOST_ES_SELECTOR       0x0c00
#define VMCS_HOST_CS_SELECTOR       0x0c02
#define VMCS_HOST_SS_SELECTOR       0x0c04
#define VMCS_HOST_DS_SELECTOR       0x0c06
#define VMCS_HOST_FS_SELECTOR       0x0c08
#define VMCS_HOST_GS_SELECTOR       0x0c0a
#define VMCS_HOST_TR_SELECTOR       0x0c0c

/* ---- 64-bit: controls ---- */
#define VMCS_IO_BITMAP_A          0x2000
#define VMCS_IO_BITMAP_B          0x2002
#define VMCS_MSR_BITMAP           0x2004
#define VMCS_TSC_OFFSET           0x2010
#define VMCS_VIRTUAL_APIC_ADDRESS 0x2012
#define VMCS_APIC_ACCESS_ADDRESS  0x2014
#define VMCS_POSTED_DESCRIPTOR    0x2016 /* the posted-interrupt descriptor address */
#define VMCS_EPT_POINTER          0x201a
#define VMCS_EOI_EXIT_BITMAP0     0x201c
#define VMCS_EOI_EXIT_BITMAP3     0x2022
#define VMCS_ENCLS_EXITING_BITMAP 0x202e
#define VMCS_ENCLV_EXITING_BITMAP 0x2036

/* ---- 64-bit: read-only, guest, host ---- */
#define VMCS_GUEST_PHYSICAL_ADDRESS 0x2400
#define VMCS_LINK_POINTER           0x2800
#define VMCS_GUEST_DEBUGCTL         0x2802
#define VMCS_GUEST_PAT              0x2804
#define VMCS_GUEST_EFER             0x2806
#define VMCS_GUEST_PDPTE0           0x280a
#define VMCS_GUEST_PDPTE1           0x280c
#define VMCS_GUEST_PDPTE2           0x280e
#define VMCS_GUEST_PDPTE3           0x2810
#define VMCS_HOST_PAT               0x2c00
#define VMCS_HOST_EFER              0x2c02

/* ---- 32-bit: controls ---- */
#define VMCS_PIN_BASED_CONTROLS             0x4000
#define VMCS_PRIMARY_CONTROLS               0x4002
#define VMCS_EXCEPTION_BITMAP               0x4004
#define VMCS_PAGE_FAULT_ERROR_MASK          0x4006
#define VMCS_PAGE_FAULT_ERROR_MATCH         0x4008
#define VMCS_CR3_TARGET_COUNT               0x400a
#define VMCS_EXIT_CONTROLS                  0x400c
#define VMCS_EXIT_MSR_STORE_COUNT           0x400e
#define VMCS_EXIT_MSR_LOAD_COUNT            0x4010
#define VMCS_ENTRY_CONTROLS                 0x4012
#define VMCS_ENTRY_MSR_LOAD_COUNT           0x4014
#define VMCS_ENTRY_INTERRUPTION_INFORMATION 0x4016
#define VMCS_ENTRY_EXCEPTION_ERROR_CODE     0x4018
#define VMCS_ENTRY_INSTRUCTION_LENGTH       0x401a
#define VMCS_TPR_THRESHOLD                  0x401c
#define VMCS_SECONDARY_CONTROLS             0x401e
#define VMCS_PLE_GAP                        0x4020 /* only with PAUSE-loop exiting */
#define VMCS_PLE_WINDOW                     0x4022

/* ---- 32-bit: read-only ---- */
#define VMCS_INSTRUCTION_ERROR             0x4400
#define VMCS_EXIT_REASON                   0x4402
#define VMCS_EXIT_INTERRUPTION_INFORMATION 0x4404
#define VMCS_EXIT_INTERRUPTION_ERROR_CODE  0x4406
#define VMCS_IDT_VECTORING_INFORMATION     0x4408
#define VMCS_IDT_VECTORING_ERROR_CODE      0x440a
#define VMCS_EXIT_INSTRUCTION_LENGTH       0x440c
#define VMCS_EXIT_INSTRUCTION_INFORMATION  0x440e

/* ---- 32-bit: guest, host ---- */
#define VMCS_GUEST_ES_LIMIT           0x4800
#define VMCS_GUEST_CS_LIMIT           0x4802
#define VMCS_GUEST_SS_LIMIT           0x4804
#define VMCS_GUEST_DS_LIMIT           0x4806
#define VMCS_GUEST_FS_LIMIT           0x4808
#define VMCS_GUEST_GS_LIMIT           0x480a
#define VMCS_GUEST_LDTR_LIMIT         0x480c
#define VMCS_GUEST_TR_LIMIT           0x480e
#define VMCS_GUEST_GDTR_LIMIT         0x4810
#define VMCS_GUEST_IDTR_LIMIT         0x4812
#define VMCS_GUEST_ES_ACCESS_RIGHTS   0x4814
#define VMCS_GUEST_CS_ACCESS_RIGHTS   0x4816
#define VMCS_GUEST_SS_ACCESS_RIGHTS   0x4818
#define VMCS_GUEST_DS_ACCESS_RIGHTS   0x481a
#define VMCS_GUEST_FS_ACCESS_RIGHTS   0x481c
#define VMCS_GUEST_GS_ACCESS_RIGHTS   0x481e
#define VMCS_GUEST_LDTR_ACCESS_RIGHTS 0x4820
#define VMCS_GUEST_TR_ACCESS_RIGHTS   0x4822
#define VMCS_GUEST_INTERRUPTIBILITY   0x4824
#define VMCS_GUEST_ACTIVITY           0x4826
#define VMCS_GUEST_SYSENTER_CS        0x482a
#define VMCS_PREEMPTION_TIMER         0x482e
#define VMCS_HOST_SYSENTER_CS         0x4c00

/* ---- natural width: controls, read-only ---- */
#define VMCS_CR0_MASK           0x6000
#define VMCS_CR4_MASK           0x6002
#define VMCS_CR0_READ_SHADOW    0x6004
#define VMCS_CR4_READ_SHADOW    0x6006
#define VMCS_EXIT_QUALIFICATION 0x6400

/* ---- natural width: guest ---- */
#define VMCS_GUEST_CR0           0x6800
#define VMCS_GUEST_CR3           0x6802
#define VMCS_GUEST_CR4           0x6804
#define VMCS_GUEST_ES_BASE       0x6806
#define VMCS_GUEST_CS_BASE       0x6808
#define VMCS_GUEST_SS_BASE       0x680a
#define VMCS_GUEST_DS_BASE       0x680c
#define VMCS_GUEST_FS_BASE       0x680e
#define VMCS_GUEST_GS_BASE       0x6810
#define VMCS_GUEST_LDTR_BASE     0x6812
#define VMCS_GUEST_TR_BASE       0x6814
#define VMCS_GUEST_GDTR_BASE     0x6816
#define VMCS_GUEST_IDTR_BASE     0x6818
#define VMCS_GUEST_DR7           0x681a
#define VMCS_GUEST_RSP           0x681c
#define VMCS_GUEST_RIP           0x681e
#define VMCS_GUEST_RFLAGS        0x6820
#define VMCS_GUEST_PENDING_DEBUG 0x6822
#define VMCS_GUEST_SYSENTER_ESP  0x6824
#define VMCS_GUEST_SYSENTER_EIP  0x6826

/* ---- natural width: host ---- */
#define VMCS_HOST_CR0          0x6c00
#define VMCS_HOST_CR3          0x6c02
#define VMCS_HOST_CR4          0x6c04
#define VMCS_HOST_FS_BASE      0x6c06
#define VMCS_HOST_GS_BASE      0x6c08
#define VMCS_HOST_TR_BASE      0x6c0a
#define VMCS_HOST_GDTR_BASE    0x6c0c
#define VMCS_HOST_IDTR_BASE    0x6c0e
#define VMCS_HOST_SYSENTER_ESP 0x6c10
#define VMCS_HOST_SYSENTER_EIP 0x6c12
#define VMCS_HOST_RSP          0x6c14
#define VMCS_HOST_RIP          0x6c16

/* ---- pin-based VM-execution controls ---- */
#define PIN_EXTERNAL_INTERRUPT_EXITING (1u << 0)
#define PIN_NMI_EXITING                (1u << 3)
#define PIN_VIRTUAL_NMIS               (1u << 5)
#define PIN_PREEMPTION_TIMER           (1u << 6)
#define PIN_PROCESS_POSTED_INTERRUPTS  (1u << 7)

/* ---- primary processor-based VM-execution controls ---- */
#define PRIMARY_USE_TSC_OFFSETTING          (1u << 3)
#define PRIMARY_HLT_EXITING                 (1u << 7)
#define PRIMARY_INVLPG_EXITING              (1u << 9)
#define PRIMARY_MWAIT_EXITING               (1u << 10)
#define PRIMARY_RDPMC_EXITING               (1u << 11)
#define PRIMARY_CR3_LOAD_EXITING            (1u << 15)
#define PRIMARY_CR3_STORE_EXITING           (1u << 16)
#define PRIMARY_ACTIVATE_TERTIARY_CONTROLS  (1u << 17)
#define PRIMARY_USE_TPR_SHADOW              (1u << 21)
#define PRIMARY_INTERRUPT_WINDOW_EXITING    (1u << 2)
#define PRIMARY_NMI_WINDOW_EXITING          (1u << 22)
#define PRIMARY_USE_IO_BITMAPS              (1u << 25)
#define PRIMARY_USE_MSR_BITMAPS             (1u << 28)
#define PRIMARY_MONITOR_EXITING             (1u << 29)
#define PRIMARY_ACTIVATE_SECONDARY_CONTROLS (1u << 31)

/* ---- secondary processor-based VM-execution controls ---- */
#define SECONDARY_VIRTUALIZE_APIC_ACCESSES     (1u << 0)
#define SECONDARY_ENABLE_EPT                   (1u << 1)
#define SECONDARY_ENABLE_RDTSCP                (1u << 3)
#define SECONDARY_VIRTUALIZE_X2APIC_MODE       (1u << 4)
#define SECONDARY_ENABLE_VPID                  (1u << 5)
#define SECONDARY_WBINVD_EXITING               (1u << 6)
#define SECONDARY_UNRESTRICTED_GUEST           (1u << 7)
#define SECONDARY_APIC_REGISTER_VIRTUALIZATION (1u << 8)
#define SECONDARY_VIRTUAL_INTERRUPT_DELIVERY   (1u << 9)
#define SECONDARY_PAUSE_LOOP_EXITING           (1u << 10)
#define SECONDARY_ENCLS_EXITING                (1u << 15)
#define SECONDARY_ENCLV_EXITING                (1u << 28)

/* ---- tertiary processor-based VM-execution controls, a 64-bit word ---- */
#define TERTIARY_IPI_VIRTUALIZATION        (1ULL << 4)
#define TERTIARY_APIC_TIMER_VIRTUALIZATION (1ULL << 8)

/* ---- VM-exit controls ---- */
#define VM_EXIT_CONTROL_SAVE_DEBUG_CONTROLS     (1u << 2)
#define VM_EXIT_CONTROL_HOST_ADDRESS_SPACE_SIZE (1u << 9)
#define VM_EXIT_CONTROL_ACKNOWLEDGE_INTERRUPT   (1u << 15)
#define VM_EXIT_CONTROL_SAVE_PAT                (1u << 18)
#define VM_EXIT_CONTROL_LOAD_PAT                (1u << 19)
#define VM_EXIT_CONTROL_SAVE_EFER               (1u << 20)
#define VM_EXIT_CONTROL_LOAD_EFER               (1u << 21)
#define VM_EXIT_CONTROL_SAVE_PREEMPTION_TIMER   (1u << 22)

/* ---- VM-entry controls ---- */
#define VM_ENTRY_CONTROL_LOAD_DEBUG_CONTROLS (1u << 2)
#define VM_ENTRY_CONTROL_IA32E_MODE_GUEST    (1u << 9)
#define VM_ENTRY_CONTROL_LOAD_PAT            (1u << 14)
#define VM_ENTRY_CONTROL_LOAD_EFER           (1u << 15)

/* ---- segment access rights ---- */
#define ACCESS_RIGHTS_TYPE      0x0000fu
#define ACCESS_RIGHTS_S         (1u << 4) /* 1: code or data; 0: system segment */
#define ACCESS_RIGHTS_DPL_SHIFT 5
#define ACCESS_RIGHTS_DPL       (3u << ACCESS_RIGHTS_DPL_SHIFT)
#define ACCESS_RIGHTS_P         (1u << 7)
#define ACCESS_RIGHTS_L         (1u << 13)
#define ACCESS_RIGHTS_DB        (1u << 14)
#define ACCESS_RIGHTS_G         (1u << 15)
#define ACCESS_RIGHTS_UNUSABLE  (1u << 16)
#define ACCESS_RIGHTS_RESERVED  0xfffe0f00u

/* ---- guest non-register state ---- */
#define INTERRUPTIBILITY_STI     (1u << 0)
#define INTERRUPTIBILITY_MOV_SS  (1u << 1)
#define INTERRUPTIBILITY_SMI     (1u << 2)
#define INTERRUPTIBILITY_NMI     (1u << 3)
#define INTERRUPTIBILITY_ENCLAVE (1u << 4)
/* The two kinds of blocking that end after the next instruction. */
#define INTERRUPTIBILITY_SHADOW (INTERRUPTIBILITY_STI | INTERRUPTIBILITY_MOV_SS)

#define ACTIVITY_ACTIVE         0
#define ACTIVITY_HLT            1
#define ACTIVITY_SHUTDOWN       2
#define ACTIVITY_WAIT_FOR_SIPI  3

#define PENDING_DEBUG_B         0x000fULL
#define PENDING_DEBUG_ENABLED_B (1ULL << 12)
#define PENDING_DEBUG_BS        (1ULL << 14)

/* ---- interruption information: the same layout for VM entry, VM exit and IDT vectoring ---- */
#define INTERRUPTION_VECTOR        0x0ffu
#define INTERRUPTION_TYPE_SHIFT    8
#define INTERRUPTION_TYPE          (7u << INTERRUPTION_TYPE_SHIFT)
#define INTERRUPTION_ERROR_CODE    (1u << 11) /* VM entry: deliver one; else: one was delivered */
#define INTERRUPTION_NMI_UNBLOCKED (1u << 12) /* VM exit only: by an IRET that faulted */
#define INTERRUPTION_VALID         (1u << 31)

/* The types, at their position in the field. */
#define INTERRUPTION_EXTERNAL           (0u << INTERRUPTION_TYPE_SHIFT)
#define INTERRUPTION_NMI                (2u << INTERRUPTION_TYPE_SHIFT)
#define INTERRUPTION_HARDWARE_EXCEPTION (3u << INTERRUPTION_TYPE_SHIFT)
#define INTERRUPTION_SOFTWARE_INTERRUPT (4u << INTERRUPTION_TYPE_SHIFT)
#define INTERRUPTION_SOFTWARE_EXCEPTION (6u << INTERRUPTION_TYPE_SHIFT)
#define INTERRUPTION_OTHER_EVENT        (7u << INTERRUPTION_TYPE_SHIFT)

/* ---- exit qualifications ---- */
/* SDM Vol. 3C, "Exit Qualification for EPT Violations". */
#define EPT_VIOLATION_WRITE        (1ULL << 1)
#define EPT_VIOLATION_FETCH        (1ULL << 2)
#define EPT_VIOLATION_LINEAR_VALID (1ULL << 7)
#define EPT_VIOLATION_TRANSLATED   (1ULL << 8) /* 0: the access was to a paging structure */

/* SDM Vol. 3C, "Exit Qualification for I/O Instructions". */
#define IO_EXIT_SIZE_MASK  0x7ULL /* 0, 1, 3: one, two, four bytes */
#define IO_EXIT_IN         (1ULL << 3)
#define IO_EXIT_STRING     (1ULL << 4)
#define IO_EXIT_REP        (1ULL << 5)
#define IO_EXIT_PORT_SHIFT 16

/* SDM Vol. 3C, "Exit Qualification for Control-Register Accesses". */
#define CR_EXIT_NUMBER_MASK    0xfULL
#define CR_EXIT_TYPE_SHIFT     4
#define CR_EXIT_TYPE_MASK      0x3ULL
#define CR_EXIT_TYPE_MOV_TO    0
#define CR_EXIT_REGISTER_SHIFT 8
#define CR_EXIT_REGISTER_MASK  0xfULL

/* SDM Vol. 3C, "Exit Qualification for Task Switches"; bits 15:0 are the selector of the TSS. */
#define TASK_SWITCH_EXIT_SOURCE_SHIFT 30
#define TASK_SWITCH_EXIT_SOURCE_MASK  0x3ULL

/* SDM Vol. 3C, "Exit Qualification for APIC-Access VM Exits". */
#define APIC_ACCESS_OFFSET_MASK 0xfffULL
#define APIC_ACCESS_TYPE_SHIFT  12
#define APIC_ACCESS_TYPE_MASK   0xfULL
#define APIC_ACCESS_TYPE_READ   0
#define APIC_ACCESS_TYPE_WRITE  1
