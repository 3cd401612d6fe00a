/* Messages between the interrupt controllers of one VM: see routing_messages.h. */
#include "vmm/routing_messages.h"

uint32_t routing_named_by(const struct routing *routing, const struct apic_message *message) {
    uint32_t set = 0;

    for (unsigned i = 0; i < routing->vcpu_count; i++) {
        struct apic_identity who = routing_identity(routing, i);
        if (destination_matches(&who, message->destination, message->wide, message->logical))
            set |= 1u << i;
    }
    return set;
}

uint32_t routing_named_by_shorthand(const struct routing *routing, unsigned self,
                                    enum apic_shorthand shorthand) {
    uint32_t set = 0;

    if (shorthand == APIC_SHORTHAND_SELF)
        return 1u << self;
    for (unsigned i = 0; i < routing->vcpu_count; i++) {
        if (routing_identity(routing, i).mode != APIC_MODE_DISABLED)
            set |= 1u << i;
    }
    return shorthand == APIC_SHORTHAND_OTHERS ? set & ~(1u << self) : set;
}

/* A vector that the LAPIC refuses as illegal is in its inbox too: it has to set its ESR. */
static bool post(struct routing *routing, unsigned vcpu, const struct apic_message *message,
                 unsigned pin) {
    bool accepted = vlapic_post(&routing->vcpu[vcpu].apic, message->vector, message->level, pin);

    if (accepted && message->level)
        routing->counters[vcpu].delivered_level[message->vector]++;
    if (accepted || message->vector < APIC_FIRST_LEGAL_VECTOR)
        routing->effects->notify(routing->context, vcpu);
    return accepted;
}

static unsigned post_to_all(struct routing *routing, uint32_t set,
                            const struct apic_message *message, unsigned pin) {
    unsigned accepted = 0;

    for (unsigned i = 0; i < routing->vcpu_count; i++) {
        if (set >> i & 1)
            accepted += post(routing, i, message, pin);
    }
    return accepted;
}

/* Lowest priority: one of the set accepts. The rule is a fair turn: the first one behind the one
 * chosen last. The priorities themselves are in registers of vCPUs that are running. */
static unsigned post_to_one(struct routing *routing, uint32_t set,
                            const struct apic_message *message, unsigned pin) {
    unsigned last = atomic_load_explicit(&routing->turn, memory_order_relaxed);

    for (unsigned n = 1; n <= routing->vcpu_count; n++) {
        unsigned i = (last + n) % routing->vcpu_count;
        if ((set >> i & 1) && post(routing, i, message, pin)) {
            atomic_store_explicit(&routing->turn, i, memory_order_relaxed);
            return 1;
        }
    }
    return 0;
}

static unsigned signal_all(struct routing *routing, uint32_t set,
                           const struct apic_message *message) {
    for (unsigned i = 0; i < routing->vcpu_count; i++) {
        if (set >> i & 1)
            routing->effects->signal(routing->context, i, message->delivery_mode, message->vector);
    }
    return (unsigned)__builtin_popcount(set);
}

unsigned routing_send_to(struct routing *routing, uint32_t set, const struct apic_message *message,
                         unsigned pin) {
    switch (message->delivery_mode) {
    case APIC_DELIVERY_FIXED:
        return post_to_all(routing, set, message, pin);
    case APIC_DELIVERY_LOWEST_PRIORITY:
        return post_to_one(routing, set, message, pin);
    default:
        return signal_all(routing, set, message);
    }
}
