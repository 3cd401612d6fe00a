/* Fills the production structures from a state and reads them back: see world.h. */
#include "tests/model/world.h"

#include <string.h>

#include "tests/model/moves.h"
#include "vmm/host/host.h"
#include "vmm/vcpu/virq.h"

struct world world;
bool model_software, model_posted;

#define STREAK_BASE (VIOAPIC_IMMEDIATE_DELIVERIES - STORM_ALLOWED)

/* ---- sets of the three vectors ---- */

static unsigned bank_read(const struct apic_page *page, uint32_t bank) {
    return (unsigned)apic_page_has(page, bank, model_vector[0]) |
           (unsigned)apic_page_has(page, bank, model_vector[1]) << 1 |
           (unsigned)apic_page_has(page, bank, model_vector[2]) << 2;
}

/* The first two vectors share a register. */
static void bank_write(struct apic_page *page, uint32_t bank, unsigned set) {
    uint32_t *word = &page->word[bank >> 2];

    word[(model_vector[0] >> 5) * 4] =
        (set & 1) << (model_vector[0] & 31) | (set >> 1 & 1) << (model_vector[1] & 31);
    word[(model_vector[2] >> 5) * 4] = (set >> 2 & 1) << (model_vector[2] & 31);
}

static unsigned words_read(const uint64_t *word) {
    return (unsigned)(word[0] >> model_vector[0] & 1) |
           (unsigned)(word[0] >> model_vector[1] & 1) << 1 |
           (unsigned)(word[1] >> (model_vector[2] & 63) & 1) << 2;
}

static uint64_t word_of(unsigned set, unsigned i) {
    if (i == 0)
        return (uint64_t)(set & 1) << model_vector[0] | (uint64_t)(set >> 1 & 1) << model_vector[1];
    return (uint64_t)(set >> 2 & 1) << (model_vector[2] & 63);
}

static void words_write(uint64_t *word, unsigned set) {
    word[0] = word_of(set, 0);
    word[1] = word_of(set, 1);
}

static void atomic_words_write(_Atomic uint64_t *word, unsigned set) {
    atomic_store_explicit(&word[0], word_of(set, 0), memory_order_relaxed);
    atomic_store_explicit(&word[1], word_of(set, 1), memory_order_relaxed);
}

static unsigned atomic_words_read(_Atomic uint64_t *word) {
    uint64_t copy[2] = {atomic_load_explicit(&word[0], memory_order_relaxed),
                        atomic_load_explicit(&word[1], memory_order_relaxed)};
    return words_read(copy);
}

static unsigned index_of(unsigned vector) {
    for (unsigned k = 0; k < MODEL_VECTORS; k++) {
        if (vector == model_vector[k])
            return k + 1;
    }
    return 0;
}

static uint8_t vector_of(unsigned index) {
    return index ? model_vector[index - 1] : 0;
}

/* ---- one vCPU ---- */

static void unpack_apic(unsigned v, const struct cpu_state *s) {
    struct routing_vcpu *it = &world.vm.routing.vcpu[v];
    struct vlapic *apic = &it->apic;
    uint8_t logical = s->no_ldr ? 0 : (uint8_t)(world.ldr_cluster | 1u << (v ^ s->other_ldr));
    uint32_t suppress = world.suppresses ? APIC_SVR_SUPPRESS_EOI_BROADCAST : 0;

    bank_write(&world.page[v], APIC_IRR, s->irr);
    bank_write(&world.page[v], APIC_ISR, s->isr);
    bank_write(&world.page[v], APIC_TMR, s->tmr);
    apic->base = (apic->base & ~(uint64_t)(APIC_BASE_ENABLE | APIC_BASE_X2APIC)) |
                 (s->off ? 0 : APIC_BASE_ENABLE) | (s->x2apic ? APIC_BASE_X2APIC : 0);
    apic->identity = (struct apic_identity){
        .id = v ^ s->other_id,
        .logical = s->x2apic ? 0 : logical,
        .cluster = s->cluster && !s->x2apic,
        .mode = s->off      ? APIC_MODE_DISABLED
                : s->x2apic ? APIC_MODE_X2APIC
                            : APIC_MODE_XAPIC,
    };
    apic_page_write(&world.page[v], APIC_ID, apic->identity.id << (s->x2apic ? 0 : 24));
    apic_page_write(&world.page[v], APIC_LDR, s->x2apic ? 1u << v : (uint32_t)logical << 24);
    apic_page_write(&world.page[v], APIC_DFR, s->cluster ? 0x0fffffff : 0xffffffff);
    apic_page_write(&world.page[v], APIC_TPR, s->tpr ? MODEL_TPR : 0);
    apic_page_write(&world.page[v], APIC_SVR,
                    (s->disabled ? 0xff : APIC_SVR_ENABLE | 0xff) | suppress);
    apic->identity.enabled = !s->disabled;
    apic->tmr_used = s->tmr_used;
    for (unsigned k = 0; k < MODEL_VECTORS; k++) {
        apic->tokens.front[model_vector[k]] = state_pins_of(s->front, k);
        apic->tokens.behind[model_vector[k]] = state_pins_of(s->behind, k);
        atomic_store_explicit(&apic->inbox.posted_pins[model_vector[k]],
                              state_pins_of(s->posted_pins, k), memory_order_relaxed);
    }
    words_write(apic->tokens.inflight.word, s->inflight);
    words_write(apic->map.exit.word, s->exit);
    words_write(apic->map.stale.word, s->stale);
    atomic_words_write(apic->inbox.pir, s->pir);
    atomic_words_write(apic->inbox.level, s->level);
    it->seen = 1;
    it->reasons = 0;
    atomic_store_explicit(&it->generation, 1u + s->outdated, memory_order_relaxed);
}

static void unpack_vcpu(unsigned v) {
    const struct cpu_state *s = &world.now.vcpu[v];

    unpack_apic(v, s);
    atomic_store_explicit(world.vcpu[v].requests,
                          (s->requests ? (uint32_t)REQUEST_INTERRUPTS : 0) |
                              (s->on ? (uint32_t)REQUEST_POSTED : 0),
                          memory_order_relaxed);
    atomic_store_explicit(&world.vcpu[v].in_guest, model_is_armed(s->phase), memory_order_relaxed);
    atomic_store_explicit(&world.vcpu[v].posting, s->posting, memory_order_relaxed);
    world.posting[v] = s->vmcs_posting;
    words_write(world.processor[v].exit_bitmap.word, s->vmcs_exit);
    world.processor[v].rvi = vector_of(s->rvi);
    world.processor[v].svi = vector_of(s->svi);
    world.access[v] = s->access;
    world.vcpu[v].apic_mode = (enum vmx_apic_mode)s->access;
    processor_update_ppr(&world.processor[v]);
}

static void pack_apic(unsigned v, struct cpu_state *s) {
    struct routing_vcpu *it = &world.vm.routing.vcpu[v];
    struct vlapic *apic = &it->apic;
    unsigned front = 0, behind = 0, posted = 0;

    s->irr = bank_read(&world.page[v], APIC_IRR) & 7;
    s->isr = bank_read(&world.page[v], APIC_ISR) & 7;
    s->tmr = bank_read(&world.page[v], APIC_TMR) & 7;
    s->off = !(apic->base & APIC_BASE_ENABLE);
    s->x2apic = (apic->base & APIC_BASE_X2APIC) != 0;
    s->no_ldr = !s->x2apic && !apic->identity.logical;
    s->other_ldr = !s->x2apic && (apic->identity.logical & 3) == 2u >> v;
    /* what the guest has written, whatever production makes of it */
    s->other_id = apic_page_read(&world.page[v], APIC_ID) >> (s->x2apic ? 0 : 24) != v;
    s->cluster = apic_page_read(&world.page[v], APIC_DFR) >> 28 == 0;
    s->tpr = apic_page_read(&world.page[v], APIC_TPR) != 0;
    s->tmr_used = apic->tmr_used;
    s->disabled = !apic->identity.enabled;
    for (unsigned k = 0; k < MODEL_VECTORS; k++) {
        front |= apic->tokens.front[model_vector[k]] << 2 * k;
        behind |= apic->tokens.behind[model_vector[k]] << 2 * k;
        posted |=
            atomic_load_explicit(&apic->inbox.posted_pins[model_vector[k]], memory_order_relaxed)
            << 2 * k;
    }
    s->front = front & 63;
    s->behind = behind & 63;
    s->posted_pins = posted & 63;
    s->inflight = words_read(apic->tokens.inflight.word) & 7;
    s->exit = words_read(apic->map.exit.word) & 7;
    s->stale = words_read(apic->map.stale.word) & 7;
    s->pir = atomic_words_read(apic->inbox.pir) & 7;
    s->level = atomic_words_read(apic->inbox.level) & 7;
    s->outdated = atomic_load_explicit(&it->generation, memory_order_relaxed) != it->seen;
}

static void pack_vcpu(unsigned v) {
    struct cpu_state *s = &world.now.vcpu[v];

    pack_apic(v, s);
    uint32_t requests = atomic_load_explicit(world.vcpu[v].requests, memory_order_relaxed);
    s->requests = (requests & REQUEST_INTERRUPTS) != 0;
    s->on = (requests & REQUEST_POSTED) != 0;
    s->posting = atomic_load_explicit(&world.vcpu[v].posting, memory_order_relaxed) & 1;
    s->vmcs_posting = world.posting[v];
    if (world.software) {
        /* There are no such fields. The map takes effect at once, and the IRR and the ISR do. */
        world.processor[v].exit_bitmap = world.vm.routing.vcpu[v].apic.map.exit;
        processor_set_status(&world.processor[v]);
    }
    s->vmcs_exit = words_read(world.processor[v].exit_bitmap.word) & 7;
    s->rvi = index_of(world.processor[v].rvi) & 3;
    s->svi = index_of(world.processor[v].svi) & 3;
    s->access = world.access[v] & 7;
}

/* ---- one pin ---- */

static void unpack_pin(unsigned p) {
    const struct pin_state *s = &world.now.pin[p];
    struct vioapic *io = &world.vm.routing.ioapic;

    io->entry[p] = model_vector[s->vector] | (s->lowest ? 1ULL << RTE_DELIVERY_SHIFT : 0) |
                   (s->logical ? RTE_LOGICAL : 0) | (s->remote_irr ? RTE_REMOTE_IRR : 0) |
                   (s->level ? RTE_LEVEL : 0) | (s->masked ? RTE_MASKED : 0) |
                   (uint64_t)s->destination << RTE_DESTINATION_SHIFT;
    io->level_streak[p] = world.storms ? STREAK_BASE + s->streak : 0;
}

static void pack_pin(unsigned p) {
    struct pin_state *s = &world.now.pin[p];
    const struct vioapic *io = &world.vm.routing.ioapic;
    uint64_t entry = io->entry[p];
    unsigned streak = io->level_streak[p] > STREAK_BASE ? io->level_streak[p] - STREAK_BASE : 0;

    s->vector = (index_of(rte_vector(entry)) - 1) & 3u;
    s->lowest = apic_delivery_mode(entry) == APIC_DELIVERY_LOWEST_PRIORITY;
    s->logical = (entry & RTE_LOGICAL) != 0;
    s->remote_irr = (entry & RTE_REMOTE_IRR) != 0;
    s->level = (entry & RTE_LEVEL) != 0;
    s->masked = (entry & RTE_MASKED) != 0;
    s->destination = rte_destination(entry) & 3u;
    s->line = io->line >> p & 1;
    s->edge_pending = io->edge_pending >> p & 1;
    s->deferred = atomic_load_explicit(&io->deferred, memory_order_relaxed) >> p & 1;
    s->streak = 0;
    if (world.storms)
        s->streak = (streak < STORM_ALLOWED ? streak : (unsigned)STORM_ALLOWED) & 3;
}

void world_unpack(void) {
    struct vioapic *io = &world.vm.routing.ioapic;
    const struct pin_state *pin = world.now.pin;

    for (unsigned v = 0; v < MODEL_VCPUS; v++)
        unpack_vcpu(v);
    for (unsigned p = 0; p < MODEL_PINS; p++)
        unpack_pin(p);
    routing_index(&world.vm.routing);
    io->line = pin[0].line | (uint32_t)pin[1].line << 1;
    io->edge_pending = pin[0].edge_pending | (uint32_t)pin[1].edge_pending << 1;
    atomic_store_explicit(&io->deferred, pin[0].deferred | (uint32_t)pin[1].deferred << 1,
                          memory_order_relaxed);
    atomic_store_explicit(&world.vm.routing.lowest_priority_last, world.now.left.last,
                          memory_order_relaxed);
    memset(world.delivered, 0, sizeof(world.delivered));
    memset(world.accepted, 0, sizeof(world.accepted));
    world.renamed = false;
    world.eoi = -1;
}

void world_pack(void) {
    for (unsigned v = 0; v < MODEL_VCPUS; v++)
        pack_vcpu(v);
    for (unsigned p = 0; p < MODEL_PINS; p++)
        pack_pin(p);
    world.now.left.last =
        atomic_load_explicit(&world.vm.routing.lowest_priority_last, memory_order_relaxed) & 1;
}

/* ---- the whole world ---- */

static void enable_x2apic(unsigned v) {
    struct vlapic *apic = routing_vlapic(&world.vm.routing, v);

    vlapic_write_base(apic, apic->base | APIC_BASE_X2APIC);
}

void world_power_on(const struct bound *bound) {
    struct routing_config config = {
        .vcpu_count = MODEL_VCPUS,
        .ioapic_version = bound->suppresses ? 0x20 : 0x11,
        .physical_address_mask = (1ULL << 40) - 1,
        .stale_rescan = true,
        .x2apic_offered = true,
    };

    world = (struct world){.storms = bound->storms,
                           .tmr_counts = bound->x2apic || bound->budget.bases,
                           .suppresses = bound->suppresses,
                           .ldr_cluster = bound->registers & 1u << MOVE_DFR ? 0x10 : 0,
                           .software = model_software,
                           .violated = -1};
    world.vm.posted = model_posted;
    for (unsigned v = 0; v < MODEL_VCPUS; v++) {
        config.page[v] = world.processor[v].page = &world.page[v];
        world.vcpu[v].vm = &world.vm;
        world.vcpu[v].software = model_software;
        world.vcpu[v].index = v;
        world.vcpu[v].host = &world.cpu[v];
        world.cpu[v].cpu.apic_id = v;
        world.posting[v] = model_posted; /* as posted_set_up() leaves it */
        world.vcpu[v].posting = model_posted;
        world.vcpu[v].controls.pin = model_posted ? PIN_PROCESS_POSTED_INTERRUPTS : 0;
        world.vcpu[v].routed = &world.routed[v];
        world.vcpu[v].requests = &world.routed[v].apic.inbox.requests;
        world.vcpu[v].apic_page = &world.page[v];
        world.vm.vcpu[v] = &world.vcpu[v];
    }
    world.vm.routing.vcpu = world.routed;
    world.vm.routing.counters = world.counters;
    steps_power_on(&world.vm.routing, &config, virq_effects_of(&world.vm), &world.vm);
    for (unsigned v = 0; v < MODEL_VCPUS; v++) {
        vlapic_write(routing_vlapic(&world.vm.routing, v), APIC_LDR,
                     (world.ldr_cluster | 1u << v) << 24);
        vlapic_write(routing_vlapic(&world.vm.routing, v), APIC_SVR,
                     APIC_SVR_ENABLE | 0xff |
                         (bound->suppresses ? APIC_SVR_SUPPRESS_EOI_BROADCAST : 0));
        routing_vlapic(&world.vm.routing, v)->tmr_used =
            !model_posted && !world.tmr_counts; /* otherwise it does not matter */
        if (bound->x2apic)
            enable_x2apic(v);
        world.vcpu[v].apic_mode = virq_apic_mode(&world.vcpu[v]);
        world.access[v] = (uint8_t)world.vcpu[v].apic_mode;
    }
    for (unsigned p = 0; p < MODEL_PINS; p++)
        world.vm.routing.ioapic.entry[p] |= model_vector[0];
    world_pack();
}

/* Reduces the structures to what a state must have of them: of a generation only whether the last
 * scan saw it. Streaks are in a state only as far as they matter; reasons are not. */
static void normalize(struct routing *routing, struct routing_vcpu vcpu[MODEL_VCPUS]) {
    for (unsigned v = 0; v < MODEL_VCPUS; v++) {
        struct routing_vcpu *it = &vcpu[v];
        uint32_t seen = it->seen;

        it->seen = 1;
        it->reasons = 0;
        atomic_store(&it->generation, 1u + (atomic_load(&it->generation) != seen));
    }
    for (unsigned p = 0; p < MODEL_PINS; p++)
        routing->ioapic.level_streak[p] = 0;
}

/* Until a changed identity is announced, the index may have one vCPU more than world_unpack() gives
 * it. */
static bool is_indexed(struct routing *before, const struct routing *after) {
    bool complete = !(after->xapic & ~before->xapic) && !(after->renamed & ~before->renamed);

    before->xapic = after->xapic;
    before->renamed = after->renamed;
    return complete;
}

bool world_is_exact(void) {
    static struct routing before, after;
    static struct routing_vcpu vcpu_before[MODEL_VCPUS], vcpu_after[MODEL_VCPUS];
    static struct apic_page page[MODEL_VCPUS];

    memcpy(&before, &world.vm.routing, sizeof(before));
    memcpy(vcpu_before, world.routed, sizeof(vcpu_before));
    memcpy(page, world.page, sizeof(page));
    world_unpack();
    memcpy(&after, &world.vm.routing, sizeof(after));
    memcpy(vcpu_after, world.routed, sizeof(vcpu_after));
    normalize(&before, vcpu_before);
    normalize(&after, vcpu_after);
    return is_indexed(&before, &after) && !memcmp(&before, &after, sizeof(before)) &&
           !memcmp(vcpu_before, vcpu_after, sizeof(vcpu_before)) &&
           !memcmp(page, world.page, sizeof(page));
}

bool world_virtualizes_eoi(unsigned vcpu) {
    return world_virtualizes_self_ipi(vcpu) || world.access[vcpu] == VMX_APIC_X2APIC_EXITING;
}

bool world_virtualizes_self_ipi(unsigned vcpu) {
    return world.access[vcpu] == VMX_APIC_XAPIC || world.access[vcpu] == VMX_APIC_X2APIC;
}

void world_violate(int invariant, const char *what) {
    if (world.violated >= 0)
        return;
    world.violated = invariant;
    world.what = what;
}
