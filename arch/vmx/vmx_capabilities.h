/* Reads the VMX capability MSRs of the current CPU.
 *
 * Apart from vmx_controls.c, which is pure and judges what is read here, and from vmx.c, because
 * the boot loader reads them too. SDM Vol. 3D, "VMX Capability Reporting Facility". Read next:
 * vmx_controls.h. */
#pragma once

#include "arch/vmx/vmcs.h"
#include "arch/vmx/vmx_controls.h"

/* Fills in the whole structure; an MSR that the CPU does not have is 0. Works on any x86-64 CPU:
 * without VMX only the members from CPUID are filled in. */
void vmx_read_capabilities(struct vmx_capabilities *capabilities);
