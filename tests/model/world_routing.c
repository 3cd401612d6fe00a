/* The steps of vmm/interrupts/routing.c, one by one: its source, and a function for each. See
 * world.h.
 *
 * When a LAPIC's identity has changed, all vCPUs must scan; the model lets other CPUs act before
 * this is announced, and between an EOI that the hypervisor performs and its handling. */
#include "vmm/interrupts/routing.c"

#include "tests/model/world.h"

static struct vlapic_effects divided_effects;

static void note_renamed(void *context) {
    (void)context;
    world.renamed = true;
}

static void ignore_timer(void *context, uint32_t offset) {
    (void)context;
    (void)offset;
}

/* Of an EOI that the processor has not virtualized: the EOI's own steps follow. */
static void note_eoi(void *context, uint8_t vector) {
    (void)context;
    world.eoi = vector;
}

void steps_power_on(struct routing *routing, const struct routing_config *config,
                    const struct routing_effects *effects, void *context) {
    routing_power_on(routing, config, effects, context);
    divided_effects = apic_effects;
    divided_effects.identity_changed = note_renamed;
    divided_effects.eoi_exit = note_eoi;
    divided_effects.timer_changed = ignore_timer;
    for (unsigned i = 0; i < config->vcpu_count; i++)
        routing->vcpu[i].apic.effects = &divided_effects;
}

bool steps_wants_scan(struct routing *routing, unsigned vcpu) {
    return routing_wants_scan(&routing->vcpu[vcpu]);
}

unsigned steps_scan(struct routing *routing, unsigned vcpu) {
    bool accepted = false;

    return routing_scan(&routing->vcpu[vcpu], &accepted);
}

void steps_retire(struct routing *routing, unsigned vcpu, uint8_t vector, uint32_t *pins,
                  bool *rescan) {
    retire(&routing->vcpu[vcpu], vector, pins, rescan);
}

void steps_report_eoi(struct routing *routing, unsigned vcpu, uint8_t vector, uint32_t pins,
                      bool rescan) {
    report_eoi(&routing->vcpu[vcpu], vector, pins, rescan);
}

void steps_announce_identity(struct routing *routing, unsigned vcpu) {
    apic_identity_changed(&routing->vcpu[vcpu]);
}
