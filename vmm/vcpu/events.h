/* Events that the hypervisor injects at a VM entry: queued exceptions and interrupted events, NMIs,
 * and the 8259s' interrupts (ExtINT). All other interrupts are delivered by the processor: virq.h.
 * SDM Vol. 3C, "Event Injection".
 *
 * All functions are called on the vCPU's own CPU, its VMCS current. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "vmm/vcpu/vcpu.h"

/* Queues an exception for the next VM entry. The guest's RIP stays. */
void events_queue_exception(struct vcpu *vcpu, uint8_t vector);
void events_queue_exception_with_code(struct vcpu *vcpu, uint8_t vector, uint32_t error_code);

/* A #DB of this type has exited and will be injected. Neither the exit nor the injection changes
 * the debug registers: changes them as the delivery would. */
void events_raise_debug(uint32_t type, uint64_t qualification);

/* Accepts the NMIs that were sent. While one is in service, one more stays pending and others are
 * lost; otherwise two may be pending, one of them for after the first. SDM Vol. 3A, "Nonmaskable
 * Interrupt (NMI)". */
void events_accept_nmis(struct vcpu *vcpu);

/* Whether a halted vCPU has a reason to continue: an NMI that is not blocked, or an interrupt that
 * the guest does not mask. All that was posted has been synced. */
bool events_can_wake(const struct vcpu *vcpu);

/* Whether events_inject() has anything to do: one test for all, since it runs before each entry. */
static inline bool events_to_inject(const struct vcpu *vcpu) {
    uint32_t intr = pc_intr(&vcpu->vm->pc);

    return (vcpu->event | vcpu->nmi_pending | vcpu->windows | vcpu->extint | intr) != 0;
}

/* Injects the queued event, or else an NMI or an interrupt of the 8259s if the guest accepts one
 * now; for what stays pending it requests a window exit. */
void events_inject(struct vcpu *vcpu);
