/* A small world around the interrupt core: see world.h. */
#include "tests/world.h"

#include <stddef.h>
#include <string.h>

#define APIC_BANK_WORDS 32 /* eight registers, each at a 16-byte step */

static void violate(struct world *world, const char *what) {
    if (!world->violation)
        world->violation = what;
}

/* ---- effects of routing ---- */

static void lock(void *context) {
    struct world *world = context;
    void (*meanwhile)(struct world *) = world->before_lock;

    if (world->locked)
        violate(world, "lock: taken twice");
    world->before_lock = NULL;
    if (meanwhile)
        meanwhile(world);
    world->locked = true;
}

static void unlock(void *context) {
    struct world *world = context;

    if (!world->locked)
        violate(world, "lock: not held");
    world->locked = false;
}

static void notify(void *context, unsigned vcpu) {
    struct world *world = context;

    world->notified |= vcpu_mask_of(vcpu);
}

static void accepted_own(void *context, unsigned vcpu, uint8_t vector) {
    struct world *world = context;

    if (world->in_guest[vcpu])
        violate(world, "a self-IPI is accepted in guest mode");
    if (!apic_page_has(&world->page[vcpu], APIC_IRR, vector))
        violate(world, "a self-IPI is accepted and not in the IRR");
}

static void signal(void *context, unsigned vcpu, enum apic_delivery_mode mode, uint8_t vector) {
    struct world *world = context;

    world->signals[vcpu][mode]++;
    world->signal_vector = vector;
}

static void access_changed(void *context, unsigned vcpu) {
    (void)context;
    (void)vcpu;
}

static void timer_changed(void *context, unsigned vcpu, uint32_t offset) {
    struct world *world = context;

    (void)offset;
    world->timer_changes[vcpu]++;
}

static uint32_t timer_current(void *context, unsigned vcpu) {
    (void)context;
    return 1000 + vcpu;
}

/* Whoever has accepted it may move it to its IRR at once, without the lock. */
static void check_announced(struct world *world, const struct routing_vcpu *vcpu, uint8_t vector) {
    if (vcpu->apic.inbox.posted_pins[vector] && vcpu->seen == vcpu->generation &&
        !vector_set_has(&vcpu->apic.map.exit, vector))
        violate(world, "invariant 2: delivered before its route was announced");
}

/* A vCPU that writes a LAPIC register may have a new identity already, and announces it before the
 * write ends: see finish_write(). */
static void check_announced_to_all(struct world *world, uint8_t vector) {
    for (unsigned i = 0; i < world->routing.vcpu_count; i++) {
        const struct routing_vcpu *vcpu = &world->routing.vcpu[i];
        if (vcpu != world->writing)
            check_announced(world, vcpu, vector);
    }
}

static void finish_write(struct world *world) {
    for (unsigned vector = 0; vector < VECTOR_COUNT; vector++)
        check_announced(world, world->writing, (uint8_t)vector);
    world->writing = NULL;
}

static void check_delivery(struct world *world, const struct trace_record *event) {
    uint64_t entry = world->routing.ioapic.entry[event->pin];

    if (!world->locked)
        violate(world, "lock: not held while the I/O APIC delivers");
    if (entry & RTE_MASKED)
        violate(world, "invariant 12: delivered while masked");
    if (entry & RTE_REMOTE_IRR)
        violate(world, "invariant 4: delivered while Remote IRR is set");
    check_announced_to_all(world, event->vector);
    world->accepted[event->pin] = (unsigned)event->b;
    world->deliveries[event->pin] += event->b != 0;
}

/* From the trace the reference learns what is accepted, and when. */
static void trace(void *context, uint64_t what, uint64_t a, uint64_t b) {
    struct world *world = context;
    const struct trace_record record = {.what = what, .a = a, .b = b}, *event = &record;

    world->traced[event->event]++;
    if (world->trace)
        trace_add(world->trace, world->time++, what, a, b, true);
    switch (event->event) {
    case TRACE_DELIVER:
        check_delivery(world, event);
        break;
    case TRACE_REMOTE_IRR:
        if (event->a && !world->accepted[event->pin])
            violate(world, "invariant 4: Remote IRR set although no LAPIC accepted");
        break;
    case TRACE_ACCEPT_LEVEL:
        owed_accept(&world->owed[event->vcpu], event->vector, (uint32_t)event->a);
        break;
    case TRACE_DROPPED:
        world->owed[event->vcpu].waiting[event->vector] = 0;
        world->owed[event->vcpu].served[event->vector] = 0;
        break;
    case TRACE_EOI_LIVE:
    case TRACE_EOI_STALE:
    case TRACE_EOI_COINCIDENTAL:
        world->retired = (uint32_t)event->a;
        break;
    default:
        break;
    }
}

static const struct routing_effects effects = {
    .lock = lock,
    .unlock = unlock,
    .notify = notify,
    .notify_edge = notify,
    .accepted_own = accepted_own,
    .signal = signal,
    .access_changed = access_changed,
    .timer_changed = timer_changed,
    .timer_current = timer_current,
    .trace = trace,
};

void world_power_on(struct world *world, unsigned vcpus, uint32_t version) {
    struct routing_config config = {
        .vcpu_count = vcpus,
        .ioapic_version = version,
        .physical_address_mask = (1ULL << 40) - 1,
        .stale_rescan = true,
        .x2apic_offered = true,
    };

    memset(world, 0, offsetof(struct world, vcpu));
    for (unsigned i = 0; i < vcpus; i++) {
        memset(&world->vcpu[i], 0, sizeof(world->vcpu[i]));
        memset(&world->page[i], 0, sizeof(world->page[i]));
        memset(&world->owed[i], 0, sizeof(world->owed[i]));
        memset(world->eoi_exits[i], 0, sizeof(world->eoi_exits[i]));
        config.page[i] = world->processor[i].page = &world->page[i];
    }
    world->routing.vcpu = world->vcpu;
    world->routing.counters = world->counters;
    routing_power_on(&world->routing, &config, &effects, world);
}

void world_start(struct world *world, unsigned vcpus, uint32_t version) {
    world_power_on(world, vcpus, version);
    for (unsigned i = 0; i < vcpus; i++) {
        world_write_apic(world, i, APIC_LDR, i < 8 ? 1u << (24 + i) : 0);
        world_write_apic(world, i, APIC_SVR, APIC_SVR_ENABLE | 0xff);
    }
    for (unsigned i = 0; i < vcpus; i++)
        world_enter(world, i);
}

/* ---- the guest ---- */

void world_write_half(struct world *world, unsigned half, uint32_t value) {
    routing_ioapic_write(&world->routing, IOAPIC_INDEX, 4, IOAPIC_REG_ENTRY + half);
    routing_ioapic_write(&world->routing, IOAPIC_DATA, 4, value);
}

void world_write_entry(struct world *world, unsigned pin, uint64_t entry) {
    world_write_half(world, 2 * pin + 1, (uint32_t)(entry >> 32));
    world_write_half(world, 2 * pin, (uint32_t)entry);
}

void world_route(struct world *world, unsigned pin, uint64_t flags, uint8_t vector,
                 uint8_t destination) {
    world_write_entry(world, pin, flags | vector | (uint64_t)destination << RTE_DESTINATION_SHIFT);
}

uint64_t world_read_entry(struct world *world, unsigned pin) {
    uint64_t entry = 0;

    for (unsigned half = 0; half < 2; half++) {
        routing_ioapic_write(&world->routing, IOAPIC_INDEX, 4, IOAPIC_REG_ENTRY + 2 * pin + half);
        entry |= (uint64_t)routing_ioapic_read(&world->routing, IOAPIC_DATA, 4) << 32 * half;
    }
    return entry;
}

uint64_t world_entry_bit(struct world *world, unsigned pin, uint64_t bit) {
    return world_read_entry(world, pin) & bit;
}

/* The processor, with the RVI and SVI that follow from the page. Whether production writes these to
 * the VMCS is checked in the model checker. */
static struct processor *processor_of(struct world *world, unsigned vcpu) {
    struct processor *processor = &world->processor[vcpu];

    processor_set_status(processor);
    return processor;
}

void world_write_apic(struct world *world, unsigned vcpu, uint32_t offset, uint32_t value) {
    struct apic_page *page = &world->page[vcpu];

    if (offset == APIC_EOI) {
        world_eoi(world, vcpu);
    } else if (offset == APIC_TPR) {
        apic_page_write(page, offset, value & 0xff);
        processor_update_ppr(processor_of(world, vcpu));
    } else {
        apic_page_write(page, offset, value);
        world->in_guest[vcpu] = false;
        world->writing = &world->routing.vcpu[vcpu];
        vlapic_written(routing_vlapic(&world->routing, vcpu), offset);
        finish_write(world);
    }
}

uint32_t world_read_apic(struct world *world, unsigned vcpu, uint32_t offset) {
    return vlapic_read(routing_vlapic(&world->routing, vcpu), offset);
}

static enum world_eoi eoi_exit(struct world *world, unsigned vcpu, uint8_t vector, uint32_t owed) {
    static const enum world_eoi result[] = {
        [VLAPIC_EOI_LIVE] = WORLD_EOI_LIVE,
        [VLAPIC_EOI_STALE] = WORLD_EOI_STALE,
        [VLAPIC_EOI_COINCIDENTAL] = WORLD_EOI_COINCIDENTAL,
    };
    enum vlapic_eoi kind;

    world->eoi_exits[vcpu][vector]++;
    world->in_guest[vcpu] = false;
    kind = routing_eoi_exit(&world->routing.vcpu[vcpu], vector);
    if (world->retired != owed || (kind == VLAPIC_EOI_COINCIDENTAL) != (owed == 0))
        violate(world, "invariant 5: the EOI exit retired other pins than those it was owed to");
    return result[kind];
}

enum world_eoi world_eoi(struct world *world, unsigned vcpu) {
    uint8_t vector;
    bool exits = processor_eoi(processor_of(world, vcpu), &vector);
    uint32_t owed = owed_eoi(&world->owed[vcpu], vector);

    if (exits)
        return eoi_exit(world, vcpu, vector, owed);
    if (owed)
        violate(world, "invariant 1: the EOI of a level interrupt was lost");
    return WORLD_EOI_NO_EXIT;
}

/* ---- the processor ---- */

/* The vectors that level entries send to this vCPU. */
static struct vector_set routed_to(const struct world *world, unsigned vcpu) {
    const struct apic_identity *who = &world->routing.vcpu[vcpu].apic.identity;
    struct vector_set routed = {0};

    for (unsigned pin = 0; pin < IOAPIC_PIN_COUNT; pin++) {
        uint64_t entry = world->routing.ioapic.entry[pin];
        if ((entry & RTE_LEVEL) && destination_of_entry_matches(who, entry))
            vector_set_add(&routed, rte_vector(entry));
    }
    return routed;
}

static void check_vector_at_entry(struct world *world, unsigned vcpu, uint8_t vector, bool routed) {
    const struct vlapic *apic = &world->routing.vcpu[vcpu].apic;
    bool owed = world->owed[vcpu].waiting[vector] | world->owed[vcpu].served[vector];
    bool exits = world_exits(world, vcpu, vector);
    bool stale = world_is_stale(world, vcpu, vector);

    if (owed != vector_set_has(&apic->tokens.inflight, vector))
        violate(world, "tokens: not exactly what is in flight");
    if (owed && !exits)
        violate(world, "invariant 1: in flight and its EOI would not exit");
    if (routed && !exits)
        violate(world, "invariant 2: routed here and its EOI would not exit");
    if (exits && !routed && !owed && world->routing.stale_rescan)
        violate(world, "invariant 3: an EOI-exit bit without a route and with nothing in flight");
    if (world->routing.stale_rescan && stale != (exits && !routed))
        violate(world, "stale: not exactly the bits that no route explains");
}

void world_check_entry(struct world *world, unsigned vcpu) {
    const struct routing_vcpu *it = &world->routing.vcpu[vcpu];

    if (it->seen != it->generation)
        violate(world, "invariant 18: the routes have changed since the scan");
    if (!vector_set_equal(&it->apic.map.exit, &world->processor[vcpu].exit_bitmap))
        violate(world, "entry: the bits in the VMCS are not those of the map");
    struct vector_set routed = routed_to(world, vcpu);
    for (unsigned vector = 0; vector < VECTOR_COUNT; vector++)
        check_vector_at_entry(world, vcpu, (uint8_t)vector,
                              vector_set_has(&routed, (uint8_t)vector));
}

void world_enter(struct world *world, unsigned vcpu) {
    const struct eoi_map *map = &world->routing.vcpu[vcpu].apic.map;
    const uint32_t *irr = &world->page[vcpu].word[APIC_IRR >> 2];
    uint32_t irr_before[APIC_BANK_WORDS];
    unsigned changed;

    world->notified &= ~vcpu_mask_of(vcpu);
    memcpy(irr_before, irr, sizeof(irr_before));
    if (!routing_prepare_entry(&world->routing.vcpu[vcpu], &changed) &&
        memcmp(irr_before, irr, sizeof(irr_before)) != 0)
        violate(world, "entry: the IRR has changed, but RVI would not be written");
    for (unsigned i = 0; i < 4; i++) {
        if (changed & 1u << i)
            world->processor[vcpu].exit_bitmap.word[i] = map->exit.word[i];
    }
    processor_update_ppr(processor_of(world, vcpu));
    world->in_guest[vcpu] = true;
    /* What another CPU has done since the scan is handled after the kick that it sent. */
    if (!(world->notified & vcpu_mask_of(vcpu)))
        world_check_entry(world, vcpu);
}

int world_deliver(struct world *world, unsigned vcpu) {
    struct processor *processor = processor_of(world, vcpu);
    uint8_t vector = processor->rvi;

    if (!world->in_guest[vcpu])
        violate(world, "world: delivery outside guest mode");
    if (!processor_recognizes(vector, apic_page_read(processor->page, APIC_PPR)))
        return -1;
    if (world->owed[vcpu].waiting[vector] && !world_exits(world, vcpu, vector))
        violate(world, "invariant 2: delivered before its EOI-exit bit was set");
    processor_deliver(processor);
    owed_deliver(&world->owed[vcpu], vector);
    return vector;
}

int world_run(struct world *world, unsigned vcpu) {
    while (!world->in_guest[vcpu] || (world->notified & vcpu_mask_of(vcpu)))
        world_enter(world, vcpu);
    return world_deliver(world, vcpu);
}

void world_posted_interrupt(struct world *world, unsigned vcpu, uint8_t vector) {
    processor_self_ipi(processor_of(world, vcpu), vector);
}

/* ---- devices ---- */

void world_line(struct world *world, unsigned pin, bool level) {
    routing_set_line(&world->routing, pin, level);
}

/* ---- for tests ---- */

bool world_exits(const struct world *world, unsigned vcpu, uint8_t vector) {
    return vector_set_has(&world->processor[vcpu].exit_bitmap, vector);
}

bool world_is_stale(const struct world *world, unsigned vcpu, uint8_t vector) {
    return vector_set_has(&world->routing.vcpu[vcpu].apic.map.stale, vector);
}

bool world_in_flight(const struct world *world, unsigned vcpu, uint8_t vector) {
    return vector_set_has(&world->routing.vcpu[vcpu].apic.tokens.inflight, vector);
}
