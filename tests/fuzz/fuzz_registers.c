/* Fuzzes every register of the LAPIC, in both modes, and of the I/O APIC: any value at any offset.
 * Nothing may be read or written out of bounds, the last scan must be up to date at the next entry,
 * and a vector below 16 must never be accepted. */
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "tests/world.h"

#define VCPUS 2

struct action {
    uint8_t kind, vcpu;
    uint16_t where;
    uint32_t value;
};

static void act(struct world *world, const struct action *a) {
    unsigned vcpu = a->vcpu % VCPUS;
    struct vlapic *apic = routing_vlapic(&world->routing, vcpu);
    uint64_t read;

    switch (a->kind % 9) {
    case 0:
        vlapic_write(apic, a->where, a->value);
        break;
    case 1:
        vlapic_read(apic, a->where);
        break;
    case 2:
        vlapic_write_msr(apic, 0x7f0u + a->where % 0x220, a->value);
        break;
    case 3:
        vlapic_read_msr(apic, 0x7f0u + a->where % 0x220, &read);
        break;
    case 4: /* `where` is the low bits, with the mode, so that the mode changes often */
        vlapic_write_base(apic, (uint64_t)a->value << 12 | (a->where & 0xfff));
        break;
    case 5:
        routing_ioapic_write(&world->routing, a->where & 0xfff, 1u << (a->vcpu >> 6), a->value);
        routing_ioapic_read(&world->routing, a->where & 0xfff, 1u << (a->vcpu >> 6));
        break;
    case 6:
        world_line(world, a->where % 32, a->value & 1);
        break;
    case 7:
        world_write_half(world, a->where % (2 * IOAPIC_PIN_COUNT), a->value);
        break;
    default:
        vlapic_init(apic);
        break;
    }
    world->in_guest[vcpu] = false;
}

static void check(struct world *world) {
    for (unsigned i = 0; i < VCPUS; i++) {
        unsigned changed;
        routing_prepare_entry(&world->routing.vcpu[i], &changed);
        const struct routing_vcpu *vcpu = &world->routing.vcpu[i];
        if (vcpu->seen != vcpu->generation || (apic_page_read(&world->page[i], APIC_IRR) & 0xffff))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct world world;

    world_start(&world, VCPUS, size & 1 ? 0x11 : 0x20);
    for (; size >= sizeof(struct action); size -= sizeof(struct action)) {
        struct action action;
        __builtin_memcpy(&action, data, sizeof(action));
        data += sizeof(action);
        act(&world, &action);
        check(&world);
    }
    return 0;
}
