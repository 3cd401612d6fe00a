/* The machine's own local APICs: kicks, starting CPUs, the timer that wakes an idle CPU.
 *
 * Used in the mode that the firmware left, xAPIC or x2APIC; physical destinations only.
 * SDM Vol. 3A, "Advanced Programmable Interrupt Controller (APIC)". */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Once, on the boot CPU: xapic_page is where the APIC's page is mapped uncached (xAPIC mode). */
void lapic_init(volatile uint32_t *xapic_page);
/* The physical base of the page, and whether this CPU is in x2APIC mode, from IA32_APIC_BASE. */
uint64_t lapic_base(void);
bool lapic_is_x2apic(void);

/* On each CPU: accepts interrupts, everything local masked; in the boot CPU's mode. */
void lapic_enable(void);

void lapic_send_nmi(uint32_t apic_id);
void lapic_send_init(uint32_t apic_id);
/* page: physical address below 1 MiB, a multiple of 4096. */
void lapic_send_startup(uint32_t apic_id, uint32_t page);

/* Once, on the boot CPU, when the TSC's frequency is known: how fast the timers count. */
void lapic_measure_timer(void);
/* Interrupts this CPU with VECTOR_WAKE at this TSC, or some time before: a wait of more than a
 * second is cut short. Stopping takes an interrupt that has come already. */
void lapic_timer_start(uint64_t tsc);
void lapic_timer_stop(void);

/* On the boot CPU: masks the 8259s, whatever the firmware used them for. */
void lapic_mask_8259(void);
void lapic_eoi(void);
