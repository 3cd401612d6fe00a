/* Enabling VMX, and what its failures mean: see vmx.h. */
#include "arch/vmx/vmx.h"

#include "arch/control_registers.h"
#include "arch/cpuid.h"
#include "arch/instructions.h"
#include "arch/msr.h"
#include "arch/panic.h"
#include "arch/vmx/exit_reason.h"

const char *vmx_error(void) {
    uint64_t error;
    bool valid;

    /* Without a current VMCS this VMREAD fails too, and there is no error number. */
    __asm__ volatile("vmread %2, %0\n\tseta %1"
                     : "=r"(error), "=q"(valid)
                     : "r"((uint64_t)VMCS_INSTRUCTION_ERROR)
                     : "cc");
    return valid ? vm_instruction_error_name((uint32_t)error) : "no current VMCS";
}

_Noreturn void vmx_fail(const char *instruction, uint64_t operand) {
    panic("%s of 0x%lx failed: %s", instruction, operand, vmx_error());
}

/* VMXON needs a locked IA32_FEATURE_CONTROL; each CPU has one, and the firmware may have left it
 * unlocked. SDM Vol. 3C, "Enabling and Entering VMX Operation". */
static const char *allow_vmxon(void) {
    uint64_t control = rdmsr(MSR_IA32_FEATURE_CONTROL);

    if (!(control & FEATURE_CONTROL_LOCK)) {
        control |= FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX_OUTSIDE_SMX;
        wrmsr(MSR_IA32_FEATURE_CONTROL, control);
    }
    if (!(control & FEATURE_CONTROL_VMX_OUTSIDE_SMX))
        return "the firmware has disabled VT-x and locked it (IA32_FEATURE_CONTROL)";
    return NULL;
}

const char *vmx_on(struct vmx_region *region, uint64_t physical) {
    if (!(cpuid(CPUID_LEAF_FEATURES, 0).ecx & CPUID_1_ECX_VMX))
        return "it does not have VMX";

    const char *problem = allow_vmxon();
    if (problem)
        return problem;

    uint64_t basic = rdmsr(MSR_IA32_VMX_BASIC);
    if ((basic & VMX_BASIC_32BIT_ADDRESSES) && physical >> 32)
        return "its VMXON region is above 4 GiB, but must be below";

    write_cr0((read_cr0() | rdmsr(MSR_IA32_VMX_CR0_FIXED0)) & rdmsr(MSR_IA32_VMX_CR0_FIXED1));
    write_cr4((read_cr4() | CR4_VMXE | rdmsr(MSR_IA32_VMX_CR4_FIXED0)) &
              rdmsr(MSR_IA32_VMX_CR4_FIXED1));
    region->revision = (uint32_t)(basic & VMX_BASIC_REVISION_MASK);

    bool on;
    __asm__ volatile("vmxon %1\n\tseta %0" : "=q"(on) : "m"(physical) : "cc", "memory");
    return on ? NULL : "VMXON failed";
}

void vmx_off(void) {
    struct cpu *cpu = this_cpu();

    if (!cpu->in_vmx_operation)
        return;
    cpu->in_vmx_operation = false;
    __asm__ volatile("vmxoff" : : : "cc", "memory");
    write_cr4(read_cr4() & ~CR4_VMXE);
}
