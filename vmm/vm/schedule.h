/* The scheduler: each physical CPU gives its vCPUs their turns, so that each of those that want to
 * run gets the same share of the CPU's time, whatever the others do. Turns go
 * round, without those that are ahead of the others.
 *
 * A turn lasts until its slice ends, or until the vCPU halts, yields or ends: vmm/vcpu/run.h. A
 * vCPU never moves to another CPU. */
#pragma once

/* How long a turn lasts while other vCPUs want the CPU. */
#define SLICE_US 10000

/* Once, when the TSC's frequency is known. */
void schedule_init(void);

/* Runs this CPU's vCPUs for ever. When all guests have ended, the boot CPU prints the results and
 * switches the machine off. */
_Noreturn void schedule_run(void);
