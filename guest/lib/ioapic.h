/* The I/O APIC: its registers, through IOREGSEL and IOWIN, and its redirection table.
 *
 * 82093AA data sheet, "Register Description". An access takes two steps, index and data: only one
 * vCPU at a time may use these functions. */
#pragma once
#include <stdint.h>

#include "arch/apic_registers.h"

/* Selects a register; writes the selected register. */
void ioapic_select(uint8_t index);
void ioapic_write_selected(uint32_t value);

uint32_t ioapic_read(uint8_t index);
void ioapic_write(uint8_t index, uint32_t value);

/* The two registers of a pin's entry: the destination is in the high half, all else in the low. */
uint8_t ioapic_low_half(uint8_t pin);
uint8_t ioapic_high_half(uint8_t pin);

/* A level-triggered, active-high, fixed entry for one vCPU by its APIC ID. */
uint64_t rte_level(uint8_t vector, uint8_t apic_id);

uint64_t ioapic_read_entry(uint8_t pin);

/* Writes both halves so that no interrupt is sent by a mixture of old and new: masks the entry,
 * then writes the high half, then the low half. */
void ioapic_write_entry(uint8_t pin, uint64_t entry);

/* Changes only the destination, by one write to the high half. The pin is not masked for it. */
void ioapic_reroute(uint8_t pin, uint8_t apic_id);

/* Masks the pin, by one write to the low half. */
void ioapic_mask(uint8_t pin);

/* Sets the level of a pin's interrupt line, by the port that Pinwheel and QEMU's pc-testdev have
 * for each pin. */
void line_set(uint8_t pin, uint8_t level);
