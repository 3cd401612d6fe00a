/* The MSRs of guests.
 *
 * Default deny: the MSR bitmaps intercept every access that is not known to be safe, and an MSR
 * that is not listed does not exist. The MSRs of the local APIC are in virq.h and
 * vmm/interrupts/vlapic.h. SDM Vol. 3C, "MSR-Bitmap Address"; Vol. 4, "Model-Specific Registers
 * (MSRs)". Read next: mtrr.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "vmm/vcpu/vcpu.h"

/* Builds the bitmaps. Once, on the boot CPU, when host.capabilities is known. */
void msr_init(void);

/* The physical address of the MSR bitmap for this mode of the local APIC. */
uint64_t msr_bitmap(enum vmx_apic_mode mode);

/* An RDMSR or WRMSR that exited, of any MSR but the local APIC's. False: #GP. On the vCPU's own
 * CPU, its VMCS current. */
bool msr_read(struct vcpu *vcpu, uint32_t msr, uint64_t *value);
bool msr_write(struct vcpu *vcpu, uint32_t msr, uint64_t value);
