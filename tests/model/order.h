/* The order of work before an entry and after an EOI, step by step: docs/interrupts.md, "The order
 * of work before an entry". vmm/vcpu/run.c is not linked: that requests are taken after arming, and
 * that nothing is prepared without a request, is written down here. The steps themselves are the
 * code of vmm/vcpu/virq.c and vmm/interrupts/routing.c. */
#pragma once

/* Makes the next step of this vCPU, which depends on its phase. */
void order_step(unsigned vcpu);

/* In PHASE_TAKEN: checks that virq_prepare_entry() as a whole has the same result as its steps. */
void order_compare(unsigned vcpu);
