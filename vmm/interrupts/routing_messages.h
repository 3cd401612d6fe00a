/* Messages between the interrupt controllers of one VM: which LAPICs they name and which accept
 * them.
 *
 * Internal to routing.c. Sets of vCPUs are bit masks. Pure. */
#pragma once
#include "vmm/interrupts/routing.h"

static inline struct apic_identity routing_identity(const struct routing *routing, unsigned vcpu) {
    return apic_identity_load(&routing->vcpu[vcpu].apic.identity);
}

/* The source of a message: a pin of the I/O APIC, by its number; a vCPU; or neither. */
#define ROUTING_FROM_VCPU(vcpu) (0x100u + (vcpu))
#define ROUTING_FROM_ELSEWHERE  0xffu

/* Posts the message to all vCPUs that its destination names, or to one of them if it is lowest
 * priority; an NMI, SMI, INIT, SIPI or ExtINT is signalled to all. Returns how many accepted. For a
 * level message the caller holds the VM's interrupt lock, and `from` is its pin. For a message from
 * a vCPU the caller is its CPU, outside guest mode; what the vCPU sends to itself is accepted at
 * once. */
unsigned routing_send_message(struct routing *routing, const struct apic_message *message,
                              unsigned from);

/* The same for the vCPUs that the shorthand of an IPI from vCPU `self` names. */
unsigned routing_send_shorthand(struct routing *routing, const struct apic_message *message,
                                unsigned self, enum apic_shorthand shorthand);
