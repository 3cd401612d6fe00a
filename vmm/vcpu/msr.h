/* The MSRs of guests.
 *
 * Default deny: the MSR bitmaps intercept everything but what is known to be safe, and an MSR that
 * is not listed does not exist. The x2APIC's registers and IA32_APIC_BASE belong to virq.h and
 * vlapic.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "vmm/vcpu/vcpu.h"

/* Builds the bitmaps. Once, when host.capabilities is known. */
void msr_init(void);

/* The physical address of the MSR bitmap for a mode of the local APIC. */
uint64_t msr_bitmap(enum vmx_apic_mode mode);

/* RDMSR and WRMSR that exited, except for the local APIC's MSRs. The vCPU's VMCS is current. False:
 * #GP. */
bool msr_read(struct vcpu *vcpu, uint32_t msr, uint64_t *value);
bool msr_write(struct vcpu *vcpu, uint32_t msr, uint64_t value);
