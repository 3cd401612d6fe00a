/* Writes to IA32_APIC_BASE: see modes.h. The reference does not use vlapic.c: from the state before
 * it makes the state that the manuals demand, and the two are compared as a whole. */
#include "tests/model/modes.h"

#include <string.h>

#include "tests/model/world.h"
#include "vmm/vcpu/virq.h"

#define BASE_RESERVED (1ULL << 9)

/* Disabled, a LAPIC has no registers. In x2APIC mode the ID and the LDR are read-only, and there is
 * no DFR. SDM Vol. 3A, "x2APIC Register Address Space". */
bool modes_have(const struct cpu_state *s, enum move_kind kind) {
    switch (kind) {
    case MOVE_EOI:
    case MOVE_TPR:
    case MOVE_SVR:
    case MOVE_SELF:
    case MOVE_ICR:
        return !s->off;
    case MOVE_LDR:
    case MOVE_DFR:
    case MOVE_ID:
        return !s->off && !s->x2apic;
    default:
        return true;
    }
}

static unsigned mode_of(const struct cpu_state *s) {
    return s->off ? BASE_OFF : s->x2apic ? BASE_X2APIC : BASE_XAPIC;
}

/* SDM Vol. 3A, "x2APIC State Transitions": from x2APIC mode only to disabled, and from disabled
 * only to xAPIC mode. */
static bool is_legal(unsigned from, unsigned to) {
    static const bool legal[BASE_COUNT][BASE_COUNT] = {
        [BASE_OFF] = {[BASE_OFF] = true, [BASE_XAPIC] = true},
        [BASE_XAPIC] = {[BASE_OFF] = true, [BASE_XAPIC] = true, [BASE_X2APIC] = true},
        [BASE_X2APIC] = {[BASE_OFF] = true, [BASE_X2APIC] = true},
    };

    return legal[from][to];
}

/* ---- the move ---- */

void modes_reference_drop(unsigned v) {
    struct cpu_state *s = &world.now.vcpu[v];
    unsigned pins = s->ref_posted | s->ref_waiting | s->ref_served;

    s->ref_posted = s->ref_waiting = s->ref_served = 0;
    for (unsigned p = 0; p < MODEL_PINS; p++)
        world.now.pin[p].orphan |= (pins | pins >> 2 | pins >> 4) >> p & 1;
}

/* What other CPUs match destinations against must be what the registers say at once. */
static void check_identity(unsigned v, unsigned to) {
    const struct vlapic *apic = virq_lapic(&world.vcpu[v]);
    static const uint8_t mode[] = {APIC_MODE_DISABLED, APIC_MODE_XAPIC, APIC_MODE_X2APIC};
    uint32_t id = apic_page_read(apic->page, APIC_ID) >> (to == BASE_X2APIC ? 0 : 24);

    if (apic->identity.mode != mode[to] || apic->identity.id != id)
        world_violate(13, "the mode has changed, and messages find the old one");
}

/* A #GP if it is not legal; the exit is fault-like. */
static void write_bad(unsigned v) {
    uint64_t base = virq_base(&world.vcpu[v]);

    if (virq_write_base(&world.vcpu[v], (base & ~(uint64_t)APIC_BASE_ENABLE) | APIC_BASE_X2APIC) ||
        virq_write_base(&world.vcpu[v], base ^ BASE_RESERVED))
        world_violate(0, "IA32_APIC_BASE accepts a value that no mode allows");
}

void modes_write_base(unsigned v, unsigned to) {
    static const uint64_t bits[] = {0, APIC_BASE_ENABLE, APIC_BASE_ENABLE | APIC_BASE_X2APIC};
    struct cpu_state *s = &world.now.vcpu[v];
    unsigned from = mode_of(s);

    s->phase = PHASE_OUT;
    if (to == BASE_BAD) {
        write_bad(v);
        return;
    }
    if (is_legal(from, to) && to == BASE_OFF && from != to)
        modes_reference_drop(v);
    uint64_t base = virq_base(&world.vcpu[v]) & ~(bits[BASE_X2APIC]);
    if (virq_write_base(&world.vcpu[v], base | bits[to]) != is_legal(from, to))
        world_violate(
            0, "IA32_APIC_BASE accepts an illegal change of the mode, or refuses a legal one");
    if (!is_legal(from, to) || from == to)
        return;
    world.now.left.bases--;
    check_identity(v, to);
    if (world.renamed)
        s->phase = PHASE_RENAMED;
}

/* As in vlapic_post() and after it. */
void modes_post_late(unsigned v) {
    struct routing *routing = &world.vm.routing;

    inbox_post_edge(&virq_lapic(&world.vcpu[v])->inbox, model_vector[0]);
    routing->effects->notify_edge(routing->context, v);
}

/* ---- the reference ---- */

/* Production may keep its EOI map until the next scan, as it is in the VMCS. */
static void switch_off(struct cpu_state *s) {
    s->irr = s->isr = s->tmr = 0;
    s->pir = s->level = 0;
    s->posted_pins = s->front = s->behind = 0;
    s->inflight = 0;
    s->ref_posted = s->ref_waiting = s->ref_served = 0;
    s->tpr = s->cluster = s->other_id = s->other_ldr = s->x2apic = 0;
    s->tmr_used = 0; /* invariant 24 asks for no more */
    s->disabled = s->no_ldr = s->off = 1;
}

/* What came late, and was even delivered, is no longer there. */
static void switch_on(struct cpu_state *s) {
    switch_off(s);
    s->off = 0;
}

/* The high half of the ICR, which the model does not have, is not preserved either. */
static void to_x2apic(struct cpu_state *s) {
    s->other_id = s->other_ldr = s->no_ldr = 0;
    s->x2apic = 1;
}

static unsigned highest(unsigned set) {
    return set ? 32u - (unsigned)__builtin_clz(set) : 0;
}

/* Takes over what is not a register of the LAPIC. */
static void keep_the_rest(struct cpu_state *to, const struct cpu_state *from) {
    to->phase = from->phase;
    to->access = from->access;
    to->posting = from->posting;
    to->vmcs_posting = from->vmcs_posting;
}

void modes_check(const struct state *before, const struct state *after, const struct move *move) {
    unsigned from = mode_of(&before->vcpu[move->who]), to = move->argument;
    struct state expected = *before;
    struct cpu_state *s = &expected.vcpu[move->who];

    if (from == to || !is_legal(from, to)) {
        s->phase = PHASE_OUT;
        if (memcmp(&expected, after, sizeof(expected)) != 0)
            world_violate(0, "a write to IA32_APIC_BASE that changes no mode changes something");
        return;
    }
    if (to == BASE_OFF)
        switch_off(s);
    else if (to == BASE_X2APIC)
        to_x2apic(s);
    else
        switch_on(s);
    s->rvi = highest(s->irr) & 3;
    s->svi = highest(s->isr) & 3;
    if (after->vcpu[move->who].svi != s->svi || after->vcpu[move->who].rvi != s->rvi)
        world_violate(0, "RVI or SVI is not that of the registers in the new mode");
    keep_the_rest(s, &after->vcpu[move->who]);
    expected.left = after->left;
    for (unsigned p = 0; p < MODEL_PINS; p++)
        expected.pin[p].orphan = after->pin[p].orphan;
    if (memcmp(&expected, after, sizeof(expected)) != 0)
        world_violate(to == BASE_OFF ? 20 : 7,
                      "a change of the mode keeps or resets other registers than the manuals say");
}

void modes_check_entry(const struct cpu_state *s) {
    bool none = s->off || (!s->x2apic && s->disabled);
    bool exits = s->disabled || s->tmr_used;
    unsigned access = none         ? VMX_APIC_HIDDEN
                      : !s->x2apic ? VMX_APIC_XAPIC
                      : exits      ? VMX_APIC_X2APIC_EXITING
                                   : VMX_APIC_X2APIC;

    if (s->access != (world.software ? VMX_APIC_SOFTWARE : access))
        world_violate(0, "the processor's controls are not those of the LAPIC's mode");
}
