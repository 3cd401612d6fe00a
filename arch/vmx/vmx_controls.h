/* The VMX controls that Pinwheel runs a guest with, and which of them a processor lacks.
 *
 * Each control word has a capability MSR: the bits of its low half must be 1 in the word, those of
 * its high half may be 1. This module owns the one list of what Pinwheel needs, with the reason for
 * each entry. The hypervisor gets its control words from it; the boot loader gets what is missing,
 * so that a user reads "virtual-interrupt delivery" and not "VM entry failed". Pure. SDM Vol. 3D,
 * "VMX Capability Reporting Facility". Read next: arch/vmx/entry_check.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* What the processor reports about itself. An MSR that it does not have is 0 here: PROCBASED_CTLS2,
 * PROCBASED_CTLS3 and EPT_VPID_CAP exist only if other capability MSRs announce them, TRUE_* only
 * if bit 55 of VMX_BASIC is 1. */
struct vmx_capabilities {
    bool vmx;              /* CPUID.1:ECX[5]; if false, the MSRs below are 0 */
    bool rdtscp;           /* CPUID.80000001H:EDX[27], and guests can be given it */
    uint8_t physical_bits; /* CPUID.80000008H:EAX[7:0], the physical-address width */
    uint8_t linear_bits;   /* CPUID.80000008H:EAX[15:8], the linear-address width */
    uint64_t feature_control;
    uint64_t basic;
    uint64_t pinbased, procbased, procbased2, exit, entry;
    uint64_t procbased3; /* of the tertiary controls, none of which is used: those that may be 1 */
    uint64_t true_pinbased, true_procbased, true_exit, true_entry;
    uint64_t misc, ept_vpid, vmcs_enum;
    uint64_t cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
};

/* How the guest accesses its local APIC, which decides between some controls, and which accesses
 * cause VM exits. In all modes but the last the processor delivers interrupts (virtual-interrupt
 * delivery). */
enum vmx_apic_mode {
    VMX_APIC_XAPIC,          /* through memory: "virtualize APIC accesses" */
    VMX_APIC_X2APIC,         /* through MSRs: "virtualize x2APIC mode" */
    VMX_APIC_X2APIC_EXITING, /* the same, but writes to the self-IPI MSR exit */
    VMX_APIC_HIDDEN,         /* neither of the two controls: all accesses exit */
    VMX_APIC_SOFTWARE,       /* the same, and the hypervisor delivers interrupts */
    VMX_APIC_MODES           /* how many there are */
};

/* The name of the first capability MSR in which two processors differ; NULL: none. vCPUs can run on
 * both only if there is none. */
const char *vmx_difference(const struct vmx_capabilities *a, const struct vmx_capabilities *b);

enum vmx_word { VMX_PIN, VMX_PRIMARY, VMX_SECONDARY, VMX_EXIT, VMX_ENTRY };
#define VMX_WORD_COUNT 5

struct vmx_controls {
    uint32_t pin, primary, secondary, exit, entry;
};

/* A feature that the processor lacks or the firmware has disabled. Both strings are static. */
struct vmx_missing {
    const char *name;    /* as the SDM calls it */
    const char *purpose; /* completes "needed ...", for a message */
};

/* Writes at most `max` of the missing features to `out` and returns how many are missing in all:
 * with 0, guests can run, at least with VMX_APIC_SOFTWARE. `out` may be NULL if `max` is 0. */
unsigned vmx_missing(const struct vmx_capabilities *capabilities, struct vmx_missing *out,
                     unsigned max);

/* The first feature that the processor lacks for delivering interrupts itself, as the SDM calls it;
 * NULL: it lacks none, and all modes can be used. */
const char *vmx_delivery_missing(const struct vmx_capabilities *capabilities);
/* The same for posted interrupts, which need what delivery needs, and more. */
const char *vmx_posted_missing(const struct vmx_capabilities *capabilities);
/* Whether the processor has "save VMX-preemption timer value", which is used then. */
bool vmx_saves_timer(const struct vmx_capabilities *capabilities);
/* The longest time in TSC ticks for which the VMX-preemption timer may be set. Processors since
 * Skylake exit early for some values of 2^25 and more: Intel's specification updates, erratum
 * "VMX-Preemption Timer May Expire Earlier With Certain Large Timer Values" (EMR158). */
#define VMX_TIMER_MAX ((1u << 25) - 1)
uint64_t vmx_timer_longest(const struct vmx_capabilities *capabilities);

/* Writes to `out` the control words for a guest in this APIC mode, with the reserved bits as the
 * processor requires them. "IA-32e mode guest" is 0: it follows the guest's EFER.LMA. posted: with
 * posted interrupts, in any mode in which the processor delivers interrupts. shares_cpu:
 * the vCPU shares its CPU with others, so it should yield when it spins; then "PAUSE-loop exiting"
 * is 1 if the processor has it, and the caller writes the two fields below. Returns false, and
 * zeros, if vmx_missing() finds anything or the mode is not available. */
bool vmx_choose_controls(const struct vmx_capabilities *capabilities, enum vmx_apic_mode mode,
                         bool posted, bool shares_cpu, struct vmx_controls *out);

/* The values of VMCS_PLE_GAP and VMCS_PLE_WINDOW, in TSC ticks. Executions of PAUSE at CPL 0 that
 * are at most the gap apart form one loop; an execution that is later than the window after the
 * first one of its loop causes a VM exit. A PAUSE takes up to 140 cycles since Skylake (Intel's
 * optimization manual), and reading the lock takes more. Few locks are held for longer than the
 * window; switching to another vCPU costs about as much. SDM Vol. 3C, "Controls for PAUSE-Loop
 * Exiting". */
#define VMX_PLE_GAP    256
#define VMX_PLE_WINDOW 4096

/* The given value with every bit that VMX operation fixes set or cleared: for the host's CR0, for
 * the CR0 of an unrestricted guest, where PE and PG are not fixed, and for CR4 of either. SDM Vol.
 * 3D, "VMX-Fixed Bits in CR0" and "VMX-Fixed Bits in CR4". */
uint64_t vmx_host_cr0(const struct vmx_capabilities *capabilities, uint64_t cr0);
uint64_t vmx_guest_cr0(const struct vmx_capabilities *capabilities, uint64_t cr0);
uint64_t vmx_cr4(const struct vmx_capabilities *capabilities, uint64_t cr4);

/* The value of the capability MSR for a control word: of the TRUE variant if there is one. */
uint64_t vmx_capability(const struct vmx_capabilities *capabilities, enum vmx_word word);
