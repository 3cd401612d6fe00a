/* INS and OUTS: transfers between a port and the guest's memory. SDM Vol. 3C, "VM-Exit
 * Instruction-Information Field as Used for INS and OUTS". Read next: guest_memory.h. */
#pragma once
#include "vmm/vcpu/exits.h"

/* Handles the exit of such an instruction, which has this exit qualification. */
enum exit_action exit_string_io(struct vcpu *vcpu, uint64_t qualification);
