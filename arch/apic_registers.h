/* The registers of the local APIC and of the I/O APIC, and their bits.
 *
 * The offsets are those in the memory-mapped page; in x2APIC mode the register at an offset is MSR
 * 800H + offset / 16. Pure: numbers only. SDM Vol. 3A, "Local APIC Register Address Map"; 82093AA
 * data sheet. Read next: drivers/lapic.h for the machine's own APIC, vmm/interrupts/vlapic.h for a
 * guest's. */
#pragma once
#include <stdint.h>

#define APIC_DEFAULT_BASE               0xfee00000ULL

#define APIC_ID                         0x020
#define APIC_VERSION                    0x030
#define APIC_TPR                        0x080
#define APIC_APR                        0x090
#define APIC_PPR                        0x0a0
#define APIC_EOI                        0x0b0
#define APIC_RRD                        0x0c0
#define APIC_LDR                        0x0d0
#define APIC_DFR                        0x0e0
#define APIC_SVR                        0x0f0
#define APIC_ISR                        0x100 /* eight registers, 16 bytes apart */
#define APIC_TMR                        0x180
#define APIC_IRR                        0x200
#define APIC_ESR                        0x280
#define APIC_LVT_CMCI                   0x2f0
#define APIC_ICR_LOW                    0x300
#define APIC_ICR_HIGH                   0x310
#define APIC_LVT_TIMER                  0x320
#define APIC_LVT_THERMAL                0x330
#define APIC_LVT_THERMAL_NUMBER         5 /* it exists if there are more LVT entries */
#define APIC_LVT_PERFORMANCE            0x340
#define APIC_LVT_LINT0                  0x350
#define APIC_LVT_LINT1                  0x360
#define APIC_LVT_ERROR                  0x370
#define APIC_TIMER_INITIAL              0x380
#define APIC_TIMER_CURRENT              0x390
#define APIC_TIMER_DIVIDE               0x3e0
#define APIC_SELF_IPI                   0x3f0 /* x2APIC only */

#define APIC_SVR_ENABLE                 0x100
#define APIC_SVR_SUPPRESS_EOI_BROADCAST 0x1000
#define APIC_LVT_MASKED                 0x10000
#define APIC_LVT_TIMER_PERIODIC         0x20000
#define APIC_LVT_TIMER_TSC_DEADLINE     0x40000
#define APIC_TIMER_DIVIDE_BY_1          0xb

/* Vectors 0 to 15 are illegal in a fixed or lowest-priority interrupt. */
#define APIC_FIRST_LEGAL_VECTOR 16

/* ESR bits: SDM Vol. 3A, "Error Status Register (ESR)". */
#define APIC_ESR_SEND_ILLEGAL_VECTOR    0x20
#define APIC_ESR_RECEIVE_ILLEGAL_VECTOR 0x40
#define APIC_ESR_ILLEGAL_REGISTER       0x80

/* Delivery modes: bits 10:8 of the ICR, of an LVT entry and of a redirection table entry. */
enum apic_delivery_mode {
    APIC_DELIVERY_FIXED = 0,
    APIC_DELIVERY_LOWEST_PRIORITY = 1,
    APIC_DELIVERY_SMI = 2,
    APIC_DELIVERY_NMI = 4,
    APIC_DELIVERY_INIT = 5,
    APIC_DELIVERY_SIPI = 6,
    APIC_DELIVERY_EXTINT = 7,
};

#define APIC_ICR_LOGICAL         (1ULL << 11)
#define APIC_ICR_PENDING         (1ULL << 12)
#define APIC_ICR_ASSERT          (1ULL << 14)
#define APIC_ICR_LEVEL           (1ULL << 15)
#define APIC_ICR_SHORTHAND_SHIFT 18
#define APIC_ICR_SELF            (1ULL << 18)
#define APIC_ICR_ALL             (2ULL << 18)
#define APIC_ICR_OTHERS          (3ULL << 18)

/* I/O APIC: 82093AA data sheet, "Register Description". */
#define IOAPIC_DEFAULT_BASE    0xfec00000ULL
#define IOAPIC_PIN_COUNT       24
#define IOAPIC_INDEX           0x00 /* IOREGSEL */
#define IOAPIC_DATA            0x10 /* IOWIN */
#define IOAPIC_EOI             0x40 /* version 20H and later */
#define IOAPIC_REG_ID          0x00
#define IOAPIC_REG_VERSION     0x01
#define IOAPIC_REG_ARBITRATION 0x02
#define IOAPIC_REG_ENTRY       0x10 /* two registers for each entry, the low half first */

/* Redirection table entry (RTE). */
#define RTE_VECTOR_MASK       0xffULL
#define RTE_DELIVERY_SHIFT    8
#define RTE_LOGICAL           (1ULL << 11)
#define RTE_DELIVERY_STATUS   (1ULL << 12)
#define RTE_ACTIVE_LOW        (1ULL << 13)
#define RTE_REMOTE_IRR        (1ULL << 14)
#define RTE_LEVEL             (1ULL << 15)
#define RTE_MASKED            (1ULL << 16)
#define RTE_DESTINATION_SHIFT 56

/* Every delivery mode but fixed and lowest priority has one of these bits set. */
#define RTE_OTHER_MODES (6ULL << RTE_DELIVERY_SHIFT)

/*@ assigns \nothing;
  @ ensures \result == (entry & RTE_VECTOR_MASK);
  @*/
static inline uint8_t rte_vector(uint64_t entry) {
    return (uint8_t)(entry & RTE_VECTOR_MASK);
}

/* Of a redirection table entry, an LVT entry or the ICR. */
/*@ assigns \nothing;
  @ ensures \result == ((value >> RTE_DELIVERY_SHIFT) & 7);
  @*/
static inline enum apic_delivery_mode apic_delivery_mode(uint64_t value) {
    return (enum apic_delivery_mode)(value >> RTE_DELIVERY_SHIFT & 7);
}

/*@ assigns \nothing;
  @ ensures \result == (uint8_t)(entry >> RTE_DESTINATION_SHIFT);
  @*/
static inline uint8_t rte_destination(uint64_t entry) {
    return (uint8_t)(entry >> RTE_DESTINATION_SHIFT);
}
