/* Messages between the interrupt controllers of one VM: whom they name, and who accepts them.
 *
 * Part of routing.h, for routing.c only. Sets of vCPUs are bit masks. Pure. */
#pragma once
#include "vmm/routing.h"

static inline struct apic_identity routing_identity(const struct routing *routing, unsigned vcpu) {
    return apic_identity_load(&routing->vcpu[vcpu].apic.identity);
}

/* Those whom the destination names. */
uint32_t routing_named_by(const struct routing *routing, const struct apic_message *message);

/* Those whom a shorthand other than APIC_SHORTHAND_NONE names. A LAPIC that is globally disabled
 * hears nothing. */
uint32_t routing_named_by_shorthand(const struct routing *routing, unsigned self,
                                    enum apic_shorthand shorthand);

/* Posts the message to the set, to one of it if it is lowest priority, or signals it; returns how
 * many accepted. Under the VM's interrupt lock if the message is level: only then has it a pin. */
unsigned routing_send_to(struct routing *routing, uint32_t set, const struct apic_message *message,
                         unsigned pin);
