/* The I/O APIC: its registers behind IOREGSEL and IOWIN, and its redirection table.
 *
 * 82093AA data sheet, "Register Description". Index and data are two accesses: only one vCPU at a
 * time may use these functions. */
#pragma once
#include <stdint.h>

#include "arch/apic_registers.h"

/* Select a register; write the one that is selected. */
void ioapic_select(uint8_t index);
void ioapic_write_selected(uint32_t value);

uint32_t ioapic_read(uint8_t index);
void ioapic_write(uint8_t index, uint32_t value);

/* The registers of a pin's entry: the high half holds the destination, the low half the rest. */
uint8_t ioapic_low_half(uint8_t pin);
uint8_t ioapic_high_half(uint8_t pin);

/* A level-triggered, active-high, fixed entry for one vCPU by its APIC ID. */
uint64_t rte_level(uint8_t vector, uint8_t apic_id);

uint64_t ioapic_read_entry(uint8_t pin);

/* Both halves, so that no interrupt leaves by a mixture of old and new: masked first, then the high
 * half, then the low half as it shall be. */
void ioapic_write_entry(uint8_t pin, uint64_t entry);

/* Only the destination: one write to the high half, atomic in itself, also while in service. */
void ioapic_reroute(uint8_t pin, uint8_t apic_id);

/* One write to the low half. */
void ioapic_mask(uint8_t pin);

/* The level of the machine's interrupt line (Pinwheel's, and QEMU's pc-testdev): a port per pin. */
void line_set(uint8_t pin, uint8_t level);
