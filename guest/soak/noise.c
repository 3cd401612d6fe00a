/* The soak's noise: IPIs on the inputs' own vectors, from any vCPU to any.
 *
 * An IPI that meets a level interrupt of the same vector in the IRR becomes one interrupt with it,
 * and a handler cannot tell. If it gave the device service whenever it ran, an IPI could make up
 * for a level interrupt that was lost, and the soak would not see it. So at most one IPI is on its
 * way to each vCPU on each vector, and while it is, handlers there leave the device alone: its line
 * stays up, and after the EOI the I/O APIC has to interrupt again. */
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
        apic_send(cpu, (uint32_t)APIC_ICR_ASSERT | vector_of(slot));
        atomic_store(&noise[slot][cpu].state, SENT);
    }
    interrupts_restore(flags);
}

/* An IPI that is sent is this interrupt or a part of it, unless it is still in the IRR. CPUID makes
 * a hypervisor look at what others have posted. */
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
