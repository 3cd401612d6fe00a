/* For the build to WebAssembly, in place of arch/cpu.h: see instructions.h. There is no CPU. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "arch/instructions.h"

struct cpu {
    uint32_t index, apic_id;
};

struct cpu *this_cpu(void);
