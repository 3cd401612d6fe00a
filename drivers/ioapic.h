/* The machine's I/O APICs: Pinwheel masks their pins and does not use them. A guest's I/O APIC is
 * in vmm/interrupts/vioapic.h. 82093AA data sheet. */
#pragma once
#include <stdint.h>

#define IOAPIC_DEFAULT_BASE 0xfec00000ULL
#define IOAPIC_SIZE         0x14 /* bytes: the index and the data register */

/* Masks all pins of an I/O APIC whose registers are mapped, uncached, at `registers`, except those
 * that send an SMI: they are the firmware's. A pin that the firmware left unmasked, level-triggered
 * and active would interrupt again and again. */
void ioapic_mask(volatile uint32_t *registers);
