/* The order of work before an entry and after an EOI, step by step. vmm/vcpu/run.c is not linked:
 * that requests are taken after arming, and that without a request nothing is prepared, is written
 * down here. The steps of vmm/vcpu/virq.c and vmm/interrupts/routing.c are theirs. */
#pragma once

/* The next step of this vCPU, by its phase. */
void order_step(unsigned vcpu);

/* In PHASE_TAKEN: whether virq_prepare_entry() as a whole comes to the same as its steps. */
void order_compare(unsigned vcpu);
