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

/* All of it as one list of signals: those of the pins, then those of each vCPU and vector. */
#define PIN_SIGNALS  (IOAPIC_PIN_COUNT * PIN_BITS)
#define VCPU_SIGNALS (VECTOR_COUNT * VECTOR_BITS)
#define SIGNALS      (PIN_SIGNALS + WORLD_VCPUS * VCPU_SIGNALS)

static inline unsigned signal_of_pin(unsigned pin, enum pin_bit bit) {
    return pin * PIN_BITS + bit;
}

static inline unsigned signal_of_vector(unsigned vcpu, unsigned vector, enum vector_bit bit) {
    return PIN_SIGNALS + vcpu * VCPU_SIGNALS + vector * VECTOR_BITS + bit;
}

static inline bool state_signal(const struct world *world, unsigned signal) {
    if (signal < PIN_SIGNALS)
        return state_pin(world, signal / PIN_BITS, (enum pin_bit)(signal % PIN_BITS));
    signal -= PIN_SIGNALS;
    unsigned vector = signal % VCPU_SIGNALS / VECTOR_BITS;
    return state_vector(world, signal / VCPU_SIGNALS, (uint8_t)vector,
                        (enum vector_bit)(signal % VECTOR_BITS));
}
