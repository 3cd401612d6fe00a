/* The leaves and the bits of CPUID that Pinwheel reads, or offers its guests, under the SDM's
 * names.
 *
 * A bit is named CPUID_LEAF_REGISTER_FEATURE, with the subleaf after the leaf where it has several.
 * Pure: numbers only. SDM Vol. 2A, "CPUID - CPU Identification". Read next: arch/cpuid.h. */
#pragma once

/* ---- leaves ---- */
#define CPUID_LEAF_VENDOR              0x00 /* EAX: the largest basic leaf */
#define CPUID_LEAF_FEATURES            0x01
#define CPUID_LEAF_CACHE_DESCRIPTORS   0x02
#define CPUID_LEAF_CACHES              0x04 /* deterministic cache parameters, a subleaf each */
#define CPUID_LEAF_POWER               0x06 /* thermal and power management */
#define CPUID_LEAF_STRUCTURED_FEATURES 0x07
#define CPUID_LEAF_TOPOLOGY            0x0b /* extended topology, a subleaf for each level */
#define CPUID_LEAF_XSTATE              0x0d /* processor extended state: XSAVE */
#define CPUID_LEAF_TSC                 0x15
#define CPUID_LEAF_FREQUENCY           0x16
#define CPUID_LEAF_HYPERVISOR          0x40000000u /* the hypervisor's vendor, if CPUID_1_ECX_HYPERVISOR */
#define CPUID_LEAF_HYPERVISOR_TIMING   0x40000010u /* EAX: TSC, EBX: APIC timer, both in kHz */
#define CPUID_LEAF_EXTENDED            0x80000000u /* EAX: the largest extended leaf */
#define CPUID_LEAF_EXTENDED_FEATURES   0x80000001u
#define CPUID_LEAF_BRAND_FIRST         0x80000002u /* the brand string, 16 bytes a leaf */
#define CPUID_LEAF_BRAND_LAST          0x80000004u
#define CPUID_LEAF_L2_CACHE            0x80000006u
#define CPUID_LEAF_INVARIANT_TSC       0x80000007u
#define CPUID_LEAF_ADDRESS_WIDTHS      0x80000008u /* EAX: physical in 7:0, linear in 15:8 */

/* ---- leaf 1 ---- */
#define CPUID_1_EBX_APIC_ID_SHIFT 24 /* the initial APIC ID, 8 bits */
#define CPUID_1_EBX_COUNT_SHIFT   16 /* logical processors in the package */

#define CPUID_1_ECX_SSE3          (1u << 0)
#define CPUID_1_ECX_PCLMULQDQ     (1u << 1)
#define CPUID_1_ECX_VMX           (1u << 5)
#define CPUID_1_ECX_SSSE3         (1u << 9)
#define CPUID_1_ECX_FMA           (1u << 12)
#define CPUID_1_ECX_CMPXCHG16B    (1u << 13)
#define CPUID_1_ECX_SSE4_1        (1u << 19)
#define CPUID_1_ECX_SSE4_2        (1u << 20)
#define CPUID_1_ECX_X2APIC        (1u << 21)
#define CPUID_1_ECX_MOVBE         (1u << 22)
#define CPUID_1_ECX_POPCNT        (1u << 23)
#define CPUID_1_ECX_TSC_DEADLINE  (1u << 24)
#define CPUID_1_ECX_AESNI         (1u << 25)
#define CPUID_1_ECX_XSAVE         (1u << 26)
#define CPUID_1_ECX_OSXSAVE       (1u << 27) /* CR4.OSXSAVE */
#define CPUID_1_ECX_AVX           (1u << 28)
#define CPUID_1_ECX_F16C          (1u << 29)
#define CPUID_1_ECX_RDRAND        (1u << 30)
#define CPUID_1_ECX_HYPERVISOR    (1u << 31) /* 0 on every real processor */

#define CPUID_1_EDX_FPU           (1u << 0)
#define CPUID_1_EDX_VME           (1u << 1)
#define CPUID_1_EDX_DE            (1u << 2)
#define CPUID_1_EDX_PSE           (1u << 3)
#define CPUID_1_EDX_TSC           (1u << 4)
#define CPUID_1_EDX_MSR           (1u << 5)
#define CPUID_1_EDX_PAE           (1u << 6)
#define CPUID_1_EDX_MCE           (1u << 7)
#define CPUID_1_EDX_CX8           (1u << 8)
#define CPUID_1_EDX_APIC          (1u << 9) /* 0 while IA32_APIC_BASE disables it */
#define CPUID_1_EDX_SEP           (1u << 11)
#define CPUID_1_EDX_MTRR          (1u << 12)
#define CPUID_1_EDX_PGE           (1u << 13)
#define CPUID_1_EDX_MCA           (1u << 14)
#define CPUID_1_EDX_CMOV          (1u << 15)
#define CPUID_1_EDX_PAT           (1u << 16)
#define CPUID_1_EDX_PSE36         (1u << 17)
#define CPUID_1_EDX_CLFSH         (1u << 19)
#define CPUID_1_EDX_MMX           (1u << 23)
#define CPUID_1_EDX_FXSR          (1u << 24)
#define CPUID_1_EDX_SSE           (1u << 25)
#define CPUID_1_EDX_SSE2          (1u << 26)
#define CPUID_1_EDX_HTT           (1u << 28) /* the count in EBX is valid */

/* ---- leaf 4 ---- */
#define CPUID_4_EAX_TYPE_MASK     0x1fu /* 0: no more caches */
#define CPUID_4_EAX_LEVEL_MASK    (7u << 5)
#define CPUID_4_EAX_LEVEL_3       (3u << 5)
#define CPUID_4_EAX_SHARING_SHIFT 14 /* logical processors that share it, minus 1 */
#define CPUID_4_EAX_CORES_SHIFT   26 /* cores in the package, minus 1 */

/* ---- leaf 6 ---- */
#define CPUID_6_EAX_ARAT (1u << 2) /* the APIC timer runs in every idle state */

/* ---- leaf 7, subleaf 0 ---- */
#define CPUID_7_EBX_FSGSBASE   (1u << 0)
#define CPUID_7_EBX_TSC_ADJUST (1u << 1)
#define CPUID_7_EBX_BMI1       (1u << 3)
#define CPUID_7_EBX_AVX2       (1u << 5)
#define CPUID_7_EBX_FDP        (1u << 6) /* the x87 data pointer is saved on exceptions only */
#define CPUID_7_EBX_SMEP       (1u << 7)
#define CPUID_7_EBX_BMI2       (1u << 8)
#define CPUID_7_EBX_ERMS       (1u << 9)
#define CPUID_7_EBX_RTM        (1u << 11)
#define CPUID_7_EBX_NO_FPU_CS  (1u << 13) /* x87 CS and DS are saved as 0 */
#define CPUID_7_EBX_RDSEED     (1u << 18)
#define CPUID_7_EBX_ADX        (1u << 19)
#define CPUID_7_EBX_SMAP       (1u << 20)
#define CPUID_7_EBX_CLFLUSHOPT (1u << 23)
#define CPUID_7_EBX_CLWB       (1u << 24)
#define CPUID_7_EBX_SHA        (1u << 29)
#define CPUID_7_1_EAX_WRMSRNS  (1u << 19) /* subleaf 1 */
#define CPUID_7_ECX_UMIP       (1u << 2)
#define CPUID_7_ECX_RDPID      (1u << 22)
#define CPUID_7_EDX_MD_CLEAR   (1u << 10)
#define CPUID_7_EDX_IBPB       (1u << 26) /* IBRS and IBPB */
#define CPUID_7_EDX_STIBP      (1u << 27)
#define CPUID_7_EDX_L1D_FLUSH  (1u << 28)
#define CPUID_7_EDX_ARCH_CAP   (1u << 29) /* IA32_ARCH_CAPABILITIES exists */
#define CPUID_7_EDX_SSBD       (1u << 31)

/* ---- leaf 7, subleaf 2: bits of IA32_SPEC_CTRL that exist ---- */
#define CPUID_7_2_EDX_PSFD       (1u << 0)
#define CPUID_7_2_EDX_IPRED_CTRL (1u << 1)
#define CPUID_7_2_EDX_RRSBA_CTRL (1u << 2)
#define CPUID_7_2_EDX_DDPD_U     (1u << 3)
#define CPUID_7_2_EDX_BHI_CTRL   (1u << 4)

/* ---- leaf 0BH ---- */
#define CPUID_B_ECX_TYPE_SHIFT 8
#define CPUID_B_TYPE_SMT       1
#define CPUID_B_TYPE_CORE      2

/* ---- leaf 0DH, subleaf 1 ---- */
#define CPUID_D_1_EAX_XSAVEOPT (1u << 0)
#define CPUID_D_1_EAX_XSAVEC   (1u << 1)
#define CPUID_D_1_EAX_XGETBV_1 (1u << 2) /* XGETBV with ECX = 1 */

/* ---- leaf 80000001H ---- */
#define CPUID_80000001_ECX_LAHF      (1u << 0) /* LAHF and SAHF in 64-bit mode */
#define CPUID_80000001_ECX_LZCNT     (1u << 5)
#define CPUID_80000001_ECX_PREFETCHW (1u << 8)
#define CPUID_80000001_EDX_SYSCALL   (1u << 11)
#define CPUID_80000001_EDX_NX        (1u << 20)
#define CPUID_80000001_EDX_PAGES_1G  (1u << 26)
#define CPUID_80000001_EDX_RDTSCP    (1u << 27)
#define CPUID_80000001_EDX_LM        (1u << 29) /* Intel 64: long mode */

/* ---- leaf 80000007H ---- */
#define CPUID_80000007_EDX_INVARIANT_TSC (1u << 8)
