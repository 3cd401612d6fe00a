/* The inputs of a replay: see inputs.h. */
#include "tests/lockstep/inputs.h"

#include "arch/msr.h"

void input_write_entry(struct world *world, const struct trace_record *record) {
    uint64_t differs = record->b ^ world->routing.ioapic.entry[record->pin];
    unsigned half = differs >> 32 ? 1 : 0;

    world_write_half(world, 2u * record->pin + half, (uint32_t)(record->b >> 32 * half));
}

void input_write_register(struct world *world, const struct trace_record *record) {
    struct vlapic *apic = routing_vlapic(&world->routing, record->vcpu);

    world->in_guest[record->vcpu] = false;
    if (record->a == 0) {
        vlapic_init(apic);
    } else if (record->a == MSR_IA32_APIC_BASE) {
        vlapic_write_base(apic, record->b);
    } else if (apic->identity.mode == APIC_MODE_X2APIC) {
        vlapic_write_msr(apic, MSR_X2APIC_BASE + (uint32_t)record->a / 16, record->b);
    } else {
        vlapic_write(apic, (uint32_t)record->a, (uint32_t)record->b);
    }
}

bool input_accept(struct world *world, const struct trace_record *record) {
    struct vlapic *apic = routing_vlapic(&world->routing, record->vcpu);
    struct inbox rest = apic->inbox;
    uint8_t v = record->vector;

    if (record->event == TRACE_ACCEPT_EDGE && record->a) /* a self-IPI */
        return vlapic_accept_own(apic, v);
    inbox_reset(&apic->inbox);
    if (record->event == TRACE_ACCEPT_EDGE) {
        inbox_post_edge(&apic->inbox, v);
        rest.pir[v / 64] &= ~(1ULL << v % 64);
    } else {
        if (record->a & ~(uint64_t)rest.posted_pins[v])
            return false;
        for (unsigned pin = 0; pin < IOAPIC_PIN_COUNT; pin++) {
            if (record->a >> pin & 1)
                inbox_post_level(&apic->inbox, v, pin);
        }
        rest.posted_pins[v] &= ~(uint32_t)record->a;
        if (!rest.posted_pins[v])
            rest.level[v / 64] &= ~(1ULL << v % 64);
    }
    vlapic_accept(apic);
    apic->inbox = rest;
    return true;
}

void input_scan(struct world *world, unsigned vcpu) {
    struct routing_vcpu *it = &world->routing.vcpu[vcpu];
    struct inbox rest = it->apic.inbox;
    bool accepted = false;

    inbox_reset(&it->apic.inbox);
    unsigned changed = routing_scan(it, &accepted);
    it->apic.inbox = rest;
    for (unsigned i = 0; i < 4; i++) {
        if (changed >> i & 1)
            world->processor[vcpu].exit_bitmap.word[i] = it->apic.map.exit.word[i];
    }
}
