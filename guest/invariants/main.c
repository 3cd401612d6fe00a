/* The invariants of docs/interrupts.md that a guest can observe, in the order of their numbers. The
 * inputs are interrupt lines, redirection table entries and IPIs; the outputs are interrupts,
 * Remote IRR, and the number of EOIs that caused a VM exit, which a hypercall returns.
 *
 * Some invariants can only be observed by their consequences. Invariant 2, publish order: if an
 * EOI-exit bit is written too late, the EOI does not reach the I/O APIC. Invariants 9 and 18 are
 * about numbers of stale exits and scans: look at the hypervisor's COUNTERS and SCANS
 * (tests/emulator/invariants.expect). No guest can observe that the scan before an entry used the
 * newest routes (18), that dropped tokens are traced (20), or that an orphaned EOI is (10): the
 * unit tests, the model checker and the lock-step replay check those.
 *
 * Command line: xapic or x2apic (default: x2APIC if CPUID offers it); ipis=N for invariant 15
 * (default 100000); reroutes=N runs only invariant 18, with this many. Needs four vCPUs. */
#include "guest/invariants/invariants.h"

#include "guest/invariants/scene.h"
#include "guest/lib/apic.h"
#include "guest/lib/command_line.h"
#include "guest/lib/console.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"

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
    uint32_t reroutes = command_line_number("reroutes", 0);
    apic_init_by_command_line();
    print("# invariants: %s mode\n", apic_x2apic_mode ? "x2APIC" : "xAPIC");

    if (!report(scene_start(), "%u vCPUs run", VCPUS))
        report_done();
    if (reroutes)
        invariant_18_coalescing(reroutes);
    else
        run_all();
    report_done();
}
