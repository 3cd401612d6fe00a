/* Reads the VMX capability MSRs: see vmx_capabilities.h. */
#include "arch/vmx/vmx_capabilities.h"

#include "arch/canonical.h"
#include "arch/cpuid.h"
#include "arch/instructions.h"
#include "arch/msr.h"

#define PHYSICAL_BITS_DEFAULT 36 /* if CPUID has no leaf that reports it */

/* Whether a control may be 1: its bit in the high half of the capability MSR. */
static bool may_be_1(uint64_t capability, uint32_t control) {
    return (capability >> 32) & control;
}

void vmx_read_capabilities(struct vmx_capabilities *c) {
    *c = (struct vmx_capabilities){
        .vmx = cpuid(CPUID_LEAF_FEATURES, 0).ecx & CPUID_1_ECX_VMX,
        .physical_bits = PHYSICAL_BITS_DEFAULT,
        .linear_bits = CANONICAL_BITS_4_LEVEL,
    };
    if (cpuid_has_leaf(CPUID_LEAF_ADDRESS_WIDTHS)) {
        uint32_t widths = cpuid(CPUID_LEAF_ADDRESS_WIDTHS, 0).eax;
        c->physical_bits = (uint8_t)widths;
        c->linear_bits = (uint8_t)(widths >> 8);
    }
    if (!c->vmx)
        return;

    c->feature_control = rdmsr(MSR_IA32_FEATURE_CONTROL);
    c->basic = rdmsr(MSR_IA32_VMX_BASIC);
    c->pinbased = rdmsr(MSR_IA32_VMX_PINBASED_CTLS);
    c->procbased = rdmsr(MSR_IA32_VMX_PROCBASED_CTLS);
    c->exit = rdmsr(MSR_IA32_VMX_EXIT_CTLS);
    c->entry = rdmsr(MSR_IA32_VMX_ENTRY_CTLS);
    c->misc = rdmsr(MSR_IA32_VMX_MISC);
    c->vmcs_enum = rdmsr(MSR_IA32_VMX_VMCS_ENUM);
    c->cr0_fixed0 = rdmsr(MSR_IA32_VMX_CR0_FIXED0);
    c->cr0_fixed1 = rdmsr(MSR_IA32_VMX_CR0_FIXED1);
    c->cr4_fixed0 = rdmsr(MSR_IA32_VMX_CR4_FIXED0);
    c->cr4_fixed1 = rdmsr(MSR_IA32_VMX_CR4_FIXED1);
    if (may_be_1(c->procbased, PRIMARY_ACTIVATE_SECONDARY_CONTROLS))
        c->procbased2 = rdmsr(MSR_IA32_VMX_PROCBASED_CTLS2);
    if (may_be_1(c->procbased, PRIMARY_ACTIVATE_TERTIARY_CONTROLS))
        c->procbased3 = rdmsr(MSR_IA32_VMX_PROCBASED_CTLS3);
    c->rdtscp = may_be_1(c->procbased2, SECONDARY_ENABLE_RDTSCP) &&
                cpuid_has_leaf(CPUID_LEAF_EXTENDED_FEATURES) &&
                (cpuid(CPUID_LEAF_EXTENDED_FEATURES, 0).edx & CPUID_80000001_EDX_RDTSCP);
    if (may_be_1(c->procbased2, SECONDARY_ENABLE_EPT | SECONDARY_ENABLE_VPID))
        c->ept_vpid = rdmsr(MSR_IA32_VMX_EPT_VPID_CAP);
    if (c->basic & VMX_BASIC_TRUE_CONTROLS) {
        c->true_pinbased = rdmsr(MSR_IA32_VMX_TRUE_PINBASED_CTLS);
        c->true_procbased = rdmsr(MSR_IA32_VMX_TRUE_PROCBASED_CTLS);
        c->true_exit = rdmsr(MSR_IA32_VMX_TRUE_EXIT_CTLS);
        c->true_entry = rdmsr(MSR_IA32_VMX_TRUE_ENTRY_CTLS);
    }
}
