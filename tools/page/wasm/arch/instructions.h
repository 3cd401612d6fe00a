/* For the build to WebAssembly, in place of arch/instructions.h: what vmm/vcpu/virq.c and the locks
 * mention of the machine, declared and never defined. A call that the model could reach would not
 * link. */
#pragma once
#include <stdint.h>

uint64_t rdtsc(void);
void cpu_pause(void);
