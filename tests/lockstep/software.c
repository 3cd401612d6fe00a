/* Delivery in software, in lock-step: see software.h. */
#include "tests/lockstep/software.h"

#include "arch/msr.h"
#include "arch/vmx/exit_reason.h"

static void violate(struct world *world, const char *what) {
    if (!world->violation)
        world->violation = what;
}

bool software_may_write(const struct trace_record *exit) {
    return exit->vector == EXIT_REASON_WRMSR || exit->vector == EXIT_REASON_EPT_VIOLATION;
}

/* Whether this record of the vCPU says that the exit's instruction was no silent EOI. */
static bool is_other_work(const struct trace_record *record) {
    return record->event == TRACE_REGISTER || record->event == TRACE_EOI_LIVE ||
           record->event == TRACE_EOI_STALE || record->event == TRACE_EOI_COINCIDENTAL;
}

bool software_is_silent_eoi(const struct log *log, const struct logged *exit,
                            const struct apic_page *page) {
    int svi = apic_page_highest(page, APIC_ISR), rvi = apic_page_highest(page, APIC_IRR);
    const struct logged *next = exit;

    if (svi < 0 || !software_may_write(&exit->record))
        return false;
    while ((next = log_next(log, next))) {
        const struct trace_record *record = &next->record;
        if (record->vcpu != exit->record.vcpu)
            continue;
        if (is_other_work(record))
            return false;
        if (record->event == TRACE_EXIT)
            break;
        if ((record->event == TRACE_ACCEPT_EDGE || record->event == TRACE_ACCEPT_LEVEL) &&
            record->vector > rvi)
            rvi = record->vector;
    }
    if (!next)
        return false;
    if (rvi >= 0 && (int)(next->record.a & 0xff) < rvi) /* injected */
        return rvi >> 4 <= svi >> 4;
    return (int)(next->record.a >> 8 & 0xff) != svi;
}

/* ---- production, compared with the processor ---- */

static struct processor *processor_of(struct world *world, unsigned vcpu) {
    struct processor *processor = &world->processor[vcpu];

    processor_set_status(processor);
    processor_update_ppr(processor);
    return processor;
}

static unsigned eois(const struct world *world) {
    return world->traced[TRACE_EOI_LIVE] + world->traced[TRACE_EOI_STALE] +
           world->traced[TRACE_EOI_COINCIDENTAL];
}

bool software_eoi(struct world *world, unsigned vcpu) {
    struct vlapic *apic = routing_vlapic(&world->routing, vcpu);
    uint8_t vector = processor_of(world, vcpu)->svi;
    uint32_t owed = owed_eoi(&world->owed[vcpu], vector);
    unsigned before = eois(world);

    world->in_guest[vcpu] = false;
    if (apic->identity.mode == APIC_MODE_X2APIC)
        vlapic_write_msr(apic, MSR_X2APIC_BASE + APIC_EOI / 16, 0);
    else
        vlapic_write(apic, APIC_EOI, 0);
    bool sent = eois(world) != before;
    if (apic_page_has(apic->page, APIC_ISR, vector))
        violate(world, "an EOI leaves its vector in the ISR");
    if (sent != world_exits(world, vcpu, vector))
        violate(world, "an EOI is sent on to the I/O APIC or not, against its EOI-exit bit");
    if (!sent && owed)
        violate(world, "invariant 1: the EOI of a level interrupt was lost");
    if (sent && world->retired != owed)
        violate(world, "invariant 5: an EOI retired other pins than those it was owed to");
    world->eoi_exits[vcpu][vector] += sent;
    return sent;
}

bool software_waits(struct world *world, unsigned vcpu) {
    const struct processor *processor = processor_of(world, vcpu);

    return processor_recognizes(processor->rvi, apic_page_read(processor->page, APIC_PPR));
}

int software_deliver(struct world *world, unsigned vcpu) {
    int expected = software_waits(world, vcpu) ? world->processor[vcpu].rvi : -1;
    int vector = vlapic_deliver(routing_vlapic(&world->routing, vcpu));

    if (vector != expected)
        violate(world, "another vector is injected than the processor would deliver");
    if (vector < 0)
        return -1;
    if (world->owed[vcpu].waiting[vector] && !world_exits(world, vcpu, (uint8_t)vector))
        violate(world, "invariant 2: delivered before its EOI-exit bit was set");
    owed_deliver(&world->owed[vcpu], (uint8_t)vector);
    return vector;
}
