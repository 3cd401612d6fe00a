/* What the processor does in the model's world: see delivery.h. The processor is that of
 * tests/processor.h; the TPR is 0. The reference is the model's own, since its sets of pins by
 * vector have to fit into a state. */
#include "tests/model/delivery.h"

#include "tests/model/world.h"

static unsigned index_of(unsigned vector) {
    for (unsigned k = 0; k < MODEL_VECTORS; k++) {
        if (model_vector[k] == vector)
            return k;
    }
    return MODEL_VECTORS;
}

void delivery_deliver(unsigned vcpu) {
    struct processor *processor = &world.processor[vcpu];
    struct cpu_state *s = &world.now.vcpu[vcpu];
    uint8_t vector = processor->rvi;
    unsigned k = index_of(vector);

    if (k == MODEL_VECTORS || !apic_page_has(processor->page, APIC_IRR, vector)) {
        world_violate(0, "RVI names a vector that is not in the IRR");
        return;
    }
    if (state_pins_of(s->ref_waiting, k) && !vector_set_has(&processor->exit_bitmap, vector))
        world_violate(2, "a level interrupt is delivered before its EOI-exit bit is set");
    processor_deliver(processor);
    s->ref_served |= (state_pins_of(s->ref_waiting, k) << 2 * k) & 63;
    s->ref_waiting &= ~(3u << 2 * k) & 63;
}

void delivery_eoi(unsigned vcpu) {
    struct cpu_state *s = &world.now.vcpu[vcpu];
    uint8_t vector;
    bool exits = processor_eoi(&world.processor[vcpu], &vector);
    unsigned k = index_of(vector);
    unsigned owed = k < MODEL_VECTORS ? state_pins_of(s->ref_served, k) : 0;

    if (k < MODEL_VECTORS)
        s->ref_served &= ~(3u << 2 * k) & 63;
    if (!exits) {
        if (owed)
            world_violate(1, "the EOI of a level interrupt does not exit: it is lost");
        return;
    }
    s->phase = PHASE_EOI;
    s->eoi = k & 3;
    s->ref_owed = owed & 3;
}

void delivery_self_ipi(unsigned vcpu, unsigned vector_index) {
    processor_self_ipi(&world.processor[vcpu], model_vector[vector_index]);
}
