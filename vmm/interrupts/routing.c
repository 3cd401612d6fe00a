/* Interrupt routing of one VM: see routing.h for the two rules and the lock. */
#include "vmm/interrupts/routing.h"

#include "lib/bits.h"
#include "vmm/interrupts/routing_messages.h"

static void lock(struct routing *routing) {
    routing->effects->lock(routing->context);
}

static void unlock(struct routing *routing) {
    routing->effects->unlock(routing->context);
}

/* Under the lock. The reason is stored before the generation announces it. */
static void request_scan(struct routing_vcpu *vcpu, enum scan_reason reason) {
    struct routing *routing = vcpu->routing;

    vcpu->reasons |= reason;
    atomic_fetch_add(&vcpu->generation, 1);
    routing->effects->notify(routing->context, vcpu->index);
}

/* ---- effects of the I/O APIC; under the lock ---- */

static unsigned ioapic_deliver(void *context, unsigned pin, const struct apic_message *message) {
    struct routing *routing = context;

    return routing_send_message(routing, message, pin);
}

#define BROADCAST   0xff
#define DESTINATION (RTE_LOGICAL | 0xffULL << RTE_DESTINATION_SHIFT)

/* Whether a vCPU that its destination names has the EOI-exit bit for it. */
static inline bool is_route(uint64_t entry) {
    return vioapic_entry_is_level(entry) && rte_vector(entry) >= APIC_FIRST_LEGAL_VECTOR;
}

__attribute__((noinline)) static void request_scans_of_named(struct routing *routing,
                                                             uint64_t entry) {
    unsigned i;

    for_each_bit(
        i, routing_candidates(routing, rte_destination(entry), BROADCAST, entry & RTE_LOGICAL)) {
        struct apic_identity who = routing_identity(routing, i);
        if (destination_of_entry_matches(&who, entry))
            request_scan(&routing->vcpu[i], SCAN_RTE);
    }
}

static inline void request_scans(struct routing *routing, uint64_t entry) {
    unsigned destination = rte_destination(entry);

    if (!is_route(entry))
        return;
    if (destination == BROADCAST || !routing_names_by_number(routing, entry & RTE_LOGICAL))
        request_scans_of_named(routing, entry);
    else if (destination < routing->vcpu_count && routing_identity(routing, destination).enabled)
        request_scan(&routing->vcpu[destination], SCAN_RTE);
}

/* With the same destination both name the same vCPUs. Otherwise a vCPU that both name gets two
 * requests, which coalesce. */
static void ioapic_reroute(void *context, uint64_t old_entry, uint64_t new_entry) {
    struct routing *routing = context;

    if (((old_entry ^ new_entry) & DESTINATION) || !is_route(new_entry))
        request_scans(routing, old_entry);
    request_scans(routing, new_entry);
}

static void ioapic_trace(void *context, uint64_t what, uint64_t a, uint64_t b) {
    const struct routing *routing = context;

    routing->effects->trace(routing->context, what, a, b);
}

static const struct vioapic_effects ioapic_effects = {
    .deliver = ioapic_deliver,
    .reroute = ioapic_reroute,
    .trace = ioapic_trace,
};

/* ---- effects of a LAPIC; on its vCPU's CPU, without the lock ---- */

static void apic_send(void *context, const struct apic_message *message,
                      enum apic_shorthand shorthand) {
    const struct routing_vcpu *vcpu = context;

    if (shorthand == APIC_SHORTHAND_NONE)
        routing_send_message(vcpu->routing, message, ROUTING_FROM_VCPU(vcpu->index));
    else
        routing_send_shorthand(vcpu->routing, message, vcpu->index, shorthand);
}

static bool is_renamed(const struct routing_vcpu *vcpu, const struct apic_identity *who) {
    return who->mode != APIC_MODE_DISABLED && who->id != vcpu->index;
}

/* Into the index before a message can find the new identity; out of it after none finds the old
 * one. So each message finds the vCPU under one of them. */
static void apic_identity_changes(void *context, const struct apic_identity *next) {
    const struct routing_vcpu *vcpu = context;

    if (next->mode == APIC_MODE_XAPIC)
        atomic_fetch_or(&vcpu->routing->xapic, vcpu_mask_of(vcpu->index));
    if (is_renamed(vcpu, next))
        atomic_fetch_or(&vcpu->routing->renamed, vcpu_mask_of(vcpu->index));
}

static void leave_index(const struct routing_vcpu *vcpu) {
    if (vcpu->apic.identity.mode != APIC_MODE_XAPIC)
        atomic_fetch_and(&vcpu->routing->xapic, ~vcpu_mask_of(vcpu->index));
    if (!is_renamed(vcpu, &vcpu->apic.identity))
        atomic_fetch_and(&vcpu->routing->renamed, ~vcpu_mask_of(vcpu->index));
}

static void apic_identity_changed(void *context) {
    const struct routing_vcpu *vcpu = context;
    struct routing *routing = vcpu->routing;

    leave_index(vcpu);
    routing->effects->access_changed(routing->context, vcpu->index);
    lock(routing);
    for (unsigned i = 0; i < routing->vcpu_count; i++)
        request_scan(&routing->vcpu[i], SCAN_LAPIC);
    vioapic_retry(&routing->ioapic);
    unlock(routing);
}

static void apic_access_changed(void *context) {
    const struct routing_vcpu *vcpu = context;

    vcpu->routing->effects->access_changed(vcpu->routing->context, vcpu->index);
}

static void apic_eoi_exit(void *context, uint8_t vector) {
    struct routing_vcpu *vcpu = context;

    routing_eoi_exit(vcpu, vector);
}

static void apic_timer_changed(void *context, uint32_t offset) {
    const struct routing_vcpu *vcpu = context;

    vcpu->routing->effects->timer_changed(vcpu->routing->context, vcpu->index, offset);
}

static uint32_t apic_timer_current(void *context) {
    const struct routing_vcpu *vcpu = context;

    return vcpu->routing->effects->timer_current(vcpu->routing->context, vcpu->index);
}

static void apic_trace(void *context, uint64_t what, uint64_t a, uint64_t b) {
    const struct routing_vcpu *vcpu = context;

    ioapic_trace(vcpu->routing, what, a, b);
}

static const struct vlapic_effects apic_effects = {
    .send = apic_send,
    .identity_changes = apic_identity_changes,
    .identity_changed = apic_identity_changed,
    .access_changed = apic_access_changed,
    .eoi_exit = apic_eoi_exit,
    .timer_changed = apic_timer_changed,
    .timer_current = apic_timer_current,
    .trace = apic_trace,
};

/* ---- power-on ---- */

static void power_on_vcpu(struct routing *routing, unsigned i,
                          const struct routing_config *config) {
    struct routing_vcpu *vcpu = &routing->vcpu[i];
    struct vlapic *apic = &vcpu->apic;

    vcpu->routing = routing;
    vcpu->counters = &routing->counters[i];
    vcpu->index = i;
    vcpu->seen = 0;
    vcpu->reasons = SCAN_LAPIC;
    atomic_store(&vcpu->generation, 1);
    apic->page = config->page[i];
    apic->initial_id = i;
    apic->physical_address_mask = config->physical_address_mask;
    apic->x2apic_offered = config->x2apic_offered;
    apic->broadcast_suppression = config->ioapic_version >= 0x20;
    apic->effects = &apic_effects;
    apic->context = vcpu;
    vlapic_power_on(apic, i == 0);
}

void routing_index(struct routing *routing) {
    atomic_store(&routing->xapic, 0);
    atomic_store(&routing->renamed, 0);
    for (unsigned i = 0; i < routing->vcpu_count; i++)
        apic_identity_changes(&routing->vcpu[i], &routing->vcpu[i].apic.identity);
}

void routing_power_on(struct routing *routing, const struct routing_config *config,
                      const struct routing_effects *effects, void *context) {
    routing->vcpu_count = config->vcpu_count;
    routing->all = vcpu_mask_first(config->vcpu_count);
    routing->stale_rescan = config->stale_rescan;
    atomic_store(&routing->lowest_priority_last, config->vcpu_count - 1);
    routing->effects = effects;
    routing->context = context;
    routing->ioapic.effects = &ioapic_effects;
    routing->ioapic.context = routing;
    vioapic_reset(&routing->ioapic, config->ioapic_version);
    for (unsigned i = 0; i < config->vcpu_count; i++) {
        power_on_vcpu(routing, i, config);
        routing->counters[i] = (struct routing_counters){0};
    }
    routing_index(routing);
}

/* ---- from any CPU ---- */

void routing_set_line(struct routing *routing, unsigned pin, bool level) {
    lock(routing);
    vioapic_set_line(&routing->ioapic, pin, level);
    unlock(routing);
}

uint32_t routing_ioapic_read(struct routing *routing, uint32_t offset, unsigned size) {
    lock(routing);
    uint32_t value = vioapic_read(&routing->ioapic, offset, size);
    unlock(routing);
    return value;
}

void routing_ioapic_write(struct routing *routing, uint32_t offset, unsigned size, uint32_t value) {
    lock(routing);
    vioapic_write(&routing->ioapic, offset, size, value);
    unlock(routing);
}

void routing_tick(struct routing *routing) {
    if (!atomic_load_explicit(&routing->ioapic.deferred, memory_order_relaxed))
        return;
    lock(routing);
    vioapic_release(&routing->ioapic);
    unlock(routing);
}

unsigned routing_send(struct routing *routing, const struct apic_message *message) {
    struct apic_message edge = *message;

    edge.level = false;
    return routing_send_message(routing, &edge, ROUTING_FROM_ELSEWHERE);
}

/* ---- before an entry, and after an EOI ---- */

static void routing_trace(const struct routing_vcpu *vcpu, enum trace_event event, uint8_t vector,
                          uint64_t a, uint64_t b) {
    ioapic_trace(vcpu->routing, trace_what(event, vcpu->index, vector, TRACE_NO_PIN), a, b);
}

/* Traces what a scan did to one vector: its EOI-exit bit has changed, or has become stale or
 * routed. */
static void trace_change(struct routing_vcpu *vcpu, uint8_t vector, bool exit_changed) {
    bool has = vector_set_has(&vcpu->apic.map.exit, vector);
    bool stale = vector_set_has(&vcpu->apic.map.stale, vector);
    enum trace_event event = stale ? TRACE_SCAN_STALE : TRACE_SCAN_ROUTED;

    if (exit_changed)
        event = has ? TRACE_SCAN_ADD : TRACE_SCAN_REMOVE;
    if (stale) /* it was not stale before, or nothing would have changed */
        vcpu->counters->stale_marked++;
    routing_trace(vcpu, event, vector, stale, 0);
}

static unsigned count_stale(const struct vector_set *stale) {
    unsigned count = 0;

    for (unsigned i = 0; i < 4 && !vector_set_is_empty(stale); i++)
        count += (unsigned)__builtin_popcountll(stale->word[i]);
    return count;
}

/* Traces what a scan did to these words: one record for each vector that has changed. Returns the
 * words that have changed in the EOI-exit bitmap. */
static unsigned trace_changes(struct routing_vcpu *vcpu, unsigned words,
                              const struct eoi_map *changed) {
    unsigned of_bitmap = 0, i, bit;

    for_each_bit(i, words) {
        uint64_t exit = changed->exit.word[i];
        of_bitmap |= (unsigned)(exit != 0) << i;
        for_each_bit(bit, exit | changed->stale.word[i])
            trace_change(vcpu, (uint8_t)(i * 64 + bit), exit >> bit & 1);
    }
    return of_bitmap;
}

/* Under the lock. Returns the words of the EOI-exit bitmap that have changed. */
static unsigned scan(struct routing_vcpu *vcpu) {
    struct vlapic *apic = &vcpu->apic;
    uint32_t reasons = vcpu->reasons;
    struct eoi_map changed;
    unsigned words = eoi_map_scan(&apic->map, vcpu->routing->ioapic.entry, &apic->identity,
                                  &apic->tokens.inflight, &changed);

    vcpu->seen = atomic_load(&vcpu->generation);
    vcpu->reasons = 0;
    vcpu->counters->scans[reasons % SCAN_REASON_SETS]++;
    routing_trace(vcpu, TRACE_SCAN, 0, reasons, count_stale(&apic->map.stale));
    return trace_changes(vcpu, words, &changed);
}

unsigned routing_scan(struct routing_vcpu *vcpu, bool *accepted) {
    lock(vcpu->routing);
    *accepted |= vlapic_accept(&vcpu->apic);
    unsigned changed = scan(vcpu);
    unlock(vcpu->routing);
    return changed;
}

static void count_eoi(struct routing_counters *counters, uint8_t vector, enum vlapic_eoi kind) {
    switch (kind) {
    case VLAPIC_EOI_LIVE:
        counters->eoi_live[vector]++;
        break;
    case VLAPIC_EOI_STALE:
        counters->eoi_stale[vector]++;
        break;
    case VLAPIC_EOI_COINCIDENTAL:
        counters->eoi_coincidental[vector]++;
        break;
    }
}

/* On the vCPU's own CPU, without the lock. */
static enum vlapic_eoi retire(struct routing_vcpu *vcpu, uint8_t vector, uint32_t *pins,
                              bool *rescan) {
    enum vlapic_eoi kind = vlapic_eoi_exit(&vcpu->apic, vector, pins, rescan);

    count_eoi(vcpu->counters, vector, kind);
    *rescan = *rescan && vcpu->routing->stale_rescan;
    return kind;
}

static void report_eoi(struct routing_vcpu *vcpu, uint8_t vector, uint32_t pins, bool rescan) {
    struct routing *routing = vcpu->routing;

    lock(routing);
    if (rescan) {
        routing_trace(vcpu, TRACE_RESCAN, vector, 0, 0);
        request_scan(vcpu, SCAN_STALE);
    }
    if (pins)
        vioapic_eoi(&routing->ioapic, vector, pins);
    unlock(routing);
}

/* A coincidental EOI takes no lock: it concerns no other module. */
enum vlapic_eoi routing_eoi_exit(struct routing_vcpu *vcpu, uint8_t vector) {
    uint32_t pins;
    bool rescan;
    enum vlapic_eoi kind = retire(vcpu, vector, &pins, &rescan);

    if (pins || rescan)
        report_eoi(vcpu, vector, pins, rescan);
    return kind;
}
