/* The part of a vCPU's VMCS that is written once: controls and the host-state area; and the check
 * of a VMCS by the SDM's rules before the first entry. SDM Vol. 3C, "Virtual Machine Control
 * Structures" and "VM Entries". Read next: arch/vmx/vmx_controls.h, arch/vmx/entry_check.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "arch/vmx/vmx_controls.h"

struct vcpu;

/* Allocates the I/O bitmaps that all VMCSs share. Once, before any vCPU is set up. */
void vmcs_setup_init(void);

/* Writes the controls, the host state and the guest's state after reset. On the vCPU's own CPU; its
 * VMCS is current and its launch state is clear. */
void vmcs_set_up(struct vcpu *vcpu);

/* The same without what belongs to a VM: EPT, MSR bitmap and local APIC. */
void vmcs_set_up_without_vm(struct vcpu *vcpu, enum vmx_apic_mode mode, uint16_t vpid);

/* Checks the current VMCS by the SDM's rules for VM entries. A violation is printed with its field,
 * and kills the guest; so does `failed`, which says that the processor has already refused the
 * entry. Returns true if an entry may be tried. */
bool vmcs_check(struct vcpu *vcpu, bool failed);
