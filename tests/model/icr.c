/* Writes to the interrupt command register: see icr.h. The reference finds the LAPICs that are
 * named by the registers in the state, without destination.c. */
#include "tests/model/icr.h"

#include <string.h>

#include "arch/msr.h"
#include "tests/model/world.h"
#include "vmm/vcpu/virq.h"

static const uint32_t low_of[ICR_COUNT] = {
    [ICR_PHYSICAL] = 0,
    [ICR_LOGICAL] = APIC_ICR_LOGICAL,
    [ICR_OTHERS] = APIC_SHORTHAND_OTHERS << APIC_ICR_SHORTHAND_SHIFT,
    [ICR_ALL] = APIC_SHORTHAND_ALL << APIC_ICR_SHORTHAND_SHIFT,
    [ICR_INVALID] = APIC_SHORTHAND_SELF << APIC_ICR_SHORTHAND_SHIFT | APIC_DELIVERY_NMI
                                                                          << RTE_DELIVERY_SHIFT,
};

static unsigned destination_of(unsigned v, unsigned form) {
    return form == ICR_LOGICAL ? 1u << (v ^ 1) : v ^ 1;
}

/* The high half is written first. In xAPIC mode the processor stores both, and the write to the low
 * one exits; without "virtualize APIC accesses" both writes exit. */
void icr_write(unsigned v, unsigned form) {
    struct vcpu *vcpu = &world.vcpu[v];
    uint32_t low = low_of[form] | model_vector[0], high = destination_of(v, form) << 24;

    world.now.vcpu[v].phase = PHASE_OUT;
    if (world.now.vcpu[v].x2apic) {
        vlapic_write_msr(virq_lapic(vcpu), MSR_X2APIC_ICR,
                         low | (uint64_t)destination_of(v, form) << 32);
    } else if (world.access[v] == VMX_APIC_XAPIC) {
        apic_page_write(&world.page[v], APIC_ICR_HIGH, high);
        apic_page_write(&world.page[v], APIC_ICR_LOW, low);
        vlapic_written(virq_lapic(vcpu), APIC_ICR_LOW);
    } else {
        virq_apic_write(vcpu, APIC_ICR_HIGH, high);
        virq_apic_write(vcpu, APIC_ICR_LOW, low);
    }
}

/* ---- the reference ---- */

static unsigned must_accept(const struct state *state, unsigned v, unsigned form) {
    switch (form) {
    case ICR_PHYSICAL:
    case ICR_LOGICAL:
        return state_named(state, form == ICR_LOGICAL, destination_of(v, form));
    case ICR_OTHERS:
        return state_enabled(state) & ~(1u << v);
    case ICR_ALL:
        return state_enabled(state);
    default: /* an NMI to itself: not a valid combination */
        return 0;
    }
}

/* The vCPU that has sent it to itself, too, has accepted it at once. */
static void accept_own(struct cpu_state *s) {
    s->irr |= 1;
    s->tmr &= (unsigned)~1 & ALL_VECTORS;
    s->rvi = s->rvi ? s->rvi : 1;
}

/* Takes over how the vCPU is made to accept it; but something must. */
static void keep_notification(struct cpu_state *to, const struct cpu_state *from, bool named) {
    if (named && !from->requests && !from->posters && !from->on)
        world_violate(0, "an IPI is in the inbox, and its vCPU is not notified");
    if (!named)
        return;
    to->requests = from->requests;
    to->kick = from->kick;
    to->posters = from->posters;
}

void icr_check(const struct state *before, const struct state *after, const struct move *move) {
    unsigned set = must_accept(before, move->who, move->argument), other = move->who ^ 1u;
    struct state expected = *before;

    expected.vcpu[move->who].phase = PHASE_OUT;
    if (set >> move->who & 1)
        accept_own(&expected.vcpu[move->who]);
    if (set >> other & 1)
        expected.vcpu[other].pir |= 1;
    keep_notification(&expected.vcpu[other], &after->vcpu[other], set >> other & 1);
    expected.left = after->left;
    if (memcmp(&expected, after, sizeof(expected)) != 0)
        world_violate(14, "not exactly the LAPICs that an IPI names have accepted it");
}
