/* Structure offsets and constants for the assembly files. This file is compiled to assembly text
 * only; the build converts its lines "@@ NAME value" to offsets.inc. */
#include <stddef.h>

#include "arch/msr.h"
#include "arch/segments.h"
#include "arch/speculation.h"
#include "arch/vmx/vmx.h"

#define DEFINE(name, value) __asm__ volatile("\n#@@ " #name " %0" : : "i"((long)(value)))

void offsets(void);
void offsets(void) {
    DEFINE(CONTEXT_REG, offsetof(struct vmx_context, reg));
    DEFINE(CONTEXT_HOST_RSP, offsetof(struct vmx_context, host_rsp));
    DEFINE(GUEST_RAX, GUEST_RAX);
    DEFINE(GUEST_RCX, GUEST_RCX);
    DEFINE(GUEST_RDX, GUEST_RDX);
    DEFINE(GUEST_RBX, GUEST_RBX);
    DEFINE(GUEST_RBP, GUEST_RBP);
    DEFINE(GUEST_RSI, GUEST_RSI);
    DEFINE(GUEST_RDI, GUEST_RDI);
    DEFINE(GUEST_R8, GUEST_R8);
    DEFINE(GUEST_R9, GUEST_R9);
    DEFINE(GUEST_R10, GUEST_R10);
    DEFINE(GUEST_R11, GUEST_R11);
    DEFINE(GUEST_R12, GUEST_R12);
    DEFINE(GUEST_R13, GUEST_R13);
    DEFINE(GUEST_R14, GUEST_R14);
    DEFINE(GUEST_R15, GUEST_R15);
    DEFINE(VMCS_HOST_RSP, VMCS_HOST_RSP);
    DEFINE(MITIGATION_BHB, MITIGATION_BHB);
    DEFINE(MITIGATION_RSB, MITIGATION_RSB);
    DEFINE(MITIGATION_RSB_ONE, MITIGATION_RSB_ONE);
    DEFINE(MITIGATION_VERW, MITIGATION_VERW);
    DEFINE(MITIGATION_L1D_ENTRY, MITIGATION_L1D_ENTRY);
    DEFINE(MSR_IA32_FLUSH_CMD, MSR_IA32_FLUSH_CMD);
    DEFINE(FLUSH_CMD_L1D, FLUSH_CMD_L1D);
    DEFINE(SELECTOR_DATA, SELECTOR_DATA);
}
