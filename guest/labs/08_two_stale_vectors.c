/* Lab 08: two stale vectors, and what a single marker does.
 *
 * Two level-triggered pins, vectors 52 and 63. The lower one is in service on vCPU 0, the higher
 * one waits in its IRR, and both are sent to vCPU 1: two stale bits. KVM notes one vector, the
 * highest that is stale, and scans again when that one ends; Pinwheel notes each of them. Which
 * EOI causes a scan?
 *
 * Read on: invariant 8 in docs/interrupts.md; the mutant tests/model/mutants/highest_stale.mutant,
 * which has a single marker. On the page: Compare. */
#include "guest/labs/lab.h"
#include "guest/lib/apic.h"
#include "guest/lib/command_line.h"
#include "guest/lib/console.h"
#include "guest/lib/cpus.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/start.h"

struct line {
    uint8_t pin, vector;
    uint32_t eoi_exits;
};
static struct line low = {.pin = 10, .vector = 0x52};
static struct line high = {.pin = 11, .vector = 0x63};
static struct line *first = &low; /* whose line goes up first */

static atomic_uint handled;
static uint8_t order[2];

/* In the first handler the other line goes up, too: its interrupt has to wait, because handlers run
 * with interrupts off. Then both pins are sent to vCPU 1. */
static void serve(struct line *line) {
    if (handled == 0) {
        line_set(line == &low ? high.pin : low.pin, 1);
        ioapic_reroute(low.pin, 1);
        ioapic_reroute(high.pin, 1);
    }
    line_set(line->pin, 0);
    line->eoi_exits = lab_eoi();
    order[handled & 1] = line->vector;
    atomic_fetch_add(&handled, 1);
}

static void on_level(uint8_t vector) {
    serve(vector == low.vector ? &low : &high);
}

void guest_main(void) {
    uint32_t rounds = command_line_number("rounds", 100);

    lab_begin("08: two stale vectors", 2);
    interrupt_handle(low.vector, on_level);
    interrupt_handle(high.vector, on_level);
    ioapic_write_entry(low.pin, rte_level(low.vector, 0));
    ioapic_write_entry(high.pin, rte_level(high.vector, 0));

    interrupts_on();
    line_set(first->pin, 1);
    wait_at_least(&handled, 2);
    lab_settle();
    print("08.1  Vectors in the order of their EOIs: %x,%x\n", order[0], order[1]);
    print("08.2  EOI exits of the interrupt with vector 52: %u\n", low.eoi_exits);
    print("08.3  EOI exits of the interrupt with vector 63: %u\n", high.eoi_exits);
    print("08.4  EOI exits of %u self-IPIs with vector 52: %u\n", rounds,
          lab_self_ipis(low.vector, rounds));
    print("08.5  EOI exits of %u self-IPIs with vector 63: %u\n", rounds,
          lab_self_ipis(high.vector, rounds));
}
