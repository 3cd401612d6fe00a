/* What interrupt lines, routes and timers cost while all 24 pins of the I/O APIC are routed to this
 * vCPU by level-triggered entries. Look at the lines BENCH, as in bench.c.
 *
 * Command line: rounds=N (default 201, at most 1001). */
#include <stdatomic.h>

#include "arch/msr.h"
#include "guest/lib/apic.h"
#include "guest/lib/command_line.h"
#include "guest/lib/console.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/measure.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"

#define PIN          MEASURE_PIN
#define VECTOR(pin)  (uint8_t)(0x30 + 8 * (pin)) /* one for each pin, in all words of the bitmap */
#define VECTOR_TIMER 0x2f
#define SOON         20000u /* ticks: more than any path through the hypervisor takes */
#define LATER        1000000000u

static atomic_uint handled;
static uint64_t handled_at, eoi_cost; /* as the last handler measured them */

static void handle(uint8_t vector) {
    (void)vector;
    uint64_t start = handled_at = rdtsc();
    apic_eoi();
    eoi_cost = rdtsc() - start;
    atomic_fetch_add(&handled, 1);
}

/* Toggles the mask bit only: no route changes, so no scan follows. */
static uint64_t mask(void) {
    static uint32_t low = (uint32_t)RTE_LEVEL | VECTOR(PIN);
    low ^= (uint32_t)RTE_MASKED;
    ioapic_select(ioapic_low_half(PIN));
    uint64_t start = rdtsc();
    ioapic_write_selected(low);
    return rdtsc() - start;
}

/* The vector has a level-triggered route to this vCPU, but the interrupt is an IPI: its EOI causes
 * a VM exit that the I/O APIC does not need. */
static uint64_t coincidental_eoi(void) {
    uint32_t target = handled + 1;
    apic_self_ipi(VECTOR(PIN + 1));
    return wait_at_least(&handled, target) ? eoi_cost : MEASURE_FAILED;
}

static uint64_t timer_arm(void) {
    uint64_t start = rdtsc();
    wrmsr(MSR_IA32_TSC_DEADLINE, start + LATER);
    uint64_t cost = rdtsc() - start;
    wrmsr(MSR_IA32_TSC_DEADLINE, 0);
    return cost;
}

/* The time from the deadline to the handler, on a vCPU that runs. */
static uint64_t timer_fire(void) {
    uint32_t target = handled + 1;
    uint64_t deadline = rdtsc() + SOON;
    wrmsr(MSR_IA32_TSC_DEADLINE, deadline);
    return wait_at_least(&handled, target) ? handled_at - deadline : MEASURE_FAILED;
}

void guest_main(void) {
    if (!apic_init(true))
        report_skip_all("this machine has no x2APIC mode");
    uint32_t rounds = command_line_number("rounds", MEASURE_ROUNDS);
    uint64_t overhead = measure_overhead(rounds);
    for (uint8_t pin = 0; pin < IOAPIC_PIN_COUNT; pin++) {
        interrupt_handle(VECTOR(pin), handle);
        ioapic_write_entry(pin, rte_level(VECTOR(pin), 0));
    }
    print("# %u level-triggered pins are routed to this vCPU\n", IOAPIC_PIN_COUNT);
    measure_and_report("rte_reroute_24", measure_reroute, rounds | 1, overhead);
    measure_and_report("rte_mask", mask, rounds | 1, overhead);
    interrupts_on();
    measure_and_report("coincidental_eoi", coincidental_eoi, rounds, overhead);
    interrupt_handle(VECTOR_TIMER, handle);
    apic_write(APIC_LVT_TIMER, APIC_LVT_TIMER_TSC_DEADLINE | VECTOR_TIMER);
    measure_and_report("timer_arm", timer_arm, rounds, overhead);
    measure_and_report("timer_fire", timer_fire, rounds, 0);
    interrupts_off();
    report_done();
}
