/* The control registers of guests: CR0, CR4, XCR0.
 *
 * A guest owns the bits that cannot harm anyone else and writes them without an exit. A bit of a
 * feature that CPUID does not offer faults. SDM Vol. 3C, "Guest/Host Masks and Read Shadows for CR0
 * and CR4". */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct vcpu;

/* Writes the guest/host masks of CR0 and CR4 to the current VMCS, once. */
void control_regs_set_masks(void);

/* Gives the guest of the current VMCS this CR0 or CR4: the register with the bits that VMX
 * requires, and the read shadow. */
void control_regs_set_cr0(uint64_t value);
void control_regs_set_cr4(uint64_t value);

/* The guest writes a control register, and the write exited. False: #GP, nothing has changed. */
bool control_regs_write_cr0(struct vcpu *vcpu, uint64_t value);
bool control_regs_write_cr4(struct vcpu *vcpu, uint64_t value);
/* XSETBV: `index` is the register, 0 for XCR0. */
bool control_regs_write_xcr(struct vcpu *vcpu, uint32_t index, uint64_t value);
