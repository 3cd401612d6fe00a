/* INS and OUTS: transfers between a port and the guest's memory. */
#pragma once
#include "vmm/vcpu/exits.h"

/* The exit of such an instruction; `qualification` is its exit qualification. */
enum exit_action exit_string_io(struct vcpu *vcpu, uint64_t qualification);
