/* The part of a vCPU's VMCS that is written once, and the check before the first entry. */
#pragma once
#include <stdbool.h>

struct vcpu;

/* Allocates the I/O bitmaps that all VMCSs share. Once, before any vCPU is set up. */
void vmcs_setup_init(void);

/* Writes controls, host state and the guest's state after reset. The VMCS is current and clear; the
 * vCPU stays on the calling CPU. */
void vmcs_set_up(struct vcpu *vcpu);

/* Checks the current VMCS by the SDM's rules for VM entries; a violation kills the VM and names the
 * field. `failed`: the processor has already refused the entry. Returns true if the entry may be
 * tried. */
bool vmcs_check(struct vcpu *vcpu, bool failed);
