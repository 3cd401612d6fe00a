/* Messages between the interrupt controllers of one VM: which LAPICs they name and which accept
 * them.
 *
 * Internal to routing.c. Pure. */
#pragma once
#include "vmm/interrupts/routing.h"

static inline struct apic_identity routing_identity(const struct routing *routing, unsigned vcpu) {
    return apic_identity_load(&routing->vcpu[vcpu].apic.identity);
}

/* Whether a destination that is not the broadcast can only name the vCPU of this number: it is an
 * APIC ID, and each vCPU has that of power-on. Nearly all interrupts and reroutes are of this kind.
 */
static inline bool routing_names_by_number(const struct routing *routing, bool logical) {
    return !logical && !atomic_load_explicit(&routing->renamed, memory_order_acquire);
}

/* The vCPUs that a destination may name; others it does not name. Without a broadcast they are one
 * for a physical destination, those of one cluster for a logical one, and those that the index
 * lists; so the cost does not depend on how many vCPUs there are. The logical x2APIC ID has the
 * cluster, ID / 16, in bits 31:16, and a bit for ID % 16. SDM Vol. 3A, "Deriving Logical x2APIC ID
 * from the Local x2APIC ID". */
static inline vcpu_mask routing_candidates(const struct routing *routing, uint32_t destination,
                                           uint32_t broadcast, bool logical) {
    vcpu_mask named = 0;

    if (destination == broadcast)
        return routing->all;
    if (!logical) {
        if (destination < VCPU_MASK_MAX)
            named = vcpu_mask_of(destination);
        named |= atomic_load_explicit(&routing->renamed, memory_order_acquire);
    } else {
        uint32_t cluster = destination >> 16;
        if (cluster < VCPU_MASK_MAX / 16)
            named = (vcpu_mask)(destination & 0xffff) << 16 * cluster;
        named |= atomic_load_explicit(&routing->xapic, memory_order_acquire);
    }
    return named & routing->all;
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
