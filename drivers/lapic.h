/* The machine's local APICs: NMIs as kicks, starting CPUs, the timer that wakes an idle CPU.
 *
 * They stay in the mode in which the firmware left the boot CPU's, xAPIC or x2APIC, unless an APIC
 * ID needs x2APIC mode. Only physical destinations are used. Guests' local APICs are in
 * vmm/interrupts/vlapic.h. SDM Vol.
 * 3A, "Advanced Programmable Interrupt Controller (APIC)". Read next: arch/apic_registers.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Once, on the boot CPU. In xAPIC mode, xapic_page is the uncached mapping of the page at
 * lapic_base(). If `highest`, the highest APIC ID of the machine, needs x2APIC mode and the
 * processor has it, lapic_enable() switches to it. */
void lapic_init(volatile uint32_t *xapic_page, uint32_t highest);

/* Whether an IPI can be sent to this APIC ID: in xAPIC mode the ICR has room for 8 bits, and FFH is
 * a broadcast. After lapic_init(). */
bool lapic_reaches(uint32_t apic_id);

/* The physical address of the registers' page, and whether this CPU's APIC is in x2APIC mode, from
 * IA32_APIC_BASE. */
uint64_t lapic_base(void);
bool lapic_is_x2apic(void);

/* On each CPU: enables its APIC, in the boot CPU's mode, with all local interrupts masked but a
 * thermal SMI that the firmware has set up on the boot CPU: a CPU loses it by its INIT. Retires
 * interrupts that were in service in the firmware. */
void lapic_enable(void);

/* Send an NMI, an interrupt, an INIT, a start-up IPI. `page` is the physical address where the
 * target starts, below 1 MiB and a multiple of 4096. SDM Vol. 3A, "Issuing Interprocessor
 * Interrupts". */
void lapic_send_nmi(uint32_t apic_id);
void lapic_send_fixed(uint32_t apic_id, uint8_t vector);
void lapic_send_init(uint32_t apic_id);
void lapic_send_startup(uint32_t apic_id, uint32_t page);

/* Measures the frequency of the APIC timers against the TSC for 1 ms. Once, on the boot CPU, after
 * tsc_init(). */
void lapic_measure_timer(void);

/* Requests an interrupt VECTOR_WAKE on this CPU when its TSC reaches `tsc`, or after a second if
 * that is earlier. */
void lapic_timer_start(uint64_t tsc);

/* Cancels that request; if the interrupt is pending already, it is delivered within this call. */
void lapic_timer_stop(void);

/* Masks all inputs of the two 8259s, which the firmware may have used. On the boot CPU. */
void lapic_mask_8259(void);

/* Whether an interrupt with this vector is in service on this CPU. */
bool lapic_in_service(uint8_t vector);
/* Whether one has arrived at this CPU and is not yet in service. */
bool lapic_requested(uint8_t vector);

/* Ends the interrupt in service on this CPU. */
void lapic_eoi(void);
