/* Reads the VMX capability MSRs of this CPU. SDM Vol. 3D, Appendix A. */
#pragma once

#include "arch/vmx/vmcs.h"
#include "arch/vmx/vmx_controls.h"

/* Every MSR that the CPU does not have is 0. Works on any x86-64 CPU: without VMX only the CPUID
 * facts are filled in. */
void vmx_read_capabilities(struct vmx_capabilities *capabilities);
