/* The invariants of the interrupt path that a guest can see, one after the other, by their numbers
 * in the project's design: what goes in by lines, redirection table entries and IPIs, and what
 * comes out as interrupts, Remote IRR, and EOIs that exit (a hypercall tells).
 *
 * Some are seen by their consequences only. Invariant 2, publish order: an EOI-exit bit that is
 * written too late is an EOI that the I/O APIC never hears of. Invariants 9 and 18 count: how many
 * exits were stale, how many scans were made stands in the hypervisor's COUNTERS and SCANS
 * (tests/emulator/invariants.expect). Of 18 no guest sees that the scan before an entry saw the
 * newest routes; of 20, that the tokens which INIT drops are traced; of 10, that the orphaned EOI
 * is. The unit tests, the model checker and the lock-step replay look there.
 *
 * Command line: xapic or x2apic (default: x2apic); ipis=N for invariant 15 (default 100000);
 * reroutes=N runs invariant 18 alone, with so many. Wants four vCPUs. */
#include "guest/invariants/invariants.h"

#include "guest/invariants/scene.h"
#include "guest/lib/apic.h"
#include "guest/lib/command_line.h"
#include "guest/lib/console.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"

void set_up_vcpu(void) {
    if (!apic_x2apic_mode)
        apic_write(APIC_LDR, 1u << (24 + cpu_self()->index));
    interrupts_on();
}

static void run_all(void) {
    invariant_1_no_lost_eoi();
    invariant_2_publish_order();
    invariant_3_tight();
    invariant_4_remote_irr();
    invariant_5_eoi();
    invariant_6_rerouted_in_service();
    invariant_7_rerouted_while_pending();
    invariant_8_several_stale_vectors();
    invariant_9_bound();
    invariant_10_vector_rewritten();
    invariant_11_level_to_edge();
    invariant_12_mask_in_flight();
    invariant_13_lapic_changes();
    invariant_14_several_targets();
    invariant_15_coincidental_reuse(command_line_number("ipis", 100000));
    invariant_16_edge_and_level();
    invariant_17_spurious_eoi();
    invariant_19_two_pins();
    invariant_20_init();
    invariant_21_suppression();
    invariant_22_storm();
    invariant_23_glitches();
    invariant_24_tmr();
}

void guest_main(void) {
    bool x2apic = !command_line_has("xapic");
    uint32_t reroutes = command_line_number("reroutes", 0);
    if (!apic_init(x2apic))
        report_skip_all("this machine has no x2APIC mode");
    print("# invariants: %s mode\n", x2apic ? "x2APIC" : "xAPIC");

    bool ready = cpus_start(VCPUS) == VCPUS;
    for (uint32_t cpu = 0; ready && cpu < VCPUS; cpu++)
        ready = on(cpu, set_up_vcpu);
    if (!report(ready, "%u vCPUs run", VCPUS))
        report_done();
    if (reroutes)
        invariant_18_coalescing(reroutes);
    else
        run_all();
    report_done();
}
