/* What a guest may do to the processor without asking, and what it sees of it.
 *
 * Default deny: the I/O and MSR bitmaps intercept everything but what is known to be safe, CPUID is
 * a list of what is really offered, and a control register bit that is not offered faults. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "vmm/vcpu/vcpu.h"

/* Once, after host.capabilities is known: builds the bitmaps and the CPUID table. NULL or what this
 * machine lacks. */
const char *policy_init(void);

/* What policy_init() has found out and built. */
struct policy {
    uint64_t io_bitmap;     /* physical address of two pages */
    uint64_t msr_bitmap[3]; /* physical addresses, by enum vmx_apic_mode */
    uint64_t physical_mask; /* which bits of a physical address guests have */
    uint64_t xcr0;          /* the XSAVE components in use */
    uint32_t xsave_size;    /* of an area for them */
    bool ibpb;              /* there is IA32_PRED_CMD */
};
extern struct policy policy;

/* The VPID of a vCPU: never 0, which is the host's, and no two alike. */
uint32_t policy_vpid(const struct vcpu *vcpu);

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
