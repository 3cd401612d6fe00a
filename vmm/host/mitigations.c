/* Carrying out what is done against speculation: see mitigations.h. */
#include "vmm/host/mitigations.h"

#include "arch/cpuid.h"
#include "arch/instructions.h"
#include "arch/msr.h"
#include "arch/speculation_read.h"
#include "arch/thunks.h"
#include "arch/vmx/vmx.h"
#include "vmm/host/host_memory.h"

extern const char image_start[]; /* linker.ld */

struct speculation mitigations;

static struct speculation_processor boot_processor;

void mitigations_init(const struct boot_info *info) {
    struct speculation_request request = {info->mitigations_on, info->mitigations_off};

    speculation_read(&boot_processor);
    mitigations = speculation_decide(&boot_processor, &request);
    vmx_guards = mitigations.on & (MITIGATION_BHB | MITIGATION_RSB | MITIGATION_RSB_ONE |
                                   MITIGATION_VERW | MITIGATION_L1D_ENTRY);
    if (!(mitigations.on & MITIGATION_RETPOLINE))
        thunks_use_jmp(phys_to_virt(info->image_base + (uint64_t)(thunks_begin - image_start)));
    mitigations_apply();
}

const char *mitigations_apply(void) {
    struct speculation_processor own;

    speculation_read(&own);
    if (own.leaf7_edx != boot_processor.leaf7_edx || own.leaf7_2_edx != boot_processor.leaf7_2_edx)
        return "its speculation controls differ from those of the boot CPU";
    if (mitigations.spec_ctrl)
        wrmsr(MSR_IA32_SPEC_CTRL, mitigations.spec_ctrl);
    return NULL;
}
