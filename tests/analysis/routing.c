/* Routing: any sequence of lines, accesses to the I/O APIC, messages, IPIs, entries and EOI exits.
 * Assumed: there are 64 vCPUs, the most, so that each set of vCPUs has only such as exist. With
 * fewer that is an invariant, which Eva does not relate to their number. The modules that routing
 * wires together have harnesses of their own: here each may do anything to the state that routing
 * reads, and call its effects with anything. */
#include "vmm/interrupts/routing.h"

#include "tests/analysis/any.h"
#include "tests/untraced.h"
#include "vmm/interrupts/routing_messages.h"

static struct routing routing;
static struct routing_vcpu vcpus[ROUTING_MAX_VCPUS];
static struct routing_counters counters[ROUTING_MAX_VCPUS];
static struct apic_page page;

/* ---- the modules ---- */

static void any_set(struct vector_set *set) {
    set->word[0] = any();
    set->word[1] = any();
    set->word[2] = any();
    set->word[3] = any();
}

static void change(struct vlapic *apic) {
    apic->identity = (struct apic_identity){.id = (uint32_t)any(),
                                            .logical = (uint8_t)any(),
                                            .cluster = any_bool(),
                                            .mode = (uint8_t)any_below(4),
                                            .enabled = any_bool()};
    any_set(&apic->map.exit);
    any_set(&apic->map.stale);
    any_set(&apic->tokens.inflight);
}

static unsigned act(struct vioapic *io) {
    const struct apic_message message = {.destination = (uint32_t)any(),
                                         .wide = any_bool(),
                                         .logical = any_bool(),
                                         .level = any_bool(),
                                         .vector = (uint8_t)any(),
                                         .delivery_mode = (uint8_t)any_below(8)};

    io->effects->trace(io->context, any(), any(), any());
    io->effects->reroute(io->context, any(), any());
    for (unsigned pin = 0; pin < IOAPIC_PIN_COUNT; pin++)
        io->entry[pin] = any();
    return io->effects->deliver(io->context, any_below(IOAPIC_PIN_COUNT), &message);
}

void vioapic_reset(struct vioapic *io, uint32_t version) {
    io->version = version;
}

uint32_t vioapic_read(struct vioapic *io, uint32_t offset, unsigned size) {
    return io->version + offset + size + (uint32_t)any();
}

void vioapic_write(struct vioapic *io, uint32_t offset, unsigned size, uint32_t value) {
    (void)offset;
    (void)size;
    (void)value;
    act(io);
}

void vioapic_set_line(struct vioapic *io, unsigned pin, bool level) {
    (void)pin;
    (void)level;
    act(io);
}

void vioapic_eoi(struct vioapic *io, uint8_t vector, uint32_t pins) {
    (void)vector;
    (void)pins;
    act(io);
}

void vioapic_retry(struct vioapic *io) {
    act(io);
}

void vioapic_release(struct vioapic *io) {
    act(io);
}

void vlapic_power_on(struct vlapic *apic, bool bsp) {
    (void)bsp;
    change(apic);
}

void vlapic_accept_posted(struct vlapic *apic) {
    change(apic);
}

bool vlapic_accept_own(struct vlapic *apic, uint8_t vector) {
    (void)apic;
    (void)vector;
    return any_bool();
}

bool vlapic_post(struct vlapic *apic, uint8_t vector, bool level, unsigned from) {
    (void)apic;
    (void)vector;
    (void)level;
    (void)from;
    return any_bool();
}

enum vlapic_eoi vlapic_eoi_exit(struct vlapic *apic, uint8_t vector, uint32_t *pins, bool *rescan) {
    (void)vector;
    *pins = (uint32_t)any();
    *rescan = any_bool();
    change(apic);
    return (enum vlapic_eoi)any_below(3);
}

unsigned eoi_map_scan(struct eoi_map *map, const uint64_t entry[IOAPIC_PIN_COUNT],
                      const struct apic_identity *identity, const struct vector_set *inflight,
                      struct eoi_map *changed) {
    (void)entry;
    (void)identity;
    (void)inflight;
    any_set(&map->exit);
    any_set(&map->stale);
    any_set(&changed->exit);
    any_set(&changed->stale);
    return any_below(16);
}

/* ---- what routing needs from the rest of the hypervisor ---- */

static void lock(void *context) {
    (void)context;
}

static void notify(void *context, unsigned vcpu) {
    (void)context;
    claim(vcpu < ROUTING_MAX_VCPUS);
}

static void accepted_own(void *context, unsigned vcpu, uint8_t vector) {
    (void)vector;
    notify(context, vcpu);
}

static void signal(void *context, unsigned vcpu, enum apic_delivery_mode mode, uint8_t vector) {
    (void)vector;
    claim(mode <= 7);
    notify(context, vcpu);
}

static void timer_changed(void *context, unsigned vcpu, uint32_t offset) {
    (void)offset;
    notify(context, vcpu);
}

static uint32_t timer_current(void *context, unsigned vcpu) {
    notify(context, vcpu);
    return (uint32_t)any();
}

static const struct routing_effects effects = {
    .lock = lock,
    .unlock = lock,
    .notify = notify,
    .notify_edge = notify,
    .accepted_own = accepted_own,
    .signal = signal,
    .access_changed = notify,
    .timer_changed = timer_changed,
    .timer_current = timer_current,
    .trace = untraced,
};

/* ---- the moves ---- */

static void device(void) {
    const struct apic_message message = {.destination = (uint32_t)any(),
                                         .wide = any_bool(),
                                         .logical = any_bool(),
                                         .vector = (uint8_t)any(),
                                         .delivery_mode = (uint8_t)any_below(8)};

    switch (any_below(5)) {
    case 0:
        routing_set_line(&routing, (unsigned)any(), any_bool());
        break;
    case 1:
        routing_ioapic_read(&routing, (uint32_t)any(), (unsigned)any());
        break;
    case 2:
        routing_ioapic_write(&routing, (uint32_t)any(), (unsigned)any(), (uint32_t)any());
        break;
    case 3:
        routing_tick(&routing);
        break;
    default:
        routing_send(&routing, &message);
    }
}

static void vcpu_acts(struct routing_vcpu *vcpu) {
    const struct vlapic_effects *apic = vcpu->apic.effects;
    const struct apic_message message = {.destination = (uint32_t)any(),
                                         .wide = any_bool(),
                                         .logical = any_bool(),
                                         .vector = (uint8_t)any(),
                                         .delivery_mode = (uint8_t)any_below(8)};
    const struct apic_identity next = {.id = (uint32_t)any(), .mode = (uint8_t)any_below(3)};
    unsigned words;

    if (!apic) /* Eva does not see that power-on has set it for each vCPU */
        return;
    switch (any_below(9)) {
    case 0:
        routing_prepare_entry(vcpu, &words);
        break;
    case 1:
        routing_eoi_exit(vcpu, (uint8_t)any());
        break;
    case 2:
        apic->send(vcpu, &message, (enum apic_shorthand)any_below(4));
        break;
    case 3:
        apic->identity_changes(vcpu, &next);
        break;
    case 8:
        apic->identity_changed(vcpu);
        break;
    case 4:
        apic->access_changed(vcpu);
        break;
    case 5:
        apic->eoi_exit(vcpu, (uint8_t)any());
        break;
    case 6:
        apic->timer_changed(vcpu, (uint32_t)any());
        apic->timer_current(vcpu);
        break;
    default:
        apic->trace(vcpu, any(), any(), any());
    }
}

int main(void) {
    struct routing_config config = {
        .vcpu_count = ROUTING_MAX_VCPUS,
        .ioapic_version = any_bool() ? 0x11 : 0x20,
        .physical_address_mask = any(),
        .stale_rescan = any_bool(),
        .x2apic_offered = any_bool(),
    };

    routing.vcpu = vcpus;
    routing.counters = counters;
    /*@ loop unroll 64; */
    for (unsigned i = 0; i < ROUTING_MAX_VCPUS; i++) {
        config.page[i] = &page;
        vcpus[i].routing = &routing;
        vcpus[i].counters = &counters[i];
    }
    routing_power_on(&routing, &config, &effects, NULL);
    while (any_bool()) {
        device();
        vcpu_acts(&vcpus[any_below(ROUTING_MAX_VCPUS)]);
    }
    return 0;
}
