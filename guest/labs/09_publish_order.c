/* Lab 09: the race, or why the bit is published before the interrupt.
 *
 * vCPU 0 runs in the guest all the time and handles what comes. vCPU 1 moves a pin whose line is
 * up: the write of the entry is a new route and sends an interrupt, both at once. If vCPU 0 got the
 * interrupt before the EOI-exit bit, its EOI would not exit, Remote IRR would stay set, and the pin
 * would be dead. So there is an order: the bit is in the VMCS before the interrupt is in RVI. Here
 * it is tried a thousand times; one lost EOI would end it.
 *
 * Read on: "The order of work before an entry" and invariant 2 in docs/interrupts.md. */
#include "guest/labs/lab.h"
#include "guest/lib/command_line.h"
#include "guest/lib/console.h"
#include "guest/lib/cpus.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/start.h"

#define PIN 11

static uint32_t rounds;
static atomic_uint handled, routed;
static uint32_t eois_that_exit, lost;
static uint32_t runs[256]; /* of the handler, by vector */

/* A new vector for each round, so that its bit was never set before the route came. */
static uint8_t vector_of(uint32_t round) {
    return (uint8_t)(0x40 + round % 0x80);
}

static uint32_t vectors_used(void) {
    uint32_t used = 0;

    for (uint32_t vector = 0; vector < 256; vector++)
        used += runs[vector] != 0;
    return used;
}

static void on_level(uint8_t vector) {
    runs[vector]++;
    line_set(PIN, 0);
    eois_that_exit += lab_eoi();
    atomic_fetch_add(&handled, 1);
}

/* Runs on vCPU 1. */
static void move_the_pin(void) {
    for (uint32_t round = 1; round <= rounds; round++) {
        ioapic_write_entry(PIN, rte_level(vector_of(round), 1) | RTE_MASKED);
        line_set(PIN, 1);
        ioapic_write_entry(PIN, rte_level(vector_of(round), 0));
        atomic_fetch_add(&routed, 1);
        if (!wait_at_least(&handled, round))
            break;
        if (ioapic_read_entry(PIN) & RTE_REMOTE_IRR)
            lost++;
    }
}

void guest_main(void) {
    rounds = command_line_number("rounds", 1000);
    lab_begin("09: the race, why the bit is published first", 1);
    if (cpus_start(2) < 2)
        guest_exit(1);
    for (uint32_t vector = 0x40; vector < 0xc0; vector++)
        interrupt_handle((uint8_t)vector, on_level);

    interrupts_on();
    cpu_run(1, move_the_pin);
    while (handled < rounds && cpus[1].work)
        pause();
    cpu_wait(1);
    interrupts_off();
    print("09.1  Routes that came together with an interrupt: %u\n", routed);
    print("09.2  Interrupts handled on vCPU 0: %u\n", handled);
    print("09.3  EOIs that exit: %u\n", eois_that_exit);
    print("09.4  EOIs that the I/O APIC did not get: %u\n", lost);
    print("09.5  Vectors that were used: %u\n", vectors_used());
}
