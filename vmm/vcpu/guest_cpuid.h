/* The CPUID that guests see: a list of what is really offered. */
#pragma once
#include <stdint.h>

#include "arch/instructions.h"
#include "vmm/vcpu/vcpu.h"

/* Builds the table from the machine's CPUID; xcr0: the XSAVE components that guests may use. */
void guest_cpuid_init(uint64_t xcr0, uint64_t tsc_frequency);

/* What this vCPU reads. */
struct cpuid_result guest_cpuid_read(const struct vcpu *vcpu, uint32_t leaf, uint32_t subleaf);

/* The CR4 bits that belong to features which are offered. */
uint64_t vcpuid_cr4_bits(void);
