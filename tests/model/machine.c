/* What production code asks of the machine, and the reference's ears: see world.h.
 *
 * The reference learns from the trace that the I/O APIC has sent something; whom it names, and who
 * has therefore accepted it, it finds out by itself. */
#include "tests/model/world.h"
#include "vmm/host/host.h"

struct host host;

void model_lock(void) {
    if (world.locked)
        world_violate(0, "the interrupt lock is taken twice");
    world.locked = true;
}

void model_unlock(void) {
    if (!world.locked)
        world_violate(0, "the interrupt lock is given back and was not held");
    world.locked = false;
}

/* From arm() on a vCPU counts as in the guest, and a request from another CPU sends an NMI. */
static bool is_armed(unsigned phase) {
    return phase == PHASE_GUEST || (phase >= PHASE_TAKEN && phase <= PHASE_READY);
}

void vcpu_request(struct vcpu *vcpu, uint32_t requests) {
    struct cpu_state *s = &world.now.vcpu[vcpu->index];

    atomic_fetch_or_explicit(&vcpu->requests, requests, memory_order_relaxed);
    if (vcpu->index != world.actor && is_armed(s->phase))
        s->kick = 1;
}

/* What the inbox does not hold any more is accepted, says the reference: it waits in the IRR. */
void world_hear_acceptance(unsigned v) {
    struct cpu_state *s = &world.now.vcpu[v];
    const struct inbox *inbox = &world.vm.routing.vcpu[v].apic.inbox;

    for (unsigned k = 0; k < MODEL_VECTORS; k++) {
        unsigned left =
            atomic_load_explicit(&inbox->posted_pins[model_vector[k]], memory_order_relaxed);
        unsigned taken = state_pins_of(s->ref_posted, k) & ~left;
        s->ref_waiting |= (taken << 2 * k) & 63;
        s->ref_posted &= ~(taken << 2 * k) & 63;
    }
}

/* ---- the VMCS ---- */

/* Invariant 2 to the letter: before RVI names a level interrupt its EOI-exit bit is there. */
static void check_rvi(unsigned rvi) {
    const struct cpu_state *s = &world.now.vcpu[world.current];

    for (unsigned k = 0; k < MODEL_VECTORS; k++) {
        uint8_t vector = model_vector[k];

        if (vector <= rvi && state_pins_of(s->ref_waiting, k) &&
            !vector_set_has(&world.processor[world.current].exit_bitmap, vector))
            world_violate(2, "RVI lets a level interrupt through before its EOI-exit bit is there");
    }
}

void model_vmcs_write(uint64_t field, uint64_t value) {
    struct processor *processor = &world.processor[world.current];

    if (field >= VMCS_EOI_EXIT_BITMAP0 && field <= VMCS_EOI_EXIT_BITMAP3) {
        processor->exit_bitmap.word[(field - VMCS_EOI_EXIT_BITMAP0) / 2] = value;
    } else if (field == VMCS_GUEST_INTERRUPT_STATUS) {
        processor->rvi = (uint8_t)value;
        processor->svi = (uint8_t)(value >> 8);
        world_hear_acceptance(world.current);
        check_rvi(value & 0xff);
    }
}

uint64_t model_vmcs_read(uint64_t field) {
    const struct processor *processor = &world.processor[world.current];

    return field == VMCS_GUEST_INTERRUPT_STATUS ? processor->rvi | processor->svi << 8 : 0;
}

/* ---- the trace ---- */

static unsigned index_of(uint8_t vector) {
    unsigned k = 0;

    while (k < MODEL_VECTORS - 1 && model_vector[k] != vector)
        k++;
    return k;
}

/* Who must have accepted: all that the entry names, or one of them. */
static unsigned must_accept(unsigned pin) {
    unsigned named = state_targets(&world.now, pin);

    if (!world.now.pin[pin].lowest || !named)
        return named;
    unsigned chosen =
        1u << atomic_load_explicit(&world.vm.routing.lowest_priority_last, memory_order_relaxed);
    if (!(chosen & named))
        world_violate(14, "lowest priority chose one that the entry does not name");
    return chosen & named;
}

static void check_sent(const struct pin_state *pin, uint64_t entry) {
    if (!world.locked)
        world_violate(0, "the I/O APIC sends without the lock");
    if (pin->masked)
        world_violate(12, "delivered while masked");
    if (pin->level && (entry & RTE_REMOTE_IRR))
        world_violate(4, "Remote IRR is set before anyone has accepted, or sent while it was set");
    if (pin->level && !(world.vm.routing.ioapic.line & 1u << (pin - world.now.pin)))
        world_violate(12, "a level is delivered that is not there any more");
}

/* The vCPU may accept it this very moment, without the lock; not if it is busy with its own LDR. */
static void check_published(const struct cpu_state *s, unsigned k) {
    if (!(s->exit >> k & 1) && !s->outdated && s->phase != PHASE_RENAMED)
        world_violate(2,
                      "sent before its route was published: it could be accepted without a scan");
}

static void hear_acceptance(unsigned v, unsigned p, unsigned k) {
    struct cpu_state *s = &world.now.vcpu[v];

    if (world.now.pin[p].level) {
        s->ref_posted |= (1u << (2 * k + p)) & 63;
        check_published(s, k);
    } else if (!(s->pir >> k & 1)) {
        world_violate(14, "an edge was accepted and is not in the PIR");
    }
}

/* The entry may have changed in this move: the state's copy of it is renewed first. */
static void hear_delivery(const struct trace_record *record) {
    unsigned p = record->pin & 1, set;

    world_pack();
    check_sent(&world.now.pin[p], world.vm.routing.ioapic.entry[p]);
    set = must_accept(p);
    world.delivered[p]++;
    world.accepted[p] += set != 0;
    if ((unsigned)__builtin_popcount(set) != record->b)
        world_violate(14, "not exactly those whom the entry names have accepted");
    for (unsigned v = 0; v < MODEL_VCPUS; v++) {
        if (set >> v & 1)
            hear_acceptance(v, p, index_of(record->vector));
    }
}

void host_trace(unsigned guest, uint64_t what, uint64_t a, uint64_t b) {
    const struct trace_record record = {.what = what, .a = a, .b = b};

    (void)guest;
    if (world.trace)
        trace_add(world.trace, 0, what, a, b, true);
    if (record.event == TRACE_DELIVER)
        hear_delivery(&record);
}

void host_trace_each(unsigned guest, uint64_t what, uint64_t a, uint64_t b) {
    host_trace(guest, what, a, b);
}
