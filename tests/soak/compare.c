/* Compares the production structures with the reference: see machine.h. */
#include <stddef.h>
#include <string.h>

#include "tests/soak/machine.h"

static void set_bits(uint32_t *word, const bool *set) {
    for (unsigned v = 0; v < REFERENCE_VECTORS; v++)
        word[v / 32] |= (uint32_t)set[v] << v % 32;
}

static bool bank_differs(const struct apic_page *page, uint32_t bank, const bool *set) {
    uint32_t expected[8] = {0};
    uint32_t difference = 0;

    set_bits(expected, set);
    for (unsigned i = 0; i < 8; i++)
        difference |= expected[i] ^ apic_page_read(page, bank + 16 * i);
    return difference != 0;
}

static const char *compare_inbox(const struct inbox *inbox, const struct reference_cpu *cpu) {
    uint64_t difference = 0;

    for (unsigned v = 0; v < REFERENCE_VECTORS; v++) {
        uint64_t posted = v < APIC_FIRST_LEGAL_VECTOR ? inbox->level[0] : inbox->pir[v / 64];
        difference |= (posted >> v % 64 & 1) ^ (uint64_t)cpu->edge[v];
    }
    if (difference || (inbox->pir[0] & ((1 << APIC_FIRST_LEGAL_VECTOR) - 1)))
        return "the posted edges differ from the reference";
    for (unsigned v = 0; v < REFERENCE_VECTORS; v++)
        difference |= inbox->posted_pins[v] ^ cpu->posted[v];
    return difference ? "the posted level interrupts differ from the reference (invariant 7)"
                      : NULL;
}

/* The tokens of the instance whose EOI comes next, and of the one behind it. */
static const char *compare_tokens(const struct tokens *tokens, const struct reference_cpu *cpu) {
    uint32_t difference = 0;

    for (unsigned v = 0; v < REFERENCE_VECTORS; v++) {
        uint32_t front = cpu->isr[v] ? cpu->served[v] : cpu->waiting[v];
        uint32_t behind = cpu->isr[v] ? cpu->waiting[v] : 0;
        difference |= (tokens->front[v] ^ front) | (tokens->behind[v] ^ behind);
    }
    return difference ? "the tokens are not what is owed (invariants 5, 9 and 16)" : NULL;
}

static const char *compare_cpu(const struct soak_machine *it, unsigned i) {
    const struct vlapic *apic = &it->world.routing.vcpu[i].apic;
    const struct reference_cpu *cpu = &it->reference.cpu[i];
    const char *what = compare_inbox(&apic->inbox, cpu);

    if (!what)
        what = compare_tokens(&apic->tokens, cpu);
    if (what)
        return what;
    if (bank_differs(apic->page, APIC_IRR, cpu->irr))
        return "the IRR differs from the reference";
    if (bank_differs(apic->page, APIC_ISR, cpu->isr))
        return "the ISR differs from the reference";
    if (bank_differs(apic->page, APIC_TMR, cpu->tmr))
        return "the TMR differs from the reference (invariant 24)";
    if (memcmp(it->world.signals[i], cpu->signals, sizeof(cpu->signals)) != 0)
        return "NMIs, SMIs, INITs or ExtINTs differ from the reference";
    return NULL;
}

/* In guest mode, with work to do, and nobody has ended its stay there. */
static bool is_forgotten(const struct world *world, unsigned i) {
    const struct routing_vcpu *vcpu = &world->routing.vcpu[i];

    return world->in_guest[i] && !(world->notified >> i & 1) &&
           (vcpu->seen != vcpu->generation || !inbox_is_empty(&vcpu->apic.inbox));
}

static const char *compare_pin(const struct soak_machine *it, unsigned p) {
    const struct vioapic *io = &it->world.routing.ioapic;
    const struct reference_pin *pin = &it->reference.pin[p];
    uint64_t entry = pin->entry | (pin->remote_irr ? RTE_REMOTE_IRR : 0);

    if ((io->entry[p] ^ entry) & RTE_REMOTE_IRR)
        return "Remote IRR differs from the reference (invariants 4, 5, 10 to 12)";
    if (io->entry[p] != entry)
        return "an entry differs from the reference";
    if ((io->line >> p & 1) != pin->line || (io->edge_pending >> p & 1) != pin->edge)
        return "a pending edge differs from the reference (invariants 12 and 23)";
    if ((io->deferred >> p & 1) != pin->deferred)
        return "storm control differs from the reference (invariant 22)";
    return NULL;
}

void soak_compare(struct soak_machine *it) {
    const char *what = NULL;

    for (unsigned i = 0; i < it->reference.cpus && !what; i++)
        what = is_forgotten(&it->world, i) ? "work to do, and no kick (invariant 2)"
                                           : compare_cpu(it, i);
    for (unsigned p = 0; p < REFERENCE_PINS && !what; p++)
        what = compare_pin(it, p);
    if (!it->violation)
        it->violation = what;
}
