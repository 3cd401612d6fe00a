/* The machine that production code needs, and the inputs of the reference: see world.h.
 *
 * From the trace the reference learns only that the I/O APIC has sent something. Which LAPICs the
 * entry names, and which have therefore accepted it, it computes by itself. */
#include "arch/idt.h"
#include "drivers/lapic.h"
#include "tests/model/world.h"
#include "vmm/host/host.h"
#include "vmm/vcpu/msr.h"

struct host host;

void model_lock(void) {
    if (world.locked)
        world_violate(0, "the interrupt lock is taken twice");
    world.locked = true;
}

void model_unlock(void) {
    if (!world.locked)
        world_violate(0, "the interrupt lock is released and was not held");
    world.locked = false;
}

/* After arm() a vCPU counts as in guest mode, and a request from another CPU sends an NMI. */
bool model_is_armed(unsigned phase) {
    return phase == PHASE_GUEST || (phase >= PHASE_TAKEN && phase <= PHASE_READY);
}

void vcpu_kick(struct vcpu *vcpu) {
    struct cpu_state *s = &world.now.vcpu[vcpu->index];

    if (vcpu->index != world.actor && model_is_armed(s->phase))
        s->kick = 1;
}

void lapic_send_fixed(uint32_t apic_id, uint8_t vector) {
    if (vector == VECTOR_POSTED)
        world.now.vcpu[apic_id & 1].notification = 1;
}

/* To the reference, whatever is no longer in the inbox has been accepted: it waits in the IRR. */
void world_note_acceptance(unsigned v) {
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

/* ---- what a change of a LAPIC's mode needs ---- */

bool vmx_choose_controls(const struct vmx_capabilities *capabilities, enum vmx_apic_mode mode,
                         bool posted, bool shares_cpu, struct vmx_controls *out) {
    (void)capabilities;
    (void)mode;
    (void)shares_cpu;
    *out = (struct vmx_controls){.pin = posted ? PIN_PROCESS_POSTED_INTERRUPTS : 0};
    return true;
}

uint64_t msr_bitmap(enum vmx_apic_mode mode) {
    return mode;
}

bool vcpu_shares_cpu(const struct vcpu *vcpu) {
    (void)vcpu;
    return false;
}

/* The LAPICs stay where they are. */
void *vm_ram(const struct vm *vm, uint64_t guest, uint64_t size) {
    (void)vm;
    (void)guest;
    (void)size;
    return NULL;
}

void vm_kill(struct vm *vm, const char *fmt, ...) {
    (void)vm;
    world_violate(0, fmt);
}

/* ---- the VMCS ---- */

/* Invariant 2, strictly: the EOI-exit bit is set before RVI names a level interrupt. */
static void check_rvi(unsigned rvi) {
    const struct cpu_state *s = &world.now.vcpu[world.current];

    for (unsigned k = 0; k < MODEL_VECTORS; k++) {
        uint8_t vector = model_vector[k];

        if (vector <= rvi && state_pins_of(s->ref_waiting, k) &&
            !vector_set_has(&world.processor[world.current].exit_bitmap, vector))
            world_violate(2, "RVI names a level interrupt before its EOI-exit bit is set");
    }
}

void model_vmcs_write(uint64_t field, uint64_t value) {
    struct processor *processor = &world.processor[world.current];

    if (field >= VMCS_EOI_EXIT_BITMAP0 && field <= VMCS_EOI_EXIT_BITMAP3) {
        processor->exit_bitmap.word[(field - VMCS_EOI_EXIT_BITMAP0) / 2] = value;
    } else if (field == VMCS_GUEST_INTERRUPT_STATUS) {
        processor->rvi = (uint8_t)value;
        processor->svi = (uint8_t)(value >> 8);
        world_note_acceptance(world.current);
        check_rvi(value & 0xff);
    } else if (field == VMCS_PIN_BASED_CONTROLS) {
        world.posting[world.current] = value & PIN_PROCESS_POSTED_INTERRUPTS;
    } else if (field == VMCS_MSR_BITMAP) {
        world.access[world.current] = value & 7;
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

/* The vCPUs that must have accepted: all that the entry names, or one of them. */
static unsigned must_accept(unsigned pin) {
    unsigned named = state_targets(&world.now, pin);

    if (!world.now.pin[pin].lowest || !named)
        return named;
    unsigned chosen =
        1u << atomic_load_explicit(&world.vm.routing.lowest_priority_last, memory_order_relaxed);
    if (!(chosen & named))
        world_violate(14, "lowest priority chose a vCPU that the entry does not name");
    return chosen & named;
}

static void check_delivery(const struct pin_state *pin, uint64_t entry) {
    if (!world.locked)
        world_violate(0, "the I/O APIC delivers without the lock");
    if (pin->masked)
        world_violate(12, "delivered while masked");
    if (pin->level && (entry & RTE_REMOTE_IRR))
        world_violate(
            4,
            "Remote IRR is set before a LAPIC has accepted, or the pin delivers while it is set");
    if (pin->level && !(world.vm.routing.ioapic.line & 1u << (pin - world.now.pin)))
        world_violate(12, "a level is delivered although the line is inactive");
}

/* The vCPU may accept the interrupt at this moment, without the lock, unless it is handling its own
 * LDR write. */
static void check_announced(const struct cpu_state *s, unsigned k) {
    if (!(s->exit >> k & 1) && !s->outdated && s->phase != PHASE_RENAMED)
        world_violate(
            2, "delivered before its route was announced: it could be accepted without a scan");
}

static void reference_post(unsigned v, unsigned p, unsigned k) {
    struct cpu_state *s = &world.now.vcpu[v];

    if (world.now.pin[p].level) {
        s->ref_posted |= (1u << (2 * k + p)) & 63;
        check_announced(s, k);
    } else if (!(s->pir >> k & 1)) {
        world_violate(14, "an edge was posted and is not in the PIR");
    }
}

/* The entry may have changed in this move: first updates the state's copy. */
static void reference_delivery(const struct trace_record *record) {
    unsigned p = record->pin & 1, set;

    world_pack();
    check_delivery(&world.now.pin[p], world.vm.routing.ioapic.entry[p]);
    set = must_accept(p);
    world.delivered[p]++;
    world.accepted[p] += set != 0;
    if ((unsigned)__builtin_popcount(set) != record->b)
        world_violate(14, "not exactly the LAPICs that the entry names have accepted");
    for (unsigned v = 0; v < MODEL_VCPUS; v++) {
        if (set >> v & 1)
            reference_post(v, p, index_of(record->vector));
    }
}

void host_trace(unsigned guest, uint64_t what, uint64_t a, uint64_t b) {
    const struct trace_record record = {.what = what, .a = a, .b = b};

    (void)guest;
    if (world.trace)
        trace_add(world.trace, 0, what, a, b, true);
    if (record.event == TRACE_DELIVER)
        reference_delivery(&record);
}

void host_trace_each(unsigned guest, uint64_t what, uint64_t a, uint64_t b) {
    host_trace(guest, what, a, b);
}
