/* The soak's noise: IPIs with the inputs' own vectors, from any vCPU to any.
 *
 * An IPI and a level-triggered interrupt with the same vector merge in IRR into one interrupt, and
 * a handler cannot tell them apart. If handlers always served the device, an IPI could replace a
 * lost level-triggered interrupt and the soak would not notice. So at most one IPI per vector is on
 * its way to each vCPU, and while it is, handlers there do not serve the device: its line stays
 * active, and the I/O APIC must interrupt again after the EOI. */
#include "guest/lib/apic.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/soak/soak.h"

enum state { NONE, BEING_SENT, SENT };

static struct {
    _Atomic uint32_t state;
    atomic_uint sent;
} noise[SLOTS][VCPUS];

void noise_send(struct random *random) {
    uint32_t slot = random_below(random, SLOTS), cpu = random_below(random, VCPUS);
    uint32_t none = NONE;
    uint64_t flags = interrupts_save();
    if (atomic_compare_exchange_strong(&noise[slot][cpu].state, &none, BEING_SENT)) {
        count(&tally.noise);
        count(&noise[slot][cpu].sent);
        apic_send_ipi(cpu, vector_of(slot));
        atomic_store(&noise[slot][cpu].state, SENT);
    }
    interrupts_restore(flags);
}

/* An IPI that was sent is this interrupt, or merged with it, unless it is still in IRR. CPUID
 * causes a VM exit, at which the hypervisor accepts what other vCPUs have posted. */
bool noise_explains(uint32_t slot) {
    _Atomic uint32_t *state = &noise[slot][cpu_self()->index].state;
    uint32_t now = atomic_load(state);
    if (now == NONE)
        return false;
    cpuid(0, 0);
    if (now == SENT && !apic_vector_bit(APIC_IRR, vector_of(slot)))
        atomic_store(state, NONE);
    return true;
}

uint32_t noise_sent(uint32_t slot, uint32_t cpu) {
    return atomic_load(&noise[slot][cpu].sent);
}
