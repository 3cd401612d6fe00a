/* The exit of an I/O instruction. Read next: string_io.h, vmm/pc/ports.h. */
#pragma once
#include "vmm/vcpu/exits.h"

enum exit_action exit_io(struct vcpu *vcpu);
