/* INS and OUTS: between a port and the guest's memory. */
#pragma once
#include "vmm/vcpu/exits.h"

/* What is behind a port: vmm/vcpu/exit_io.c. A port without a device reads all ones. */
uint32_t port_in(struct vcpu *vcpu, uint16_t port, unsigned size);
void port_out(struct vcpu *vcpu, uint16_t port, unsigned size, uint32_t value);

/* The exit of such an instruction, with its qualification. */
enum exit_action exit_string_io(struct vcpu *vcpu, uint64_t qualification);
