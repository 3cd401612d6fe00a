/* Lab 06: rerouted in flight, the stale EOI.
 *
 * A level-triggered interrupt is in service on vCPU 0 when its handler sends the pin to vCPU 1 from
 * now on. A guest may do that at any moment (for Linux see lab 11). The route is gone from vCPU 0,
 * but the EOI still comes from there, and the I/O APIC waits for it.
 *
 * Read on: "The problem" and invariant 6 in docs/interrupts.md; vmm/interrupts/tokens.c. */
#include "guest/labs/lab.h"
#include "guest/lib/apic.h"
#include "guest/lib/command_line.h"
#include "guest/lib/console.h"
#include "guest/lib/cpus.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/start.h"

#define PIN    11
#define VECTOR 0x51

static uint32_t exits_by_eoi[2], remote_irr_before, remote_irr_after; /* by vCPU */
static atomic_uint handled[2];

static uint32_t remote_irr(void) {
    return (ioapic_read_entry(PIN) & RTE_REMOTE_IRR) != 0;
}

static void on_level(uint8_t vector) {
    (void)vector;
    uint32_t vcpu = cpu_self()->index;

    if (vcpu == 0) {
        ioapic_reroute(PIN, 1);
        remote_irr_before = remote_irr();
        line_set(PIN, 0); /* the device has been served */
        exits_by_eoi[0] = lab_eoi();
        remote_irr_after = remote_irr();
    } else {
        wait_at_least(&handled[0], 1); /* vCPU 0 looks at Remote IRR first */
        line_set(PIN, 0);
        exits_by_eoi[1] += lab_eoi();
    }
    atomic_fetch_add(&handled[vcpu], 1);
}

void guest_main(void) {
    uint32_t rounds = command_line_number("rounds", 1000);

    lab_begin("06: rerouted in flight, the stale EOI", 2);
    interrupt_handle(VECTOR, on_level);
    ioapic_write_entry(PIN, rte_level(VECTOR, 0));

    interrupts_on();
    line_set(PIN, 1);
    wait_at_least(&handled[0], 1);
    lab_settle();
    print("06.1  Remote IRR after the reroute, before the EOI: %u\n", remote_irr_before);
    print("06.2  EOI exits on vCPU 0: %u\n", exits_by_eoi[0]);
    print("06.3  Remote IRR right after the EOI: %u\n", remote_irr_after);
    print("06.4  Handled on vCPU 1 by now: %u\n", handled[1]);

    print("06.5  EOI exits of %u self-IPIs with the same vector: %u\n", rounds,
          lab_self_ipis(VECTOR, rounds));

    interrupt_handle(VECTOR, on_level);
    uint32_t before = handled[1];
    line_set(PIN, 1);
    wait_at_least(&handled[1], before + 1);
    lab_settle();
    print("06.6  The line goes up again. Handled on vCPU 1 by now: %u\n", handled[1]);
    print("06.7  EOI exits on vCPU 1: %u\n", exits_by_eoi[1]);
}
