/* A walk through the world of tests/world.h: see walk.h. */
#include "tests/walk.h"

#include <stddef.h>

#define VCPUS 3
#define PINS  3

static struct world *world;
static uint32_t (*pick)(uint32_t below);

/* Few vectors, so that they collide: two of one priority class, one above, one illegal. */
static uint8_t pick_vector(void) {
    static const uint8_t vector[] = {0x51, 0x51, 0x5f, 0xc0, 0x0f};

    return vector[pick(pick(8) ? 4 : 5)];
}

static void write_any_entry(void) {
    uint64_t entry = pick_vector() | (uint64_t)pick(2) << 8; /* fixed or lowest priority */

    entry |= pick(4) ? RTE_LEVEL : 0;
    entry |= pick(4) ? 0 : RTE_MASKED;
    entry |= pick(8) ? 0 : RTE_ACTIVE_LOW;
    if (pick(3))
        entry |= (uint64_t)pick(VCPUS + 1) << RTE_DESTINATION_SHIFT;
    else
        entry |= RTE_LOGICAL | (uint64_t)pick(16) << RTE_DESTINATION_SHIFT;
    if (pick(2))
        world_write_entry(world, pick(PINS), entry);
    else
        world_write_half(world, pick(2 * PINS), (uint32_t)(pick(2) ? entry : entry >> 32));
}

static void write_any_register(unsigned vcpu) {
    switch (pick(6)) {
    case 0:
        world_write_apic(world, vcpu, APIC_LDR, pick(16) << 24);
        break;
    case 1:
        world_write_apic(world, vcpu, APIC_DFR, pick(2) ? 0xffffffff : 0x0fffffff);
        break;
    case 2:
        world_write_apic(world, vcpu, APIC_ID, pick(VCPUS + 1) << 24);
        break;
    case 3:
        world_write_apic(world, vcpu, APIC_SVR, 0xff);
        world_write_apic(world, vcpu, APIC_SVR, 0xff | APIC_SVR_ENABLE);
        break;
    case 4:
        world_write_apic(world, vcpu, APIC_TPR, pick(3) * 0x50);
        break;
    default:
        if (pick(8) == 0) {
            vlapic_init(routing_vlapic(&world->routing, vcpu));
            world->in_guest[vcpu] = false;
        }
        world_write_apic(world, vcpu, APIC_SVR, 0xff | APIC_SVR_ENABLE);
        break;
    }
}

/* A vCPU may stay in guest mode for a while after it was notified, until the kick arrives. */
static void run_somehow(unsigned vcpu) {
    if (world->in_guest[vcpu] && pick(2))
        world_deliver(world, vcpu);
    else
        world_run(world, vcpu);
}

/* Actions of another CPU between the first sync of an entry and the lock. */
static void meanwhile(struct world *w) {
    if (pick(2))
        world_line(w, pick(PINS), pick(2));
    write_any_entry();
}

/* One action of a guest, a device or a CPU. */
static void step(void) {
    unsigned vcpu = pick(VCPUS);

    switch (pick(10)) {
    case 0:
    case 1:
        world_line(world, pick(PINS), pick(2));
        break;
    case 2:
        write_any_entry();
        break;
    case 3:
        if (pick(4) == 0)
            write_any_register(vcpu);
        break;
    case 4:
        world_write_apic(world, vcpu, APIC_ICR_HIGH, pick(VCPUS) << 24);
        world_write_apic(world, vcpu, APIC_ICR_LOW, pick_vector());
        break;
    case 5:
        world_posted_interrupt(world, vcpu, 0x51);
        break;
    case 6:
        if (pick(8) == 0)
            world->before_lock = meanwhile;
        break;
    case 7:
        world_eoi(world, vcpu); /* may be spurious */
        break;
    default:
        run_somehow(vcpu);
        break;
    }
}

/* Makes all lines inactive and handles all interrupts. */
static void quiesce(void) {
    world->before_lock = NULL;
    for (unsigned pin = 0; pin < PINS; pin++)
        world_line(world, pin, world_entry_bit(world, pin, RTE_ACTIVE_LOW) != 0);
    for (unsigned vcpu = 0; vcpu < VCPUS; vcpu++)
        world_write_apic(world, vcpu, APIC_TPR, 0);
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned vcpu = 0; vcpu < VCPUS; vcpu++) {
            world_run(world, vcpu);
            world_eoi(world, vcpu);
        }
    }
    for (unsigned vcpu = 0; vcpu < VCPUS; vcpu++)
        world_enter(world, vcpu);
}

/* Now nothing may be in flight or stale. That no EOI-exit bit is left without a route was checked
 * by the world at the last entry. */
static const char *check_at_rest(void) {
    for (unsigned vcpu = 0; vcpu < VCPUS; vcpu++) {
        const struct vlapic *apic = routing_vlapic(&world->routing, vcpu);

        if (!vector_set_is_empty(&apic->tokens.inflight) || !vector_set_is_empty(&apic->map.stale))
            return "something is still in flight or stale on a vCPU";
    }
    return NULL;
}

const char *walk(struct world *where, uint32_t (*choose)(uint32_t below), unsigned steps) {
    world = where;
    pick = choose;
    world_start(world, VCPUS, pick(2) ? 0x11 : 0x20);
    for (unsigned i = 0; i < steps && !world->violation; i++)
        step();
    if (!world->violation)
        quiesce();
    return world->violation ? world->violation : check_at_rest();
}
