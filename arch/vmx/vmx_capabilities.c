/* Reads what vmx_controls.h judges: a file of its own because the boot loader needs it too. */
#include "arch/vmx/vmx_capabilities.h"

#include "arch/instructions.h"
#include "arch/msr.h"

#define CPUID_1_ECX_VMX           (1u << 5)
#define CPUID_7_EBX_INVPCID       (1u << 10)
#define CPUID_80000001_EDX_RDTSCP (1u << 27)

/* An allowed-1 bit of a control word, in the MSR's high half. */
static bool may_be_1(uint64_t capability, uint32_t control) {
    return (capability >> 32) & control;
}

void vmx_read_capabilities(struct vmx_capabilities *c) {
    *c = (struct vmx_capabilities){.vmx = cpuid(1, 0).ecx & CPUID_1_ECX_VMX};
    uint32_t max = cpuid(0, 0).eax, max_extended = cpuid(0x80000000, 0).eax;
    c->physical_bits = 36;
    c->linear_bits = 48;
    if (max_extended >= 0x80000008) {
        uint32_t widths = cpuid(0x80000008, 0).eax;
        c->physical_bits = (uint8_t)widths;
        c->linear_bits = (uint8_t)(widths >> 8);
    }
    c->rdtscp =
        max_extended >= 0x80000001 && (cpuid(0x80000001, 0).edx & CPUID_80000001_EDX_RDTSCP);
    c->invpcid = max >= 7 && (cpuid(7, 0).ebx & CPUID_7_EBX_INVPCID);
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
    if (may_be_1(c->procbased2, SECONDARY_ENABLE_EPT | SECONDARY_ENABLE_VPID))
        c->ept_vpid = rdmsr(MSR_IA32_VMX_EPT_VPID_CAP);
    if (c->basic & VMX_BASIC_TRUE_CONTROLS) {
        c->true_pinbased = rdmsr(MSR_IA32_VMX_TRUE_PINBASED_CTLS);
        c->true_procbased = rdmsr(MSR_IA32_VMX_TRUE_PROCBASED_CTLS);
        c->true_exit = rdmsr(MSR_IA32_VMX_TRUE_EXIT_CTLS);
        c->true_entry = rdmsr(MSR_IA32_VMX_TRUE_ENTRY_CTLS);
    }
}
