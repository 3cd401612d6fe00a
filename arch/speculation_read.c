/* What the processor reports about speculation: see speculation_read.h. */
#include "arch/speculation_read.h"

#include "arch/cpuid.h"
#include "arch/instructions.h"
#include "arch/msr.h"

void speculation_read(struct speculation_processor *p) {
    *p = (struct speculation_processor){.signature = cpuid(CPUID_LEAF_FEATURES, 0).eax};
    if (!cpuid_has_leaf(CPUID_LEAF_STRUCTURED_FEATURES))
        return;
    struct cpuid_result r = cpuid(CPUID_LEAF_STRUCTURED_FEATURES, 0);
    p->leaf7_ebx = r.ebx;
    p->leaf7_edx = r.edx;
    if (r.eax >= 2)
        p->leaf7_2_edx = cpuid(CPUID_LEAF_STRUCTURED_FEATURES, 2).edx;
    if (r.edx & CPUID_7_EDX_ARCH_CAP)
        p->arch_capabilities = rdmsr(MSR_IA32_ARCH_CAPABILITIES);
}
