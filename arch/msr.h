/* Model-specific registers: the numbers and the bits that Pinwheel uses, under the SDM's names.
 *
 * SDM Vol. 4, "Model-Specific Registers (MSRs)"; the VMX capability MSRs are in Vol. 3D, "VMX
 * Capability Reporting Facility". RDMSR and WRMSR on a number that the processor lacks raise #GP,
 * so each MSR outside the architectural minimum is guarded by the CPUID or capability bit that
 * announces it. Pure: numbers only. Read next: arch/control_registers.h, arch/vmcs.h. */
#pragma once

/* ---- time, APIC, features ---- */
#define MSR_IA32_TSC               0x010
#define MSR_IA32_PLATFORM_ID       0x017
#define MSR_IA32_APIC_BASE         0x01b
#define MSR_IA32_FEATURE_CONTROL   0x03a
#define MSR_IA32_TSC_ADJUST        0x03b
#define MSR_IA32_SPEC_CTRL         0x048
#define MSR_IA32_PRED_CMD          0x049
#define MSR_IA32_BIOS_UPDT_TRIG    0x079
#define MSR_IA32_BIOS_SIGN_ID      0x08b
#define MSR_PLATFORM_INFO          0x0ce
#define MSR_IA32_MPERF             0x0e7
#define MSR_IA32_APERF             0x0e8
#define MSR_IA32_MTRRCAP           0x0fe
#define MSR_IA32_ARCH_CAPABILITIES 0x10a
#define MSR_IA32_FLUSH_CMD         0x10b
#define MSR_IA32_TSX_CTRL          0x122
#define MSR_IA32_SYSENTER_CS       0x174
#define MSR_IA32_SYSENTER_ESP      0x175
#define MSR_IA32_SYSENTER_EIP      0x176
#define MSR_IA32_MCG_CAP           0x179
#define MSR_IA32_MCG_STATUS        0x17a
#define MSR_IA32_MCG_CTL           0x17b
#define MSR_IA32_PERF_STATUS       0x198
#define MSR_IA32_PERF_CTL          0x199
#define MSR_IA32_MISC_ENABLE       0x1a0
#define MSR_IA32_DEBUGCTL          0x1d9
#define MSR_IA32_TSC_DEADLINE      0x6e0
#define MSR_IA32_PKRS              0x6e1
#define MSR_IA32_BNDCFGS           0xd90
#define MSR_IA32_XSS               0xda0

/* ---- memory types ---- */
#define MSR_IA32_MTRR_PHYSBASE0    0x200 /* base and mask alternate: PHYSBASE(n) = 200H + 2n */
#define MSR_IA32_MTRR_PHYSMASK0    0x201
#define MSR_IA32_MTRR_FIX64K_00000 0x250
#define MSR_IA32_MTRR_FIX16K_80000 0x258
#define MSR_IA32_MTRR_FIX16K_A0000 0x259
#define MSR_IA32_MTRR_FIX4K_C0000  0x268
#define MSR_IA32_MTRR_FIX4K_F8000  0x26f
#define MSR_IA32_PAT               0x277
#define MSR_IA32_MTRR_DEF_TYPE     0x2ff

/* ---- performance monitoring ---- */
#define MSR_IA32_PMC0               0x0c1
#define MSR_IA32_PERFEVTSEL0        0x186
#define MSR_IA32_FIXED_CTR0         0x309
#define MSR_IA32_PERF_CAPABILITIES  0x345
#define MSR_IA32_FIXED_CTR_CTRL     0x38d
#define MSR_IA32_PERF_GLOBAL_STATUS 0x38e
#define MSR_IA32_PERF_GLOBAL_CTRL   0x38f

/* ---- control-flow enforcement ---- */
#define MSR_IA32_U_CET                    0x6a0
#define MSR_IA32_S_CET                    0x6a2
#define MSR_IA32_PL0_SSP                  0x6a4
#define MSR_IA32_INTERRUPT_SSP_TABLE_ADDR 0x6a8

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
#define MSR_IA32_VMX_EPT_VPID_CAP        0x48c
#define MSR_IA32_VMX_TRUE_PINBASED_CTLS  0x48d
#define MSR_IA32_VMX_TRUE_PROCBASED_CTLS 0x48e
#define MSR_IA32_VMX_TRUE_EXIT_CTLS      0x48f
#define MSR_IA32_VMX_TRUE_ENTRY_CTLS     0x490
#define MSR_IA32_VMX_VMFUNC              0x491
#define MSR_IA32_VMX_PROCBASED_CTLS3     0x492
#define MSR_IA32_VMX_EXIT_CTLS2          0x493

/* ---- x2APIC: the register at page offset o is MSR 800H + o / 16 ---- */
#define MSR_X2APIC_BASE     0x800
#define MSR_X2APIC_LAST     0x8ff
#define MSR_X2APIC_ID       0x802
#define MSR_X2APIC_VERSION  0x803
#define MSR_X2APIC_TPR      0x808
#define MSR_X2APIC_PPR      0x80a
#define MSR_X2APIC_EOI      0x80b
#define MSR_X2APIC_LDR      0x80d
#define MSR_X2APIC_SVR      0x80f
#define MSR_X2APIC_ESR      0x828
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
#define APIC_BASE_BSP                        (1ULL << 8)
#define APIC_BASE_X2APIC                     (1ULL << 10)
#define APIC_BASE_ENABLE                     (1ULL << 11)
#define APIC_BASE_ADDRESS_MASK               0x000ffffffffff000ULL

#define FEATURE_CONTROL_LOCK                 (1ULL << 0)
#define FEATURE_CONTROL_VMX_INSIDE_SMX       (1ULL << 1)
#define FEATURE_CONTROL_VMX_OUTSIDE_SMX      (1ULL << 2)

#define EFER_SCE                             (1ULL << 0)  /* SYSCALL enable */
#define EFER_LME                             (1ULL << 8)  /* long mode enable */
#define EFER_LMA                             (1ULL << 10) /* long mode active */
#define EFER_NXE                             (1ULL << 11) /* execute-disable enable */

#define SPEC_CTRL_IBRS                       (1ULL << 0)
#define SPEC_CTRL_STIBP                      (1ULL << 1)
#define SPEC_CTRL_SSBD                       (1ULL << 2)
#define PRED_CMD_IBPB                        (1ULL << 0)
#define FLUSH_CMD_L1D                        (1ULL << 0)

#define ARCH_CAPABILITIES_RDCL_NO            (1ULL << 0)
#define ARCH_CAPABILITIES_IBRS_ALL           (1ULL << 1)
#define ARCH_CAPABILITIES_RSBA               (1ULL << 2)
#define ARCH_CAPABILITIES_SKIP_L1DFL_VMENTRY (1ULL << 3)
#define ARCH_CAPABILITIES_SSB_NO             (1ULL << 4)
#define ARCH_CAPABILITIES_MDS_NO             (1ULL << 5)
#define ARCH_CAPABILITIES_IF_PSCHANGE_MC_NO  (1ULL << 6)
#define ARCH_CAPABILITIES_TSX_CTRL           (1ULL << 7)
#define ARCH_CAPABILITIES_TAA_NO             (1ULL << 8)
#define ARCH_CAPABILITIES_SBDR_SSDP_NO       (1ULL << 13)
#define ARCH_CAPABILITIES_FBSDP_NO           (1ULL << 14)
#define ARCH_CAPABILITIES_PSDP_NO            (1ULL << 15)
#define ARCH_CAPABILITIES_FB_CLEAR           (1ULL << 17)
#define ARCH_CAPABILITIES_RRSBA              (1ULL << 19)
#define ARCH_CAPABILITIES_BHI_NO             (1ULL << 20)
#define ARCH_CAPABILITIES_PBRSB_NO           (1ULL << 24)
#define ARCH_CAPABILITIES_GDS_CTRL           (1ULL << 25)
#define ARCH_CAPABILITIES_GDS_NO             (1ULL << 26)
#define ARCH_CAPABILITIES_RFDS_NO            (1ULL << 27)
#define ARCH_CAPABILITIES_RFDS_CLEAR         (1ULL << 28)

#define DEBUGCTL_LBR                         (1ULL << 0)
#define DEBUGCTL_BTF                         (1ULL << 1)

#define MISC_ENABLE_FAST_STRINGS             (1ULL << 0)
#define MISC_ENABLE_PERFMON_AVAILABLE        (1ULL << 7)
#define MISC_ENABLE_BTS_UNAVAILABLE          (1ULL << 11)
#define MISC_ENABLE_PEBS_UNAVAILABLE         (1ULL << 12)
#define MISC_ENABLE_MONITOR_FSM              (1ULL << 18)
#define MISC_ENABLE_LIMIT_CPUID_MAXVAL       (1ULL << 22)

#define MTRRCAP_VCNT_MASK                    0xffULL
#define MTRRCAP_FIX                          (1ULL << 8)
#define MTRRCAP_WC                           (1ULL << 10)
#define MTRR_DEF_TYPE_TYPE_MASK              0xffULL
#define MTRR_DEF_TYPE_FIX_ENABLE             (1ULL << 10)
#define MTRR_DEF_TYPE_ENABLE                 (1ULL << 11)
#define MTRR_PHYSMASK_VALID                  (1ULL << 11)

/* Memory types: SDM Vol. 3A, "Memory Types That Can Be Encoded in MTRRs" and "... With PAT". */
#define MEMORY_TYPE_UC       0
#define MEMORY_TYPE_WC       1
#define MEMORY_TYPE_WT       4
#define MEMORY_TYPE_WP       5
#define MEMORY_TYPE_WB       6
#define MEMORY_TYPE_UC_MINUS 7 /* PAT only */

/* IA32_PAT after reset: entries 0 to 3 and again 4 to 7 are WB, WT, UC-, UC. */
#define PAT_RESET 0x0007040600070406ULL

/* Ours has WC in place of WT in entries 1 and 5: see arch/paging.h. */
#define PAT_HOST 0x0007010600070106ULL

/* IA32_VMX_BASIC */
#define VMX_BASIC_REVISION_MASK     0x7fffffffULL
#define VMX_BASIC_REGION_SIZE_SHIFT 32
#define VMX_BASIC_REGION_SIZE_MASK  0x1fffULL
#define VMX_BASIC_32BIT_ADDRESSES   (1ULL << 48)
#define VMX_BASIC_DUAL_MONITOR      (1ULL << 49)
#define VMX_BASIC_MEMORY_TYPE_SHIFT 50
#define VMX_BASIC_MEMORY_TYPE_MASK  0xfULL
#define VMX_BASIC_INS_OUTS_INFO     (1ULL << 54)
#define VMX_BASIC_TRUE_CONTROLS     (1ULL << 55)
#define VMX_BASIC_ANY_ERROR_CODE    (1ULL << 56) /* hardware exceptions, with or without one */

/* IA32_VMX_MISC */
#define VMX_MISC_PREEMPTION_SHIFT_MASK 0x1fULL /* the timer counts down when this TSC bit flips */
#define VMX_MISC_EXIT_STORES_LMA       (1ULL << 5)
#define VMX_MISC_ACTIVITY_HLT          (1ULL << 6)
#define VMX_MISC_ACTIVITY_SHUTDOWN     (1ULL << 7)
#define VMX_MISC_ACTIVITY_WAIT_SIPI    (1ULL << 8)
#define VMX_MISC_PROCESSOR_TRACE       (1ULL << 14)
#define VMX_MISC_CR3_TARGETS_SHIFT     16
#define VMX_MISC_CR3_TARGETS_MASK      0x1ffULL
#define VMX_MISC_MSR_LIST_SHIFT        25 /* the longest recommended list is 512 * (this + 1) */
#define VMX_MISC_MSR_LIST_MASK         0x7ULL
#define VMX_MISC_VMWRITE_ANY_FIELD     (1ULL << 29)
#define VMX_MISC_INJECT_LENGTH_0       (1ULL << 30)

/* IA32_VMX_EPT_VPID_CAP */
#define EPT_VPID_CAP_EXECUTE_ONLY         (1ULL << 0)
#define EPT_VPID_CAP_WALK_4               (1ULL << 6)
#define EPT_VPID_CAP_WALK_5               (1ULL << 7)
#define EPT_VPID_CAP_UC                   (1ULL << 8)
#define EPT_VPID_CAP_WB                   (1ULL << 14)
#define EPT_VPID_CAP_2M                   (1ULL << 16)
#define EPT_VPID_CAP_1G                   (1ULL << 17)
#define EPT_VPID_CAP_INVEPT               (1ULL << 20)
#define EPT_VPID_CAP_ACCESSED_DIRTY       (1ULL << 21)
#define EPT_VPID_CAP_ADVANCED_EXIT_INFO   (1ULL << 22)
#define EPT_VPID_CAP_SUPERVISOR_SHADOW    (1ULL << 23)
#define EPT_VPID_CAP_INVEPT_SINGLE        (1ULL << 25)
#define EPT_VPID_CAP_INVEPT_ALL           (1ULL << 26)
#define EPT_VPID_CAP_INVVPID              (1ULL << 32)
#define EPT_VPID_CAP_INVVPID_ADDRESS      (1ULL << 40)
#define EPT_VPID_CAP_INVVPID_SINGLE       (1ULL << 41)
#define EPT_VPID_CAP_INVVPID_ALL          (1ULL << 42)
#define EPT_VPID_CAP_INVVPID_KEEP_GLOBALS (1ULL << 43)
