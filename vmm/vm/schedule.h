/* The scheduler: each physical CPU gives turns to its vCPUs, so that all that want to run have the
 * same share of the CPU's time, whatever the others do.
 *
 * Turns are given round robin, without those vCPUs that are more than a slice ahead of another one
 * that wants to run. A turn lasts until its slice ends, or until the vCPU halts, yields or ends. A
 * vCPU never moves to another CPU. Read next: vmm/vcpu/run.h. */
#pragma once

/* How long a turn lasts at most. */
#define SLICE_US 10000

/* Once, when the TSC's frequency is known. */
void schedule_init(void);

/* Runs this CPU's vCPUs for ever. When all guests have ended, the boot CPU prints the results and
 * switches the machine off. */
_Noreturn void schedule_run(void);
