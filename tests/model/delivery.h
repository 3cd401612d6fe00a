/* What the processor does in the model's world, with the checks and the reference. See delivery.c.
 */
#pragma once

void delivery_deliver(unsigned vcpu);
void delivery_eoi(unsigned vcpu);
/* A posted-interrupt notification arrives at the vCPU's CPU. */
void delivery_notification(unsigned vcpu);
void delivery_self_ipi(unsigned vcpu, unsigned vector_index);
