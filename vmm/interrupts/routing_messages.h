/* Messages between the interrupt controllers of one VM: whom they name, and who accepts them.
 *
 * Part of routing.h, for routing.c only. Sets of vCPUs are bit masks. Pure. */
#pragma once
#include "vmm/interrupts/routing.h"

static inline struct apic_identity routing_identity(const struct routing *routing, unsigned vcpu) {
    return apic_identity_load(&routing->vcpu[vcpu].apic.identity);
}

/* Where a message comes from: a pin of the I/O APIC, by its number; a vCPU's own LAPIC; or neither.
 */
#define ROUTING_FROM_VCPU(vcpu) (0x100u + (vcpu))
#define ROUTING_FROM_ELSEWHERE  0xffu

/* Posts the message to all whom its destination names, to one of them if it is lowest priority, or
 * signals it; returns how many accepted. Under the VM's interrupt lock if the message is level:
 * only then does its pin matter. From a vCPU: on its CPU, outside the guest; what it sends itself
 * is accepted at once. */
unsigned routing_send_message(struct routing *routing, const struct apic_message *message,
                              unsigned from);

/* The same to those whom the shorthand of an IPI from vCPU `self` names. */
unsigned routing_send_shorthand(struct routing *routing, const struct apic_message *message,
                                unsigned self, enum apic_shorthand shorthand);
