/* This vCPU's local APIC, with the same functions for xAPIC and x2APIC mode.
 *
 * SDM Vol. 3A, "Local APIC" and "Extended XAPIC (x2APIC)". A register is named by its offset in the
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
#define APIC_DIVIDE_BY_1     0x0b /* of the timer's divide configuration register */
#define APIC_DIVIDE_BY_128   0x0a
#define APIC_DFR_FLAT        0xffffffffu
#define APIC_DFR_CLUSTER     0x0fffffffu

/* Whether CPUID offers x2APIC mode; whether it offers the timer's TSC-deadline mode. */
bool apic_has_x2apic(void);
bool apic_has_tsc_deadline(void);

/* Selects the mode of all vCPUs and enables this vCPU's APIC, with all LVT entries masked and TPR
 * 0. Cannot go back from x2APIC to xAPIC mode. False: the mode is not offered, nothing changed. */
bool apic_init(bool x2apic);

/* Calls apic_init() with the mode that the command line names: `xapic` or `x2apic`; by default
 * x2APIC mode if CPUID offers it. If `x2apic` is not offered, the guest's whole test is skipped. */
void apic_init_by_command_line(void);

/* Enables this vCPU's APIC in the mode that apic_init() selected; cpu_serve() calls it on the other
 * vCPUs. */
void apic_enable(void);

/* Software-disables this vCPU's APIC, and enables it again, by SVR. */
void apic_software_disable(void);
void apic_software_enable(void);

/* Sets this vCPU's logical ID to the one that it has in x2APIC mode: bit `index` of cluster 0. */
void apic_set_logical_id(void);

extern bool apic_x2apic_mode; /* set by apic_init() */

static inline volatile uint32_t *apic_register(uint32_t reg) {
    return (volatile uint32_t *)(APIC_DEFAULT_BASE + reg);
}

static inline uint32_t apic_msr(uint32_t reg) {
    return MSR_X2APIC_BASE + (reg >> 4);
}

uint32_t apic_read(uint32_t reg);

/* Inline, like the EOI, because benchmarks measure single instructions. */
static inline void apic_write(uint32_t reg, uint32_t value) {
    if (apic_x2apic_mode)
        wrmsr(apic_msr(reg), value);
    else
        *apic_register(reg) = value;
}

static inline void apic_eoi(void) {
    apic_write(APIC_EOI, 0);
}

/* Writes the ICR: `command` is its low half, `destination` a physical or logical destination, which
 * a shorthand ignores. In xAPIC mode it waits, bounded, until the delivery status is idle. */
void apic_send(uint32_t destination, uint32_t command);

/* Fixed interrupts, NMIs, INITs and SIPIs for one APIC ID. A SIPI's page is below 1 MiB. */
static inline void apic_send_ipi(uint32_t apic_id, uint8_t vector) {
    apic_send(apic_id, (uint32_t)APIC_ICR_ASSERT | vector);
}

static inline void apic_send_nmi(uint32_t apic_id) {
    apic_send(apic_id, (uint32_t)APIC_ICR_ASSERT | APIC_DELIVERY_NMI << 8);
}

static inline void apic_send_init(uint32_t apic_id) {
    apic_send(apic_id, (uint32_t)APIC_ICR_ASSERT | APIC_DELIVERY_INIT << 8);
}

static inline void apic_send_sipi(uint32_t apic_id, uint32_t page) {
    apic_send(apic_id, (uint32_t)APIC_ICR_ASSERT | APIC_DELIVERY_SIPI << 8 | page >> 12);
}

/* Sends an IPI to this vCPU by one register access: the self-IPI register in x2APIC mode, the ICR
 * with the self shorthand in xAPIC mode. */
void apic_self_ipi(uint8_t vector);

/* The bit of a vector in one of the 256-bit registers APIC_ISR, APIC_TMR, APIC_IRR. */
bool apic_vector_bit(uint32_t reg, uint8_t vector);

/* Whether IRR and ISR are empty; whether the register APIC_ISR, APIC_TMR or APIC_IRR is. */
bool apic_is_idle(void);
bool apic_vectors_empty(uint32_t reg);

/* Reads the ESR. A write comes first: it latches the errors since the previous write. */
uint32_t apic_errors(void);
