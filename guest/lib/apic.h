/* This vCPU's local APIC, in xAPIC or x2APIC mode, behind one set of functions.
 *
 * SDM Vol. 3A, "Local APIC" and "Extended XAPIC (x2APIC)". Registers go by the offsets of the
 * memory-mapped page (APIC_TPR and so on, arch/apic_registers.h) in both modes; the ICR and the
 * self-IPI differ between the modes and have functions of their own. All vCPUs of a guest use the
 * same mode. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "arch/apic_registers.h"
#include "arch/msr.h"
#include "guest/lib/instructions.h"

#define APIC_SPURIOUS_VECTOR 0xff

/* Whether CPUID offers x2APIC mode. */
bool apic_has_x2apic(void);

/* Chooses the mode of all vCPUs and enables this one's APIC, all LVT entries masked, TPR 0. Going
 * from x2APIC back to xAPIC mode is not for here. False: the mode is not offered, nothing changed.
 */
bool apic_init(bool x2apic);

/* Enables this vCPU's APIC in the mode that apic_init() chose; cpu_serve() does it for the others.
 */
void apic_enable(void);

extern bool apic_x2apic_mode; /* chosen by apic_init() */

static inline volatile uint32_t *apic_register(uint32_t reg) {
    return (volatile uint32_t *)(APIC_DEFAULT_BASE + reg);
}

static inline uint32_t apic_msr(uint32_t reg) {
    return MSR_X2APIC_BASE + (reg >> 4);
}

uint32_t apic_read(uint32_t reg);

/* Inline, like the EOI, because benchmarks count what surrounds the one instruction. */
static inline void apic_write(uint32_t reg, uint32_t value) {
    if (apic_x2apic_mode)
        wrmsr(apic_msr(reg), value);
    else
        *apic_register(reg) = value;
}

static inline void apic_eoi(void) {
    apic_write(APIC_EOI, 0);
}

/* Sends an IPI: the low half of the ICR, and a physical or logical destination (not used with a
 * shorthand). Waits, bounded, until an xAPIC has taken it. */
void apic_send(uint32_t destination, uint32_t command);

/* An IPI to this vCPU by the shortest way: the self-IPI register, or the shorthand in xAPIC mode.
 */
void apic_self_ipi(uint8_t vector);

/* The bit of a vector in one of the 256-bit registers APIC_ISR, APIC_TMR, APIC_IRR. */
bool apic_vector_bit(uint32_t reg, uint8_t vector);

/* Whether the whole 256-bit register is zero. */
bool apic_vectors_empty(uint32_t reg);

/* ESR: a write latches what came since the last one; then it can be read. */
uint32_t apic_errors(void);
