/* Which VMX controls Pinwheel runs a guest with, or which one this processor lacks.
 *
 * Each control word has a capability MSR: its low half says which bits must be 1, its high half
 * which may be 1. This module holds the one list of what Pinwheel wants, with the reason for each
 * entry. The hypervisor asks it for the control words; the boot loader asks it what is missing, so
 * that a user reads "no virtual-interrupt delivery" and not "VM entry failed". Pure.
 * SDM Vol. 3D, Appendix A, "VMX Capability Reporting Facility". Read next: arch/vmx/entry_check.h.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* What the processor says of itself. An MSR that it does not have is 0 here: PROCBASED_CTLS2 and
 * EPT_VPID_CAP exist only if the controls before them allow it, TRUE_* only with VMX_BASIC bit 55.
 */
struct vmx_capabilities {
    bool vmx;              /* CPUID.1:ECX[5]; if false, nothing below counts */
    bool rdtscp;           /* CPUID.80000001H:EDX[27] */
    bool invpcid;          /* CPUID.(7,0):EBX[10] */
    uint8_t physical_bits; /* CPUID.80000008H:EAX[7:0], the physical-address width */
    uint8_t linear_bits;   /* CPUID.80000008H:EAX[15:8], the linear-address width */
    uint64_t feature_control;
    uint64_t basic;
    uint64_t pinbased, procbased, procbased2, exit, entry;
    uint64_t true_pinbased, true_procbased, true_exit, true_entry;
    uint64_t misc, ept_vpid, vmcs_enum;
    uint64_t cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
};

/* How the guest's local APIC is reached at the moment: this decides between two controls. */
enum vmx_apic_mode {
    VMX_APIC_XAPIC,  /* by memory: "virtualize APIC accesses" */
    VMX_APIC_X2APIC, /* by MSR: "virtualize x2APIC mode" */
    VMX_APIC_HIDDEN, /* not at all (globally disabled by the guest): neither of them */
};

enum vmx_word { VMX_PIN, VMX_PRIMARY, VMX_SECONDARY, VMX_EXIT, VMX_ENTRY };
#define VMX_WORD_COUNT 5

struct vmx_controls {
    uint32_t pin, primary, secondary, exit, entry;
};

/* Something that the processor or its firmware lacks. Both strings are static. */
struct vmx_missing {
    const char *name;    /* as the SDM calls it */
    const char *meaning; /* what Pinwheel needs it for, or what to do */
};

/* Lists what is missing, at most `max` entries of it, and returns how many there are in all: 0
 * means that guests can run in either APIC mode. `out` may be NULL if `max` is 0. */
unsigned vmx_missing(const struct vmx_capabilities *capabilities, struct vmx_missing *out,
                     unsigned max);

/* The control words for a guest in this APIC mode, the reserved bits as the processor wants them.
 * "IA-32e mode guest" is clear: it follows the guest's EFER.LMA. shares_cpu: the vCPU's CPU carries
 * others as well, so that one that spins should hand over; "PAUSE-loop exiting" is set then if the
 * processor has it, and the two fields below are to be written. Returns false, and zeroes, if
 * vmx_missing() finds anything. */
bool vmx_choose_controls(const struct vmx_capabilities *capabilities, enum vmx_apic_mode mode,
                         bool shares_cpu, struct vmx_controls *out);

/* VMCS_PLE_GAP and VMCS_PLE_WINDOW, in ticks at the TSC's rate. SDM Vol. 3C, "Controls for
 * PAUSE-Loop Exiting": PAUSEs at CPL 0 that follow one another within the gap are one loop, and one
 * that comes later than the window after the loop's first exits. A PAUSE takes up to 140 cycles
 * since Skylake (Intel's optimization manual), and the look at the lock some more. Few locks are
 * held for longer than the window; to hand over costs about as much. */
#define VMX_PLE_GAP    256
#define VMX_PLE_WINDOW 4096

/* The values that VMX operation allows nearest to these, in the host and in an unrestricted guest,
 * where CR0.PE and CR0.PG are free: SDM Vol. 3D, "VMX-Fixed Bits in CR0", "... in CR4". */
uint64_t vmx_host_cr0(const struct vmx_capabilities *capabilities, uint64_t cr0);
uint64_t vmx_guest_cr0(const struct vmx_capabilities *capabilities, uint64_t cr0);
uint64_t vmx_cr4(const struct vmx_capabilities *capabilities, uint64_t cr4);

/* The capability MSR that governs a control word: the TRUE one where there is one. */
uint64_t vmx_capability(const struct vmx_capabilities *capabilities, enum vmx_word word);
