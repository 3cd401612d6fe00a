/* Virtual-interrupt delivery, from the SDM's own pseudocode; the TPR is 0. SDM Vol. 3C, "APIC
 * Virtualization and Virtual Interrupts". Works on world.now, the page and the VMCS. */
#include "tests/model/processor.h"

#include "tests/model/world.h"

static unsigned rvi(unsigned vcpu) {
    return world.status[vcpu] & 0xff;
}

static unsigned svi(unsigned vcpu) {
    return world.status[vcpu] >> 8 & 0xff;
}

static void set_status(unsigned vcpu, int new_rvi, int new_svi) {
    world.status[vcpu] =
        (uint64_t)(new_rvi < 0 ? 0 : new_rvi) | (uint64_t)(new_svi < 0 ? 0 : new_svi) << 8;
}

static unsigned index_of(unsigned vector) {
    for (unsigned k = 0; k < MODEL_VECTORS; k++) {
        if (model_vector[k] == vector)
            return k;
    }
    return MODEL_VECTORS;
}

/* "PPR Virtualization": with VTPR 0, VPPR is SVI & F0H. "Evaluation of Pending Virtual Interrupts":
 * recognized if RVI[7:4] > VPPR[7:4]. */
bool processor_recognizes(unsigned rvi_now, unsigned svi_now) {
    return rvi_now >> 4 > svi_now >> 4;
}

/* "Virtual-Interrupt Delivery". */
void processor_deliver(unsigned vcpu) {
    struct apic_page *page = &world.page[vcpu];
    struct cpu_state *s = &world.now.vcpu[vcpu];
    uint8_t vector = (uint8_t)rvi(vcpu);
    unsigned k = index_of(vector);

    if (k == MODEL_VECTORS || !apic_page_has(page, APIC_IRR, vector)) {
        world_violate(0, "RVI names a vector that is not in the IRR");
        return;
    }
    if (state_pins_of(s->ref_waiting, k) &&
        !(world.exit_word[vcpu][vector >> 6] >> (vector & 63) & 1))
        world_violate(2, "a level interrupt is delivered before its EOI-exit bit is there");
    apic_page_add(page, APIC_ISR, vector);
    apic_page_remove(page, APIC_IRR, vector);
    set_status(vcpu, apic_page_highest(page, APIC_IRR), vector);
    s->ref_served |= (state_pins_of(s->ref_waiting, k) << 2 * k) & 63;
    s->ref_waiting &= ~(3u << 2 * k) & 63;
}

/* "EOI Virtualization". An EOI-induced exit is trap-like: the EOI is done when it comes. */
void processor_eoi(unsigned vcpu) {
    struct apic_page *page = &world.page[vcpu];
    struct cpu_state *s = &world.now.vcpu[vcpu];
    uint8_t vector = (uint8_t)svi(vcpu);
    unsigned k = index_of(vector);
    bool exits = world.exit_word[vcpu][vector >> 6] >> (vector & 63) & 1;
    unsigned owed = k < MODEL_VECTORS ? state_pins_of(s->ref_served, k) : 0;

    apic_page_remove(page, APIC_ISR, vector);
    set_status(vcpu, (int)rvi(vcpu), apic_page_highest(page, APIC_ISR));
    if (k < MODEL_VECTORS)
        s->ref_served &= ~(3u << 2 * k) & 63;
    if (!exits) {
        if (owed)
            world_violate(1, "the EOI of a level interrupt did not exit: it is lost");
        return;
    }
    s->phase = PHASE_EOI;
    s->eoi = k & 3;
    s->ref_owed = owed & 3;
}

/* "Self-IPI Virtualization". */
void processor_self_ipi(unsigned vcpu, unsigned vector_index) {
    uint8_t vector = model_vector[vector_index];

    apic_page_add(&world.page[vcpu], APIC_IRR, vector);
    set_status(vcpu, (int)(vector > rvi(vcpu) ? vector : rvi(vcpu)), (int)svi(vcpu));
}
