/* The local APIC, its inbox, its tokens and the scan: any sequence of accesses to any register in
 * any mode, of what others post, of EOI exits, scans and resets.
 * Assumed: nothing of a guest. What vlapic.c asks of the other modules may change any word of the
 * page: more than they do. */
#include "vmm/interrupts/vlapic.h"

#include "tests/analysis/any.h"
#include "tests/untraced.h"
#include "vmm/interrupts/vlapic_internal.h"

static struct apic_page page;

static void change_page(void) {
    if (any_bool())
        page.word[any_below(1024)] = (uint32_t)any();
}

static void send(void *context, const struct apic_message *message, enum apic_shorthand shorthand) {
    (void)context;
    (void)shorthand;
    claim(message->delivery_mode <= 7);
    change_page();
}

static void changed(void *context) {
    (void)context;
    change_page();
}

static void eoi_exit(void *context, uint8_t vector) {
    (void)context;
    (void)vector;
    change_page();
}

static void timer_changed(void *context, uint32_t offset) {
    (void)context;
    (void)offset;
}

static uint32_t timer_current(void *context) {
    (void)context;
    return (uint32_t)any();
}

static void identity_changes(void *context, const struct apic_identity *next) {
    claim(next->mode <= APIC_MODE_X2APIC);
    changed(context);
}

static const struct vlapic_effects effects = {
    .send = send,
    .identity_changes = identity_changes,
    .identity_changed = changed,
    .access_changed = changed,
    .eoi_exit = eoi_exit,
    .timer_changed = timer_changed,
    .timer_current = timer_current,
    .trace = untraced,
};

static void access(struct vlapic *apic) {
    uint64_t value;

    switch (any_below(6)) {
    case 0:
        vlapic_read(apic, (uint32_t)any());
        break;
    case 1:
        vlapic_write(apic, (uint32_t)any(), (uint32_t)any());
        break;
    case 2:
        vlapic_written(apic, (uint32_t)any());
        break;
    case 3:
        vlapic_read_msr(apic, (uint32_t)any(), &value);
        break;
    case 4:
        vlapic_write_msr(apic, (uint32_t)any(), any());
        break;
    default:
        vlapic_write_base(apic, any());
    }
}

static void interrupt(struct vlapic *apic) {
    uint32_t pins;
    bool rescan;

    switch (any_below(9)) {
    case 0:
        vlapic_post(apic, (uint8_t)any(), any_bool(), (unsigned)any());
        break;
    case 1:
        vlapic_sync(apic);
        break;
    case 2:
        vlapic_accept_own(apic, (uint8_t)any());
        break;
    case 3:
        vlapic_local_interrupt(apic, APIC_LVT_TIMER + 16 * any_below(6));
        break;
    case 4:
        vlapic_eoi(apic);
        break;
    case 5:
        vlapic_eoi_exit(apic, (uint8_t)any(), &pins, &rescan);
        break;
    case 6:
        vlapic_deliver(apic);
        break;
    case 7:
        vlapic_tpr_threshold(apic);
        break;
    default:
        vlapic_clear_ended_levels(apic);
    }
}

static void scan(struct vlapic *apic) {
    struct eoi_map changed_bits;
    uint64_t entry[IOAPIC_PIN_COUNT];

    for (unsigned pin = 0; pin < IOAPIC_PIN_COUNT; pin++)
        entry[pin] = any();
    eoi_map_scan(&apic->map, entry, &apic->identity, &apic->tokens.inflight, &changed_bits);
    vector_set_highest(&apic->map.stale);
    vector_set_equal(&apic->map.stale, &apic->map.exit);
    vector_set_is_empty(&apic->map.stale);
    destination_matches(&apic->identity, (uint32_t)any(), any_bool(), any_bool());
}

int main(void) {
    struct vlapic apic = {
        .page = &page,
        .initial_id = (uint32_t)any(),
        .physical_address_mask = any(),
        .x2apic_offered = any_bool(),
        .broadcast_suppression = any_bool(),
        .effects = &effects,
    };

    vlapic_power_on(&apic, any_bool());
    while (any_bool()) {
        if (any_bool())
            access(&apic);
        if (any_bool())
            interrupt(&apic);
        if (any_bool())
            scan(&apic);
        if (any_bool())
            vlapic_init(&apic);
    }
    return 0;
}
