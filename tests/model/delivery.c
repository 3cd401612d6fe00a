/* Delivery, EOI and self-IPI in the model's world: see delivery.h. Either the processor of
 * tests/processor.h makes them or, with delivery in software, production. The
 * reference is the model's own, since its sets of pins by vector have to fit into a state. */
#include "tests/model/delivery.h"

#include "tests/model/world.h"
#include "vmm/vcpu/virq.h"

static unsigned index_of(unsigned vector) {
    for (unsigned k = 0; k < MODEL_VECTORS; k++) {
        if (model_vector[k] == vector)
            return k;
    }
    return MODEL_VECTORS;
}

static void deliver(unsigned vcpu, uint8_t vector) {
    const struct apic_page *page = &world.page[vcpu];

    if (!world.software)
        processor_deliver(&world.processor[vcpu]);
    else if (virq_deliver(&world.vcpu[vcpu]) != vector)
        world_violate(0, "not the highest vector in the IRR is injected");
    if (apic_page_has(page, APIC_IRR, vector) || !apic_page_has(page, APIC_ISR, vector))
        world_violate(0, "a delivered interrupt has not moved from the IRR to the ISR");
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
    deliver(vcpu, vector);
    s->ref_served |= (state_pins_of(s->ref_waiting, k) << 2 * k) & 63;
    s->ref_waiting &= ~(3u << 2 * k) & 63;
}

/* A write that is not virtualized exits; true: the EOI is handled like an EOI-induced exit. */
static bool perform_eoi(unsigned vcpu, uint8_t *vector) {
    if (world_virtualizes_eoi(vcpu))
        return processor_eoi(&world.processor[vcpu], vector);
    *vector = world.processor[vcpu].svi;
    world.now.vcpu[vcpu].phase = PHASE_OUT;
    if (world.now.vcpu[vcpu].x2apic)
        vlapic_write_msr(virq_lapic(&world.vcpu[vcpu]), 0x800 + APIC_EOI / 16, 0);
    else
        virq_apic_write(&world.vcpu[vcpu], APIC_EOI, 0);
    if (world.eoi >= 0 && world.eoi != *vector)
        world_violate(5, "an EOI ends another vector than the highest in the ISR");
    return world.eoi >= 0;
}

void delivery_eoi(unsigned vcpu) {
    struct cpu_state *s = &world.now.vcpu[vcpu];
    uint8_t vector;
    bool exits = perform_eoi(vcpu, &vector);
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
    if (world.now.vcpu[vcpu].x2apic && !world_virtualizes_self_ipi(vcpu)) {
        world.now.vcpu[vcpu].phase = PHASE_OUT;
        vlapic_write_msr(virq_lapic(&world.vcpu[vcpu]), 0x800 + APIC_SELF_IPI / 16,
                         model_vector[vector_index]);
        return;
    }
    if (!world_virtualizes_self_ipi(vcpu)) {
        world.now.vcpu[vcpu].phase = PHASE_OUT;
        virq_apic_write(&world.vcpu[vcpu], APIC_ICR_LOW,
                        APIC_SHORTHAND_SELF << 18 | model_vector[vector_index]);
        return;
    }
    processor_self_ipi(&world.processor[vcpu], model_vector[vector_index]);
}

/* SDM Vol. 3C, "Posted-Interrupt Processing". Without the control it causes a VM exit. */
void delivery_notification(unsigned vcpu) {
    struct processor *processor = &world.processor[vcpu];
    struct inbox *inbox = &world.vm.routing.vcpu[vcpu].apic.inbox;
    struct cpu_state *s = &world.now.vcpu[vcpu];

    s->notification = 0;
    if (s->phase != PHASE_GUEST)
        return; /* the host's handler sends the EOI */
    if (!world.posting[vcpu]) {
        s->phase = PHASE_OUT;
        return;
    }
    atomic_fetch_and_explicit(&inbox->requests, ~1u, memory_order_relaxed);
    for (unsigned k = 0; k < MODEL_VECTORS; k++) {
        uint64_t bit = 1ULL << (model_vector[k] & 63);
        if (atomic_fetch_and_explicit(&inbox->pir[model_vector[k] >> 6], ~bit,
                                      memory_order_relaxed) &
            bit)
            processor_self_ipi(processor, model_vector[k]);
    }
}
