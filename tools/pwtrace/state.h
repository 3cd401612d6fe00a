/* The state that the files of pwtrace show, as the replay has it after a record. */
#pragma once
#include "tests/world.h"

enum pin_bit { PIN_LINE, PIN_REMOTE_IRR, PIN_MASKED, PIN_BITS };
enum vector_bit {
    VECTOR_IRR,
    VECTOR_ISR,
    VECTOR_EXIT,
    VECTOR_STALE,
    VECTOR_IN_FLIGHT,
    VECTOR_BITS
};

static inline bool state_pin(const struct world *world, unsigned pin, enum pin_bit bit) {
    const struct vioapic *ioapic = &world->routing.ioapic;

    if (bit == PIN_LINE)
        return ioapic->line >> pin & 1;
    return (ioapic->entry[pin] & (bit == PIN_MASKED ? RTE_MASKED : RTE_REMOTE_IRR)) != 0;
}

static inline bool state_vector(const struct world *world, unsigned vcpu, uint8_t vector,
                                enum vector_bit bit) {
    const struct vlapic *apic = &world->routing.vcpu[vcpu].apic;

    switch (bit) {
    case VECTOR_IRR:
        return apic_page_has(&world->page[vcpu], APIC_IRR, vector);
    case VECTOR_ISR:
        return apic_page_has(&world->page[vcpu], APIC_ISR, vector);
    case VECTOR_EXIT:
        return vector_set_has(&world->processor[vcpu].exit_bitmap, vector);
    case VECTOR_STALE:
        return vector_set_has(&apic->map.stale, vector);
    default:
        return vector_set_has(&apic->tokens.inflight, vector);
    }
}
