/* The run loop: each physical CPU gives its vCPUs their turns.
 *
 * A vCPU runs until its slice ends (preemption timer), it halts, or it stops. While a guest runs no
 * maskable interrupt is expected: time comes from the preemption timer, kicks are NMIs. */
#pragma once

#include <stdbool.h>

struct vcpu;

/* Once, when the TSC's frequency and the capabilities are known. */
void run_init(void);

/* Whether a halted vCPU has a reason to go on. Its VMCS is current, everything posted is synced. */
bool vcpu_can_wake(const struct vcpu *vcpu);

/* Never returns: when all VMs have ended it prints the summary and switches the machine off. */
_Noreturn void host_run(void);

/* How long a vCPU may keep a CPU that others want. */
#define SLICE_US 10000
