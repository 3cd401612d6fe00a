/* The CPUID that guests see: the machine's own values, without the features that are not
 * virtualized. SDM Vol. 2A, "CPUID-CPU Identification". Read next: control_regs.h, msr.h. */
#pragma once
#include <stdint.h>

#include "arch/instructions.h"
#include "vmm/vcpu/exits.h"
#include "vmm/vcpu/vcpu.h"

/* Builds the tables from the machine's CPUID. xcr0: the XSAVE components that guests may use;
 * tsc_frequency: in Hz. Once, on the boot CPU, before any vCPU runs. */
void guest_cpuid_init(uint64_t xcr0, uint64_t tsc_frequency);

/* The VM exit of CPUID. */
enum exit_action exit_cpuid(struct vcpu *vcpu);

/* What CPUID with this leaf (EAX) and subleaf (ECX) returns on this vCPU. On its own CPU, its VMCS
 * current. */
struct cpuid_result guest_cpuid_read(const struct vcpu *vcpu, uint32_t leaf, uint32_t subleaf);

/* The bits of CR4 that guests may set: those of the features that are offered. */
uint64_t guest_cpuid_cr4_bits(void);
