/* The virtual local APIC's interrupt command register: turns a write into a message.
 *
 * SDM Vol. 3A, "Issuing Interprocessor Interrupts". IPIs are always edge-triggered: the ICR's
 * trigger mode and level bits matter for INIT only. */
#include "vmm/interrupts/vlapic_internal.h"

#define ICR_SHORTHAND(low) ((enum apic_shorthand)((low) >> APIC_ICR_SHORTHAND_SHIFT & 3))

/* For modes other than fixed, which is valid in every combination. SDM Vol. 3A, "Valid Combinations
 * for the Pentium 4 and Intel Xeon Processors' Local xAPIC Interrupt Command Register". */
static bool is_valid(uint32_t low) {
    enum apic_shorthand shorthand = ICR_SHORTHAND(low);
    bool names_self = shorthand == APIC_SHORTHAND_SELF || shorthand == APIC_SHORTHAND_ALL;

    switch (apic_delivery_mode(low)) {
    case APIC_DELIVERY_INIT: /* since the Pentium 4, INIT level de-assert has no effect */
        return !names_self && !((low & APIC_ICR_LEVEL) && !(low & APIC_ICR_ASSERT));
    case APIC_DELIVERY_LOWEST_PRIORITY:
    case APIC_DELIVERY_SMI:
    case APIC_DELIVERY_NMI:
    case APIC_DELIVERY_SIPI:
        return !names_self;
    default:
        return false;
    }
}

static bool needs_vector(enum apic_delivery_mode mode) {
    return mode == APIC_DELIVERY_FIXED || mode == APIC_DELIVERY_LOWEST_PRIORITY;
}

static void send(struct vlapic *apic, const struct apic_message *message,
                 enum apic_shorthand shorthand) {
    if (needs_vector(message->delivery_mode) && message->vector < APIC_FIRST_LEGAL_VECTOR)
        vlapic_error(apic, APIC_ESR_SEND_ILLEGAL_VECTOR);
    else
        apic->effects->send(apic->context, message, shorthand);
}

void vlapic_send_icr(struct vlapic *apic, uint32_t low, uint32_t destination, bool wide) {
    const struct apic_message message = {
        .destination = destination,
        .wide = wide,
        .logical = low & APIC_ICR_LOGICAL,
        .vector = (uint8_t)low,
        .delivery_mode = (uint8_t)apic_delivery_mode(low),
    };

    if (apic_delivery_mode(low) == APIC_DELIVERY_FIXED || is_valid(low))
        send(apic, &message, ICR_SHORTHAND(low));
}

void vlapic_send_self(struct vlapic *apic, uint8_t vector) {
    const struct apic_message message = {.vector = vector, .delivery_mode = APIC_DELIVERY_FIXED};

    send(apic, &message, APIC_SHORTHAND_SELF);
    if (apic->tmr_used && apic->identity.enabled)
        vlapic_clear_ended_levels(apic);
}
