/* Lab 05: why an EOI exits, and the EOI-exit bitmap.
 *
 * The processor performs an EOI in the virtual-APIC page. It cannot know whether an I/O APIC waits
 * for that EOI, so the hypervisor tells it: by a bitmap with a bit for each vector. The EOI of a
 * vector whose bit is set causes a VM exit. The hypervisor finds these vectors by scanning the
 * redirection table of the I/O APIC.
 *
 * Read on: eoi_map_scan() in vmm/interrupts/eoi_map.c. SDM Vol. 3C, "EOI Virtualization". */
#include "guest/labs/lab.h"
#include "guest/lib/apic.h"
#include "guest/lib/command_line.h"
#include "guest/lib/console.h"
#include "guest/lib/cpus.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/start.h"

#define PIN    11
#define VECTOR 0x51 /* of the pin */
#define OTHER  0x52 /* of no pin */
#define LEVELS 3

static atomic_uint handled;
static uint32_t level_eoi_exits;

/* The device's driver: serves the device, which lowers its line, and ends the interrupt. */
static void on_level(uint8_t vector) {
    (void)vector;
    line_set(PIN, 0);
    level_eoi_exits += lab_eoi();
    atomic_fetch_add(&handled, 1);
}

void guest_main(void) {
    uint32_t rounds = command_line_number("rounds", 100);

    lab_begin("05: why an EOI exits, and the EOI-exit bitmap", 1);
    interrupts_on();

    print("05.1  No pin has vector 51. EOI exits of %u self-IPIs with it: %u\n", rounds,
          lab_self_ipis(VECTOR, rounds));

    interrupt_handle(VECTOR, on_level);
    ioapic_write_entry(PIN, rte_level(VECTOR, 0));
    for (uint32_t i = 1; i <= LEVELS; i++) {
        line_set(PIN, 1);
        wait_at_least(&handled, i);
    }
    print("05.2  A level-triggered pin sends it. EOI exits of %u interrupts: %u\n", LEVELS,
          level_eoi_exits);

    print("05.3  The pin is quiet. EOI exits of %u self-IPIs with its vector: %u\n", rounds,
          lab_self_ipis(VECTOR, rounds));
    print("05.4  EOI exits of %u self-IPIs with vector 52: %u\n", rounds,
          lab_self_ipis(OTHER, rounds));

    ioapic_mask(PIN);
    print("05.5  The pin is changed once more. EOI exits of %u self-IPIs with 51: %u\n", rounds,
          lab_self_ipis(VECTOR, rounds));
}
