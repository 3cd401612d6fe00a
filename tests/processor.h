/* Virtual-interrupt delivery as the processor does it, from the SDM's pseudocode: the one model of
 * it that the tests share (tests/world.c, tests/model/, tests/unit/test_routing_threads.c).
 *
 * Beside it is the reference, which tracks by instances which pins each EOI is owed to. It does not
 * use tokens.
 *
 * SDM Vol. 3C, "APIC Virtualization and Virtual Interrupts". */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "vmm/interrupts/apic_page.h"
#include "vmm/interrupts/vector_set.h"

struct processor {
    struct apic_page *page;        /* the virtual-APIC page */
    struct vector_set exit_bitmap; /* the EOI-exit bitmap in the VMCS */
    uint8_t rvi, svi;              /* the guest interrupt status in the VMCS */
};

/* Sets RVI and SVI to the highest vectors in the IRR and the ISR, as they have to be at an entry.
 */
void processor_set_status(struct processor *processor);

/* "PPR Virtualization": the value of the register. */
static inline uint32_t processor_ppr(uint32_t tpr, uint8_t svi) {
    return tpr >> 4 >= svi >> 4 ? tpr & 0xff : svi & 0xf0u;
}
void processor_update_ppr(struct processor *processor);

/* "Evaluation of Pending Virtual Interrupts": whether the interrupt that RVI names is recognized.
 */
static inline bool processor_recognizes(uint8_t rvi, uint32_t ppr) {
    return rvi >> 4 > ppr >> 4;
}

/* "Virtual-Interrupt Delivery": moves the vector that RVI names, and returns, from the IRR to the
 * ISR. */
uint8_t processor_deliver(struct processor *processor);

/* "EOI Virtualization". Returns whether the EOI causes a VM exit; *vector is the one that it ends,
 * which with an empty ISR is 0. The exit is trap-like: the EOI has been performed. */
bool processor_eoi(struct processor *processor, uint8_t *vector);

/* "Self-IPI Virtualization", and what a posted interrupt does. */
void processor_self_ipi(struct processor *processor, uint8_t vector);

/* The reference. Bit p of a set: the EOI is owed to pin p. */
struct owed {
    uint32_t waiting[VECTOR_COUNT]; /* by the instance in the IRR */
    uint32_t served[VECTOR_COUNT];  /* by the instance in the ISR */
};

static inline void owed_accept(struct owed *owed, uint8_t vector, uint32_t pins) {
    owed->waiting[vector] |= pins;
}

static inline void owed_deliver(struct owed *owed, uint8_t vector) {
    owed->served[vector] = owed->waiting[vector];
    owed->waiting[vector] = 0;
}

/* Returns the pins that this EOI is owed to. */
static inline uint32_t owed_eoi(struct owed *owed, uint8_t vector) {
    uint32_t pins = owed->served[vector];

    owed->served[vector] = 0;
    return pins;
}
