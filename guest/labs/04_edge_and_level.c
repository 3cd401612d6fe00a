/* Lab 04: edge and level, and Remote IRR.
 *
 * Two pins of the I/O APIC, one edge-triggered, one level-triggered. The line of each goes up and
 * stays up. An edge is an event: it interrupts once. A level is a state: it interrupts until it
 * ends, but not while the interrupt before is being handled. Remote IRR is how the I/O APIC
 * remembers that; the EOI clears it, so the I/O APIC must be told of the EOI.
 *
 * Read on: vmm/interrupts/vioapic.c. 82093AA data sheet, "I/O Redirection Table Registers". */
#include "guest/labs/lab.h"
#include "guest/lib/apic.h"
#include "guest/lib/console.h"
#include "guest/lib/cpus.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/start.h"

#define PIN_EDGE     10
#define PIN_LEVEL    11
#define VECTOR_EDGE  0x51
#define VECTOR_LEVEL 0x61
#define LAST         3 /* the handler of the level pin lowers the line when it runs this time */

static uint32_t edges, levels, edge_eoi_exits, level_eoi_exits;
static uint32_t remote_irr_of_edge, remote_irr_of_level;

static uint32_t remote_irr(uint8_t pin) {
    return (ioapic_read_entry(pin) & RTE_REMOTE_IRR) != 0;
}

static void on_edge(uint8_t vector) {
    (void)vector;
    edges++;
    remote_irr_of_edge = remote_irr(PIN_EDGE);
    edge_eoi_exits += lab_eoi();
}

static void on_level(uint8_t vector) {
    (void)vector;
    levels++;
    remote_irr_of_level = remote_irr(PIN_LEVEL);
    if (levels == LAST)
        line_set(PIN_LEVEL, 0);
    level_eoi_exits += lab_eoi();
}

void guest_main(void) {
    lab_begin("04: edge and level, and Remote IRR", 1);
    interrupt_handle(VECTOR_EDGE, on_edge);
    interrupt_handle(VECTOR_LEVEL, on_level);
    ioapic_write_entry(PIN_EDGE, VECTOR_EDGE);
    ioapic_write_entry(PIN_LEVEL, rte_level(VECTOR_LEVEL, 0));

    interrupts_on();
    line_set(PIN_EDGE, 1);
    line_set(PIN_LEVEL, 1);
    lab_settle();
    interrupts_off();

    print("04.1  The edge pin's line goes up once and stays up. Its handler runs: %u\n", edges);
    print("04.2  Remote IRR in that handler: %u\n", remote_irr_of_edge);
    print("04.3  Its EOIs that exit: %u\n", edge_eoi_exits);
    print("04.4  The level pin's line stays up until run %u. Its handler runs: %u\n", LAST, levels);
    print("04.5  Remote IRR in that handler: %u\n", remote_irr_of_level);
    print("04.6  Its EOIs that exit: %u\n", level_eoi_exits);
    print("04.7  Remote IRR at the end: %u\n", remote_irr(PIN_LEVEL));
}
