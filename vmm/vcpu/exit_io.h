/* The exit that an I/O instruction causes. */
#pragma once
#include "vmm/vcpu/exits.h"

enum exit_action exit_io(struct vcpu *vcpu);
