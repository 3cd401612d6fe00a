/* Events that the hypervisor injects at a VM entry: exceptions, events whose delivery a VM exit has
 * interrupted, NMIs, and the 8259s' interrupts (ExtINT). The processor delivers all other
 * interrupts, or they are injected here as well: virq.h. SDM Vol. 3C, "Event Injection".
 *
 * One event is injected at an entry. A queued one (vcpu->event) comes first; what then stays
 * pending gets a window exit, which the processor makes as soon as the guest can accept it.
 *
 * All functions are called on the vCPU's own CPU, its VMCS current. Read next: virq.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "vmm/vcpu/vcpu.h"

/* Queue a fault for the next VM entry. The guest's RIP stays. */
void events_queue_exception(struct vcpu *vcpu, uint8_t vector);
void events_queue_exception_with_code(struct vcpu *vcpu, uint8_t vector, uint32_t error_code);

/* A #DB of this type has exited and will be injected again. Neither the exit nor the injection
 * changes the debug registers and IA32_DEBUGCTL: changes them as its delivery would. */
void events_raise_debug(uint32_t type, uint64_t qualification);

/* Accepts the NMIs that were sent. While an NMI is in service, one more stays pending and further
 * ones are lost. Otherwise two may be pending: the second is delivered after the first. SDM Vol.
 * 3A, "Nonmaskable Interrupt (NMI)". */
void events_accept_nmis(struct vcpu *vcpu);

/* Whether an event would end HLT now: an NMI that is not blocked, or an interrupt with the guest's
 * IF set. What was posted must have been synced. */
bool events_can_wake(const struct vcpu *vcpu);

/* Whether events_inject() may have anything to do. One test for everything: it runs before each
 * entry. */
static inline bool events_to_inject(const struct vcpu *vcpu) {
    uint32_t intr = pc_intr(&vcpu->vm->pc);

    return (vcpu->event | vcpu->nmi_pending | vcpu->windows | vcpu->extint | vcpu->software |
            intr) != 0;
}

/* Injects the queued event, or else an NMI or an interrupt of the 8259s if the guest can accept one
 * now. Requests a window exit for what stays pending. */
void events_inject(struct vcpu *vcpu);
