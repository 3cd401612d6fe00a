/* What a guest may do to the processor without asking, and what it sees of it.
 *
 * Default deny: the I/O and MSR bitmaps intercept everything but what is known to be safe, CPUID is
 * a list of what is really offered, and a control register bit that is not offered faults. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "vmm/vcpu.h"

/* Once, after host.capabilities is known: builds the bitmaps and the CPUID table. NULL or what this
 * machine lacks. */
const char *policy_init(void);

/* Physical addresses: two pages of I/O bitmaps; the MSR bitmap for a guest in this APIC mode. */
uint64_t policy_io_bitmap(void);
uint64_t policy_msr_bitmap(enum vmx_apic_mode mode);

/* The VPID of a vCPU: never 0, which is the host's, and no two alike. */
uint32_t policy_vpid(const struct vcpu *vcpu);

/* The XSAVE components in use, and the size of an area for them. */
uint64_t policy_xcr0(void);
uint32_t policy_xsave_size(void);
bool policy_has_ibpb(void);

/* Which bits of a physical address guests have. */
uint64_t policy_physical_mask(void);

/* Writes the masks of CR0 and CR4 to the current VMCS, once. */
void policy_set_masks(void);
/* Gives the guest this CR0 or CR4: the real one with what VMX demands, and the read shadow. */
void policy_set_cr0(uint64_t value);
void policy_set_cr4(uint64_t value);

/* The guest wants to write a control register in a way that exited. False: #GP. */
bool policy_guest_writes_cr0(struct vcpu *vcpu, uint64_t value);
bool policy_guest_writes_cr4(struct vcpu *vcpu, uint64_t value);
bool policy_guest_writes_xcr0(struct vcpu *vcpu, uint32_t index, uint64_t value);

/* RDMSR and WRMSR that exited, all but the APIC's. False: #GP. */
bool policy_read_msr(struct vcpu *vcpu, uint32_t msr, uint64_t *value);
bool policy_write_msr(struct vcpu *vcpu, uint32_t msr, uint64_t value);
