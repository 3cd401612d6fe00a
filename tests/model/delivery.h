/* What the processor does in the model's world, with the checks and the reference. See delivery.c.
 */
#pragma once

void delivery_deliver(unsigned vcpu);
void delivery_eoi(unsigned vcpu);
void delivery_self_ipi(unsigned vcpu, unsigned vector_index);
