/* The control registers of guests: CR0, CR4, XCR0.
 *
 * A guest owns the bits that cannot harm others, and writes them without a VM exit. The other bits
 * belong to the hypervisor: a write that changes one exits, and the guest reads them from the read
 * shadow. Setting a bit of a feature that CPUID does not offer is #GP. SDM Vol. 3C, "Guest/Host
 * Masks and Read Shadows for CR0 and CR4". Read next: guest_cpuid.h.
 *
 * All functions are called on the vCPU's own CPU, its VMCS current. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct vcpu;

/* Writes the guest/host masks of CR0 and CR4. Once for each VMCS. */
void control_regs_set_masks(void);

/* Writes CR0 or CR4 of the guest: the read shadow as it is, and the register with the bits that VMX
 * requires. */
void control_regs_set_cr0(uint64_t value);
void control_regs_set_cr4(uint64_t value);

/* CR0 as the guest reads it. */
uint64_t control_regs_read_cr0(void);

/* A write of the guest that exited. False: #GP, nothing has changed. SDM Vol. 2B, "MOV-Move to/from
 * Control Registers". */
bool control_regs_write_cr0(struct vcpu *vcpu, uint64_t value);
bool control_regs_write_cr4(struct vcpu *vcpu, uint64_t value);
/* XSETBV of register `index`, 0 for XCR0. False: #GP. SDM Vol. 2D, "XSETBV-Set Extended Control
 * Register". */
bool control_regs_write_xcr(struct vcpu *vcpu, uint32_t index, uint64_t value);
