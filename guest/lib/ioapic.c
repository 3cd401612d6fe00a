/* The I/O APIC: see ioapic.h. */
#include "guest/lib/ioapic.h"

#include "guest/lib/instructions.h"

#define LINE_PORT 0x2000 /* plus pin */

static volatile uint32_t *mapped(uint32_t offset) {
    return (volatile uint32_t *)(IOAPIC_DEFAULT_BASE + offset);
}

uint8_t ioapic_low_half(uint8_t pin) {
    return (uint8_t)(IOAPIC_REG_ENTRY + 2 * pin);
}

uint8_t ioapic_high_half(uint8_t pin) {
    return (uint8_t)(ioapic_low_half(pin) + 1);
}

void ioapic_select(uint8_t index) {
    *mapped(IOAPIC_INDEX) = index;
}

void ioapic_write_selected(uint32_t value) {
    *mapped(IOAPIC_DATA) = value;
}

uint32_t ioapic_read(uint8_t index) {
    ioapic_select(index);
    return *mapped(IOAPIC_DATA);
}

void ioapic_write(uint8_t index, uint32_t value) {
    ioapic_select(index);
    ioapic_write_selected(value);
}

uint64_t rte_level(uint8_t vector, uint8_t apic_id) {
    return RTE_LEVEL | (uint64_t)apic_id << RTE_DESTINATION_SHIFT | vector;
}

uint64_t ioapic_read_entry(uint8_t pin) {
    return (uint64_t)ioapic_read(ioapic_high_half(pin)) << 32 | ioapic_read(ioapic_low_half(pin));
}

void ioapic_write_entry(uint8_t pin, uint64_t entry) {
    ioapic_mask(pin);
    ioapic_write(ioapic_high_half(pin), (uint32_t)(entry >> 32));
    ioapic_write(ioapic_low_half(pin), (uint32_t)entry);
}

void ioapic_reroute(uint8_t pin, uint8_t apic_id) {
    ioapic_write(ioapic_high_half(pin), (uint32_t)apic_id << (RTE_DESTINATION_SHIFT - 32));
}

void ioapic_mask(uint8_t pin) {
    ioapic_write(ioapic_low_half(pin), ioapic_read(ioapic_low_half(pin)) | (uint32_t)RTE_MASKED);
}

void line_set(uint8_t pin, uint8_t level) {
    outb((uint16_t)(LINE_PORT + pin), level);
}
