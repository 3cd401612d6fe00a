/* The bits of the control registers, RFLAGS, XCR0, the debug registers and PDPTEs, and the
 * exception vectors, under the SDM's names.
 *
 * Pure: numbers only. SDM Vol. 3A, "Control Registers", "System Flags and Fields in the EFLAGS
 * Register", "Extended Control Registers"; Vol. 3B, "Debug Registers". Read next: arch/msr.h. */
#pragma once

#define CR0_PE         (1ULL << 0)
#define CR0_MP         (1ULL << 1)
#define CR0_EM         (1ULL << 2)
#define CR0_TS         (1ULL << 3)
#define CR0_ET         (1ULL << 4)
#define CR0_NE         (1ULL << 5)
#define CR0_WP         (1ULL << 16)
#define CR0_AM         (1ULL << 18)
#define CR0_NW         (1ULL << 29)
#define CR0_CD         (1ULL << 30)
#define CR0_PG         (1ULL << 31)

#define CR4_VME        (1ULL << 0)
#define CR4_PVI        (1ULL << 1)
#define CR4_TSD        (1ULL << 2)
#define CR4_DE         (1ULL << 3)
#define CR4_PSE        (1ULL << 4)
#define CR4_PAE        (1ULL << 5)
#define CR4_MCE        (1ULL << 6)
#define CR4_PGE        (1ULL << 7)
#define CR4_PCE        (1ULL << 8)
#define CR4_OSFXSR     (1ULL << 9)
#define CR4_OSXMMEXCPT (1ULL << 10)
#define CR4_UMIP       (1ULL << 11)
#define CR4_LA57       (1ULL << 12)
#define CR4_VMXE       (1ULL << 13)
#define CR4_FSGSBASE   (1ULL << 16)
#define CR4_PCIDE      (1ULL << 17)
#define CR4_OSXSAVE    (1ULL << 18)
#define CR4_SMEP       (1ULL << 20)
#define CR4_SMAP       (1ULL << 21)
#define CR4_PKE        (1ULL << 22)
#define CR4_CET        (1ULL << 23)

/* The hypervisor's CR0: caches on, no exceptions by floating-point instructions. */
#define CR0_HOST (CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG)

/* The hypervisor's CR4, whatever the firmware has enabled; CR4.VMXE is added by VMXON, and LA57
 * cannot change in 64-bit mode. Not global pages, PCIDs, protection keys, CET. */
#define CR4_HOST   (CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE)
#define CR4_KEPT   CR4_LA57

#define RFLAGS_CF  (1ULL << 0)
#define RFLAGS_ONE (1ULL << 1) /* always 1 */
#define RFLAGS_PF  (1ULL << 2)
#define RFLAGS_AF  (1ULL << 4)
#define RFLAGS_ZF  (1ULL << 6)
#define RFLAGS_SF  (1ULL << 7)
#define RFLAGS_TF  (1ULL << 8)
#define RFLAGS_IF  (1ULL << 9)
#define RFLAGS_DF  (1ULL << 10)
#define RFLAGS_OF  (1ULL << 11)
#define RFLAGS_RF  (1ULL << 16)
#define RFLAGS_VM  (1ULL << 17)
#define RFLAGS_AC  (1ULL << 18)

#define XCR0_X87   (1ULL << 0)
#define XCR0_SSE   (1ULL << 1)
#define XCR0_AVX   (1ULL << 2)

/* SDM Vol. 1, "XSAVE Area": the legacy region, 512 bytes, and the header, 64. */
#define XSAVE_AREA_MIN 576

/* An entry of PAE paging's top table, which MOV to CR3 loads. SDM Vol. 3A, "PDPTE Registers". */
#define PDPTE_PRESENT  (1ULL << 0)
#define PDPTE_RESERVED 0x1e6ULL /* bits 2:1 and 8:5; the bits above the physical width are too */

/* DR6: a breakpoint's condition was met, and other causes. BLD and RTM are 0 where they apply. */
#define DR6_RESET 0xffff0ff0ULL
#define DR6_B     0x000fULL
#define DR6_BLD   (1ULL << 11) /* bus lock */
#define DR6_BD    (1ULL << 13) /* access to a debug register */
#define DR6_BS    (1ULL << 14) /* single step */
#define DR6_RTM   (1ULL << 16)
#define DR7_RESET 0x400ULL
#define DR7_GD    (1ULL << 13) /* general detect: an access to a debug register is #DB */

/* Exception vectors: SDM Vol. 3A, "Protected-Mode Exceptions and Interrupts". */
#define VECTOR_DB  1
#define VECTOR_NMI 2
#define VECTOR_UD  6
#define VECTOR_DF  8
#define VECTOR_TS  10
#define VECTOR_SS  12
#define VECTOR_GP  13
#define VECTOR_PF  14
#define VECTOR_AC  17
#define VECTOR_MC  18
#define VECTOR_CP  21
