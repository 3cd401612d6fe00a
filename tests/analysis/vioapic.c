/* The I/O APIC: any sequence of accesses to its page, of lines, EOIs, retries and releases, with
 * either version.
 * Assumed: nothing. LAPICs accept or do not accept as they like. */
#include "vmm/interrupts/vioapic.h"

#include "tests/analysis/any.h"
#include "tests/untraced.h"

static unsigned deliver(void *context, unsigned pin, const struct apic_message *message) {
    (void)context;
    claim(pin < IOAPIC_PIN_COUNT && message->delivery_mode <= 7);
    return (unsigned)any();
}

static void reroute(void *context, uint64_t old_entry, uint64_t new_entry) {
    (void)context;
    (void)old_entry;
    (void)new_entry;
}

static const struct vioapic_effects effects = {deliver, reroute, untraced};

int main(void) {
    struct vioapic io = {.effects = &effects};

    vioapic_reset(&io, any_bool() ? 0x11 : 0x20);
    while (any_bool()) {
        switch (any_below(6)) {
        case 0:
            vioapic_read(&io, (uint32_t)any(), (unsigned)any());
            break;
        case 1:
            vioapic_write(&io, (uint32_t)any(), (unsigned)any(), (uint32_t)any());
            break;
        case 2:
            vioapic_set_line(&io, (unsigned)any(), any_bool());
            break;
        case 3:
            vioapic_eoi(&io, (uint8_t)any(), (uint32_t)any());
            break;
        case 4:
            vioapic_retry(&io);
            break;
        default:
            vioapic_release(&io);
        }
    }
    return 0;
}
