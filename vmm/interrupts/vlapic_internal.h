/* What the files of the virtual local APIC share: vlapic.c (reset, modes, acceptance, EOI),
 * vlapic_registers.c (reads and writes), vlapic_icr.c (sending). For these only; pure. */
#pragma once
#include "vmm/interrupts/vlapic.h"

#define LVT_VECTOR(value) ((uint8_t)(value))

/* After a write to a register that the identity depends on. */
void vlapic_update_identity(struct vlapic *apic);

/* For the trace: a write to what this LAPIC answers to (TRACE_REGISTER), before it is carried out.
 */
void vlapic_trace_register(struct vlapic *apic, uint32_t which, uint64_t value);

/* Sets the processor-priority register from TPR and ISR. SDM Vol. 3A, "Task and Processor
 * Priorities". */
void vlapic_update_ppr(struct vlapic *apic);

/* Gathers an error, one bit of the ESR, and raises the LVT error interrupt if that is new. */
void vlapic_error(struct vlapic *apic, uint32_t esr_bit);

/* Sends what was written to the ICR: its low half, its destination, which is wide in x2APIC mode;
 * or the self-IPI of this vector. */
void vlapic_send_icr(struct vlapic *apic, uint32_t low, uint32_t destination, bool wide);
void vlapic_send_self(struct vlapic *apic, uint8_t vector);
