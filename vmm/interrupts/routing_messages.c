/* Messages between the interrupt controllers of one VM: see routing_messages.h. */
#include "vmm/interrupts/routing_messages.h"

#include "lib/bits.h"

static inline bool names(const struct routing *routing, const struct apic_message *message,
                         unsigned vcpu) {
    struct apic_identity who = routing_identity(routing, vcpu);

    return destination_matches(&who, message->destination, message->wide, message->logical);
}

static inline vcpu_mask candidates(const struct routing *routing,
                                   const struct apic_message *message) {
    uint32_t broadcast = message->wide ? 0xffffffff : 0xff;

    return routing_candidates(routing, message->destination & broadcast, broadcast,
                              message->logical);
}

static vcpu_mask named_by_destination(const struct routing *routing,
                                      const struct apic_message *message) {
    vcpu_mask set = 0;
    unsigned i;

    for_each_bit(i, candidates(routing, message))
        set |= (vcpu_mask)names(routing, message, i) << i;
    return set;
}

/* A shorthand other than "self" does not name LAPICs that are globally disabled. */
static vcpu_mask named_by_shorthand(const struct routing *routing, unsigned self,
                                    enum apic_shorthand shorthand) {
    vcpu_mask set = 0;

    for (unsigned i = routing->vcpu_count; i > 0; i--) {
        bool named = routing_identity(routing, i - 1).mode != APIC_MODE_DISABLED;
        set = set << 1 | (vcpu_mask)named;
    }
    return shorthand == APIC_SHORTHAND_OTHERS ? set & ~vcpu_mask_of(self) : set;
}

/* This is the vCPU's own CPU, so the interrupt needs no inbox. */
static bool accept_own(struct routing *routing, unsigned vcpu, uint8_t vector) {
    bool accepted = vlapic_accept_own(&routing->vcpu[vcpu].apic, vector);

    if (accepted)
        routing->effects->accepted_own(routing->context, vcpu, vector);
    return accepted;
}

/* An illegal vector is in the inbox although it is not accepted: the vCPU has to set its ESR. */
static inline bool post(struct routing *routing, unsigned vcpu, const struct apic_message *message,
                        unsigned from) {
    if (from == ROUTING_FROM_VCPU(vcpu))
        return accept_own(routing, vcpu, message->vector);

    bool accepted = vlapic_post(&routing->vcpu[vcpu].apic, message->vector, message->level, from);
    if (accepted && message->level)
        routing->counters[vcpu].delivered_level[message->vector]++;
    if (accepted && !message->level)
        routing->effects->notify_edge(routing->context, vcpu);
    else if (accepted || message->vector < APIC_FIRST_LEGAL_VECTOR)
        routing->effects->notify(routing->context, vcpu);
    return accepted;
}

static unsigned post_to_all(struct routing *routing, vcpu_mask set,
                            const struct apic_message *message, unsigned from) {
    unsigned accepted = 0, vcpu;

    for_each_bit(vcpu, set)
        accepted += post(routing, vcpu, message, from);
    return accepted;
}

/* Lowest priority: one vCPU of the set is chosen, the next enabled one after the last. Their real
 * priorities are not compared: the registers change while the vCPUs run. Only the chosen one
 * receives the message, so only its ESR shows an illegal vector. `exact`: all of the set are named,
 * by a shorthand; otherwise they are candidates. */
static unsigned post_to_one(struct routing *routing, vcpu_mask set, bool exact,
                            const struct apic_message *message, unsigned from) {
    unsigned last = atomic_load_explicit(&routing->lowest_priority_last, memory_order_relaxed);

    for (; set; set &= ~vcpu_mask_of(last)) {
        unsigned i = last = vcpu_mask_next(set, last);
        if (!routing_identity(routing, i).enabled || !(exact || names(routing, message, i)))
            continue;
        bool accepted = post(routing, i, message, from);
        if (accepted || message->vector < APIC_FIRST_LEGAL_VECTOR) {
            atomic_store_explicit(&routing->lowest_priority_last, i, memory_order_relaxed);
            return accepted;
        }
    }
    return 0;
}

/* A software-disabled LAPIC still responds to INIT, NMI, SMI and SIPI, but not to ExtINT. SDM Vol.
 * 3A, "Local APIC State After It Has Been Software Disabled". */
static unsigned signal_all(struct routing *routing, vcpu_mask set,
                           const struct apic_message *message) {
    unsigned accepted = 0, vcpu;

    for_each_bit(vcpu, set) {
        if (message->delivery_mode == APIC_DELIVERY_EXTINT &&
            !routing_identity(routing, vcpu).enabled)
            continue;
        routing->effects->signal(routing->context, vcpu, message->delivery_mode, message->vector);
        accepted++;
    }
    return accepted;
}

/* Nearly all interrupts use fixed delivery, so that takes only one pass over the candidates. */
static inline unsigned post_to_named(struct routing *routing, const struct apic_message *message,
                                     unsigned from) {
    unsigned accepted = 0, i = message->destination;

    if (i < routing->vcpu_count && routing_names_by_number(routing, message->logical))
        return names(routing, message, i) ? post(routing, i, message, from) : 0;
    for_each_bit(i, candidates(routing, message)) {
        if (names(routing, message, i))
            accepted += post(routing, i, message, from);
    }
    return accepted;
}

unsigned routing_send_message(struct routing *routing, const struct apic_message *message,
                              unsigned from) {
    switch (message->delivery_mode) {
    case APIC_DELIVERY_FIXED:
        return post_to_named(routing, message, from);
    case APIC_DELIVERY_LOWEST_PRIORITY:
        return post_to_one(routing, candidates(routing, message), false, message, from);
    default:
        return signal_all(routing, named_by_destination(routing, message), message);
    }
}

unsigned routing_send_shorthand(struct routing *routing, const struct apic_message *message,
                                unsigned self, enum apic_shorthand shorthand) {
    if (shorthand == APIC_SHORTHAND_SELF) /* valid with fixed delivery only */
        return accept_own(routing, self, message->vector);

    vcpu_mask set = named_by_shorthand(routing, self, shorthand);
    unsigned from = ROUTING_FROM_VCPU(self);

    switch (message->delivery_mode) {
    case APIC_DELIVERY_FIXED:
        return post_to_all(routing, set, message, from);
    case APIC_DELIVERY_LOWEST_PRIORITY:
        return post_to_one(routing, set, true, message, from);
    default:
        return signal_all(routing, set, message);
    }
}
