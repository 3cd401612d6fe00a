/* Shared by the files of the virtual local APIC only: vlapic.c (reset, modes, acceptance),
 * vlapic_eoi.c (delivery in software, EOI), vlapic_registers.c (reads and writes), vlapic_icr.c
 * (sending). Pure. */
#pragma once
#include "vmm/interrupts/vlapic.h"

#define LVT_VECTOR(value) ((uint8_t)(value))

/* vCPU i has APIC ID i. That the effect leaves the LAPIC as it is is taken for granted by the
 * proofs. */
/*@ assigns \nothing; */
static inline void vlapic_trace(struct vlapic *apic, enum trace_event event, uint8_t vector,
                                uint64_t a, uint64_t b) {
    apic->effects->trace(apic->context, trace_what(event, apic->initial_id, vector, TRACE_NO_PIN),
                         a, b);
}

/* Call it after a write to a register that the identity depends on. */
void vlapic_update_identity(struct vlapic *apic);

static inline void vlapic_store_identity(struct vlapic *apic, struct apic_identity identity) {
    apic->effects->identity_changes(apic->context, &identity);
    apic_identity_store(&apic->identity, identity);
}

/* Traces a write to a register that decides which destinations match (TRACE_REGISTER), before the
 * write has its effects. */
void vlapic_trace_register(struct vlapic *apic, uint32_t which, uint64_t value);

/* Sets the processor-priority register from TPR and ISR. SDM Vol. 3A, "Task and Processor
 * Priorities". */
void vlapic_update_ppr(struct vlapic *apic);

/* Records an error, one bit of the ESR, and raises the LVT error interrupt if the bit is new. */
void vlapic_error(struct vlapic *apic, uint32_t esr_bit);

/* Sends the IPI that was written to the ICR: the register's low half, the destination, and whether
 * that has 32 bits (x2APIC mode); or a self-IPI. */
void vlapic_send_icr(struct vlapic *apic, uint32_t low, uint32_t destination, bool wide);
void vlapic_send_self(struct vlapic *apic, uint8_t vector);
