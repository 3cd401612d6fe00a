/* Lab 07: one vector for two things, with the rescan off and on.
 *
 * After a stale EOI nothing needs the EOI-exit bit any more. A hypervisor that leaves it set works
 * correctly, and pays: each later interrupt that happens to use the vector on this vCPU exits for
 * nothing. The configuration file boots this guest twice, with `stale_rescan = on` and `off`.
 *
 * Read on: eoi_map_retired() in vmm/interrupts/eoi_map.c; invariants 3 and 15 in
 * docs/interrupts.md. */
#include "guest/labs/lab.h"
#include "guest/lib/command_line.h"
#include "guest/lib/console.h"
#include "guest/lib/cpus.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/start.h"

#define PIN        11
#define VECTOR     0x51 /* of the pin */
#define IPI_VECTOR 0x51 /* of the self-IPIs */

static atomic_uint handled;
static uint32_t level_eoi_exits;

/* As in lab 06: the pin is sent to vCPU 1 while its interrupt is in service on vCPU 0. */
static void on_level(uint8_t vector) {
    (void)vector;
    ioapic_reroute(PIN, 1);
    line_set(PIN, 0);
    level_eoi_exits += lab_eoi();
    atomic_fetch_add(&handled, 1);
}

void guest_main(void) {
    uint32_t first = command_line_number("first", 1); /* the number of the first answer */
    uint32_t rounds = command_line_number("rounds", 1000);

    lab_begin("07: one vector for two things", 2);
    const char *rescan = command_line_has("off") ? "off" : "on";
    interrupt_handle(VECTOR, on_level);
    ioapic_write_entry(PIN, rte_level(VECTOR, 0));
    interrupts_on();
    line_set(PIN, 1);
    wait_at_least(&handled, 1);

    print("07.%u  Rescan %s. EOI exits of the level interrupt: %u\n", first, rescan,
          level_eoi_exits);
    uint32_t exits = lab_self_ipis(IPI_VECTOR, rounds);
    print("07.%u  Rescan %s. EOI exits of %u self-IPIs after it: %u\n", first + 1, rescan, rounds,
          exits);
    exits = lab_self_ipis(IPI_VECTOR, rounds);
    print("07.%u  Rescan %s. EOI exits of %u more: %u\n", first + 2, rescan, rounds, exits);
}
