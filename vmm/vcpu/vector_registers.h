/* The SSE and AVX registers of the vCPU that is loaded on this CPU. The hypervisor is built without
 * them, so they hold the guest's values. */
#pragma once
#include <stdbool.h>

#include "vmm/emulate/mmio_vector.h"

struct vcpu;

/* Whether the processor executes SSE instructions for the guest, or AVX instructions, and raises
 * neither #UD nor #NM. SDM Vol. 2A, "Exceptions Type 4". */
bool vector_registers_enabled(const struct vcpu *vcpu, bool avx);

/* Register 0 to 15. Without AVX the upper half reads 0 and is not written. */
void vector_register_read(struct vcpu *vcpu, unsigned number, struct mmio_vector *value);
void vector_register_write(struct vcpu *vcpu, unsigned number, const struct mmio_vector *value);
