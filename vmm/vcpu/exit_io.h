/* The exit of an I/O instruction. Read next: string_io.h, vmm/pc/ports.h. */
#pragma once
#include "vmm/vcpu/exits.h"

enum exit_action exit_io(struct vcpu *vcpu);

/* Of an instruction that prints when there is no room: it will be executed again, in a later turn.
 */
enum exit_action exit_wait_for_output(struct vcpu *vcpu);
