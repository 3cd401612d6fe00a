/* The part of a vCPU's VMCS that is written once. */
#pragma once
#include "vmm/vcpu/vcpu.h"

/* The VMCS is current and clear; the caller is the CPU that it will stay on. Leaves the guest in
 * the state after reset. */
void vmcs_set_up(struct vcpu *vcpu);

/* Runs the entry checker over the current VMCS; kills the VM with the field's name if it finds
 * something. False then. `failed`: the processor has refused the entry already. */
bool vmcs_check(struct vcpu *vcpu, bool failed);
