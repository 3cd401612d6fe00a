/* For the build to WebAssembly, in place of arch/vmx/vmx.h: see ../instructions.h. The model has a
 * VMCS of its own (tests/model/world.h). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/cpu.h"
#include "arch/vmx/vmcs.h"

#define INVVPID_SINGLE_CONTEXT 1

struct vmx_context {
    uint64_t host_rsp;
};

uint64_t vmcs_read(uint64_t field);
void vmcs_write(uint64_t field, uint64_t value);
void invvpid(uint64_t type, uint16_t vpid);
