/* Model-specific registers: the numbers and the bits that Pinwheel uses, under the SDM's names.
 *
 * RDMSR and WRMSR raise #GP for an MSR that the processor does not have, so an MSR that not every
 * processor with VT-x has is accessed only after a check of the CPUID or capability bit that
 * announces it. Pure: numbers only. SDM Vol. 4, "Model-Specific Registers (MSRs)"; Vol. 3D, "VMX
 * Capability Reporting Facility". Read next: arch/control_registers.h, arch/vmx/vmcs.h. */
#pragma once

/* ---- time, APIC, features ---- */
#define MSR_IA32_TSC             0x010
#define MSR_IA32_TSC_ADJUST      0x03b
#define MSR_IA32_PLATFORM_ID     0x017
#define MSR_IA32_APIC_BASE       0x01b
#define MSR_IA32_FEATURE_CONTROL 0x03a
#define MSR_IA32_BIOS_SIGN_ID    0x08b
#define MSR_IA32_SYSENTER_CS     0x174
#define MSR_IA32_SYSENTER_ESP    0x175
#define MSR_IA32_SYSENTER_EIP    0x176
#define MSR_IA32_MCG_CAP         0x179
#define MSR_IA32_MCG_STATUS      0x17a
#define MSR_IA32_MC0_STATUS      0x401 /* of bank n: + 4 * n */
#define MSR_IA32_MC0_ADDR        0x402
#define MSR_IA32_MC0_MISC        0x403
#define MSR_IA32_MISC_ENABLE     0x1a0
#define MSR_IA32_DEBUGCTL        0x1d9
#define MSR_IA32_TSC_DEADLINE    0x6e0

/* ---- speculation: arch/speculation.h ---- */
#define MSR_IA32_SPEC_CTRL         0x048
#define MSR_IA32_PRED_CMD          0x049
#define MSR_IA32_ARCH_CAPABILITIES 0x10a
#define MSR_IA32_FLUSH_CMD         0x10b

/* ---- memory types ---- */
#define MSR_IA32_MTRRCAP        0x0fe
#define MSR_IA32_MTRR_PHYSBASE0 0x200
#define MSR_IA32_PAT            0x277
#define MSR_IA32_MTRR_DEF_TYPE  0x2ff

/* ---- VMX capabilities ---- */
#define MSR_IA32_VMX_BASIC               0x480
#define MSR_IA32_VMX_PINBASED_CTLS       0x481
#define MSR_IA32_VMX_PROCBASED_CTLS      0x482
#define MSR_IA32_VMX_EXIT_CTLS           0x483
#define MSR_IA32_VMX_ENTRY_CTLS          0x484
#define MSR_IA32_VMX_MISC                0x485
#define MSR_IA32_VMX_CR0_FIXED0          0x486
#define MSR_IA32_VMX_CR0_FIXED1          0x487
#define MSR_IA32_VMX_CR4_FIXED0          0x488
#define MSR_IA32_VMX_CR4_FIXED1          0x489
#define MSR_IA32_VMX_VMCS_ENUM           0x48a
#define MSR_IA32_VMX_PROCBASED_CTLS2     0x48b
#define MSR_IA32_VMX_PROCBASED_CTLS3     0x492 /* 64 bits, which may be 1 */
#define MSR_IA32_VMX_EPT_VPID_CAP        0x48c
#define MSR_IA32_VMX_TRUE_PINBASED_CTLS  0x48d
#define MSR_IA32_VMX_TRUE_PROCBASED_CTLS 0x48e
#define MSR_IA32_VMX_TRUE_EXIT_CTLS      0x48f
#define MSR_IA32_VMX_TRUE_ENTRY_CTLS     0x490

/* ---- x2APIC: the register at offset n of the xAPIC page is MSR 800H + n / 16 ---- */
#define MSR_X2APIC_BASE     0x800
#define MSR_X2APIC_LAST     0x8ff
#define MSR_X2APIC_ID       0x802
#define MSR_X2APIC_TPR      0x808
#define MSR_X2APIC_EOI      0x80b
#define MSR_X2APIC_ICR      0x830
#define MSR_X2APIC_SELF_IPI 0x83f

/* ---- long mode ---- */
#define MSR_IA32_EFER           0xc0000080
#define MSR_IA32_STAR           0xc0000081
#define MSR_IA32_LSTAR          0xc0000082
#define MSR_IA32_CSTAR          0xc0000083
#define MSR_IA32_FMASK          0xc0000084
#define MSR_IA32_FS_BASE        0xc0000100
#define MSR_IA32_GS_BASE        0xc0000101
#define MSR_IA32_KERNEL_GS_BASE 0xc0000102
#define MSR_IA32_TSC_AUX        0xc0000103

/* ---- bits ---- */
#define APIC_BASE_BSP                   (1ULL << 8)
#define APIC_BASE_X2APIC                (1ULL << 10)
#define APIC_BASE_ENABLE                (1ULL << 11)
#define APIC_BASE_ADDRESS_MASK          0x000ffffffffff000ULL

#define FEATURE_CONTROL_LOCK            (1ULL << 0)
#define FEATURE_CONTROL_VMX_INSIDE_SMX  (1ULL << 1)
#define FEATURE_CONTROL_VMX_OUTSIDE_SMX (1ULL << 2)

#define EFER_SCE                        (1ULL << 0)  /* SYSCALL enable */
#define EFER_LME                        (1ULL << 8)  /* long mode enable */
#define EFER_LMA                        (1ULL << 10) /* long mode active */
#define EFER_NXE                        (1ULL << 11) /* execute-disable enable */

#define PRED_CMD_IBPB                   (1ULL << 0)
#define FLUSH_CMD_L1D                   (1ULL << 0)

#define DEBUGCTL_LBR                    (1ULL << 0) /* record branches */
#define DEBUGCTL_BTF                    (1ULL << 1) /* RFLAGS.TF steps to the next branch */

#define MISC_ENABLE_FAST_STRINGS        (1ULL << 0)
#define MISC_ENABLE_BTS_UNAVAILABLE     (1ULL << 11)
#define MISC_ENABLE_PEBS_UNAVAILABLE    (1ULL << 12)

/* IA32_SPEC_CTRL. _S: for CPL 0 to 2 only; _U: for CPL 3 */
#define SPEC_CTRL_IBRS        (1ULL << 0)
#define SPEC_CTRL_STIBP       (1ULL << 1)
#define SPEC_CTRL_SSBD        (1ULL << 2)
#define SPEC_CTRL_IPRED_DIS_U (1ULL << 3)
#define SPEC_CTRL_IPRED_DIS_S (1ULL << 4)
#define SPEC_CTRL_RRSBA_DIS_U (1ULL << 5)
#define SPEC_CTRL_RRSBA_DIS_S (1ULL << 6)
#define SPEC_CTRL_PSFD        (1ULL << 7)
#define SPEC_CTRL_DDPD_U      (1ULL << 8)
#define SPEC_CTRL_BHI_DIS_S   (1ULL << 10)

/* IA32_ARCH_CAPABILITIES */
#define ARCH_CAP_RDCL_NO            (1ULL << 0)
#define ARCH_CAP_IBRS_ALL           (1ULL << 1) /* enhanced IBRS */
#define ARCH_CAP_RSBA               (1ULL << 2)
#define ARCH_CAP_SKIP_L1DFL_VMENTRY (1ULL << 3)
#define ARCH_CAP_SSB_NO             (1ULL << 4)
#define ARCH_CAP_MDS_NO             (1ULL << 5)
#define ARCH_CAP_IF_PSCHANGE_MC_NO  (1ULL << 6)
#define ARCH_CAP_TAA_NO             (1ULL << 8)
#define ARCH_CAP_SBDR_SSDP_NO       (1ULL << 13)
#define ARCH_CAP_FBSDP_NO           (1ULL << 14)
#define ARCH_CAP_PSDP_NO            (1ULL << 15)
#define ARCH_CAP_FB_CLEAR           (1ULL << 17)
#define ARCH_CAP_RRSBA              (1ULL << 19)
#define ARCH_CAP_BHI_NO             (1ULL << 20)
#define ARCH_CAP_PBRSB_NO           (1ULL << 24)
#define ARCH_CAP_GDS_NO             (1ULL << 26)
#define ARCH_CAP_RFDS_NO            (1ULL << 27)
#define ARCH_CAP_RFDS_CLEAR         (1ULL << 28)
#define ARCH_CAP_ITS_NO             (1ULL << 62) /* set by hypervisors only */

/* Memory types: SDM Vol. 3A, "Memory Types That Can Be Encoded in MTRRs" and "... With PAT". */
#define MEMORY_TYPE_WB       6
#define MEMORY_TYPE_UC_MINUS 7 /* PAT only */

/* IA32_PAT after reset: entries 0 to 3, and again 4 to 7, are WB, WT, UC-, UC. */
#define PAT_RESET 0x0007040600070406ULL

/* The hypervisor's IA32_PAT: entries 1 and 5 are WC instead of WT, see arch/paging.h. */
#define PAT_HOST 0x0007010600070106ULL

/* IA32_VMX_BASIC */
#define VMX_BASIC_REVISION_MASK     0x7fffffffULL
#define VMX_BASIC_32BIT_ADDRESSES   (1ULL << 48)
#define VMX_BASIC_MEMORY_TYPE_SHIFT 50
#define VMX_BASIC_MEMORY_TYPE_MASK  0xfULL
#define VMX_BASIC_INS_OUTS          (1ULL << 54) /* their VM exits report address size and segment */
#define VMX_BASIC_TRUE_CONTROLS     (1ULL << 55)
#define VMX_BASIC_ANY_ERROR_CODE                                                                   \
    (1ULL << 56) /* injection accepts any exception with or without one */

/* IA32_VMX_MISC */
#define VMX_MISC_PREEMPTION_SHIFT_MASK                                                             \
    0x1fULL /* the timer counts down when this bit of the TSC changes */
#define VMX_MISC_ACTIVITY_HLT       (1ULL << 6)
#define VMX_MISC_ACTIVITY_SHUTDOWN  (1ULL << 7)
#define VMX_MISC_ACTIVITY_WAIT_SIPI (1ULL << 8)
#define VMX_MISC_INJECT_LENGTH_0    (1ULL << 30)

/* IA32_VMX_EPT_VPID_CAP */
#define EPT_VPID_CAP_WALK_4          (1ULL << 6)
#define EPT_VPID_CAP_WB              (1ULL << 14)
#define EPT_VPID_CAP_2M              (1ULL << 16)
#define EPT_VPID_CAP_1G              (1ULL << 17)
#define EPT_VPID_CAP_INVEPT          (1ULL << 20)
#define EPT_VPID_CAP_ACCESSED_DIRTY  (1ULL << 21)
#define EPT_VPID_CAP_INVEPT_SINGLE   (1ULL << 25)
#define EPT_VPID_CAP_INVEPT_ALL      (1ULL << 26)
#define EPT_VPID_CAP_INVVPID         (1ULL << 32)
#define EPT_VPID_CAP_INVVPID_ADDRESS (1ULL << 40)
#define EPT_VPID_CAP_INVVPID_SINGLE  (1ULL << 41)
#define EPT_VPID_CAP_INVVPID_ALL     (1ULL << 42)
