/* The scorecard: the invariants of docs/interrupts.md and other rules of the SDM that a guest can
 * observe, as a Multiboot kernel for any hypervisor. It needs four vCPUs with the APIC IDs 0 to 3,
 * or 0, 2, 4 and 6.
 *
 * Each group of tests runs in xAPIC mode and, where it is offered, again in x2APIC mode. At the end
 * a card shows the results (card.h). What a hypervisor does not tell is left out: only Pinwheel
 * counts the EOIs that exit; elsewhere the costs of an EOI and of an exit are shown side by side.
 *
 * Command line: even, the APIC IDs are even, as Xen's; xapic, only that mode; ipis=N for invariant
 * 15 (default 10000); brief, prints only tests that fail; patience=N, PAUSEs to wait for what does
 * not come (default 20000000); stay, does not end, so that the card stays on a screen.
 * docs/scorecard.md explains it and says who passes what. */
#include "guest/invariants/invariants.h"

#include <stddef.h>

#include "guest/invariants/scene.h"
#include "guest/lib/apic.h"
#include "guest/lib/command_line.h"
#include "guest/lib/console.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/pic.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"
#include "guest/scorecard/card.h"
#include "guest/scorecard/eoi_cost.h"
#include "guest/scorecard/lines.h"

#define REROUTES       100
#define IPIS           10000
#define PIC_ALL_MASKED 0xff
#define UNEXPECTED     0x31 /* below it: exceptions, and the probe's vector */

/* A group of tests, in the order of the card. */
struct group {
    const char *number, *name;
    void (*run)(void);
    uint32_t lines; /* how many it raises */
    bool open;      /* see card.h */
};

static void many_reroutes(void) {
    invariant_18_coalescing(REROUTES);
}

static void vector_reused(void) {
    invariant_15_coincidental_reuse(command_line_number("ipis", IPIS));
}

static const struct group groups[] = {
    {"1", "no EOI is lost", invariant_1_no_lost_eoi, 1, false},
    {"2", "a route works at once", invariant_2_publish_order, 1, false},
    {"3", "EOI exits are exact", invariant_3_tight, 0, true},
    {"4", "Remote IRR", invariant_4_remote_irr, 2, false},
    {"5", "EOI with line active", invariant_5_eoi, 2, false},
    {"6", "rerouted in service", invariant_6_rerouted_in_service, 1, false},
    {"7", "rerouted while pending", invariant_7_rerouted_while_pending, 2, false},
    {"8", "several stale vectors", invariant_8_several_stale_vectors, 3, false},
    {"9", "bound of stale exits", invariant_9_bound, 2, true},
    {"10", "vector rewritten", invariant_10_vector_rewritten, 2, false},
    {"11", "level made edge", invariant_11_level_to_edge, 1, false},
    {"12", "masked in flight", invariant_12_mask_in_flight, 1, false},
    {"13", "local APIC changed", invariant_13_lapic_changes, 1, false},
    {"14", "several targets", invariant_14_several_targets, 1, false},
    {"15", "vector reused by IPIs", vector_reused, 1, true},
    {"16", "edge and level as one", invariant_16_edge_and_level, 1, true},
    {"17", "EOI of nothing", invariant_17_spurious_eoi, 1, false},
    {"18", "many reroutes", many_reroutes, 2, false},
    {"19", "two pins, one vector", invariant_19_two_pins, 2, false},
    {"20", "INIT in flight", invariant_20_init, 2, false},
    {"21", "EOI broadcasts off", invariant_21_suppression, 1, false},
    {"22", "a line stuck active", invariant_22_storm, 1, true},
    {"23", "glitches of a line", invariant_23_glitches, 1, false},
    {"24", "trigger mode register", invariant_24_tmr, 1, false},
    {"E", "cost of an EOI", eoi_cost_tests, 1, false},
};
#define GROUPS (sizeof groups / sizeof groups[0])

static struct card_row rows[GROUPS];
static atomic_uint unexpected; /* interrupts that no test has asked for */

static void on_unexpected(uint8_t vector) {
    (void)vector;
    atomic_fetch_add(&unexpected, 1);
    apic_eoi();
}

/* Only Pinwheel answers both: elsewhere VMCALL raises #UD, or the numbers mean something else. */
static void ask_for_exits(uint64_t known) {
    *(bool *)known = vmcall(HYPERCALL_NOTHING) == 0 && vmcall(HYPERCALL_EOI_EXITS) < UINT32_MAX;
}

static bool counts_exits(void) {
    bool known = false;
    return expect_exception(ask_for_exits, (uint64_t)&known, NULL) == NO_EXCEPTION && known;
}

static void run_group(uint32_t i, uint32_t lines) {
    struct report_counts before = report_counts();
    if (groups[i].lines > lines)
        report_skip(groups[i].name, "too few interrupt lines that a guest can raise");
    else
        groups[i].run();
    struct report_counts after = report_counts();
    rows[i].number = groups[i].number;
    rows[i].name = groups[i].name;
    rows[i].open = groups[i].open;
    rows[i].counts.passed += after.passed - before.passed;
    rows[i].counts.failed += after.failed - before.failed;
    rows[i].counts.skipped += after.skipped - before.skipped;
}

static void run_all(uint32_t lines) {
    print("# scorecard: %s mode\n", apic_x2apic_mode ? "x2APIC" : "xAPIC");
    for (uint32_t i = 0; i < GROUPS; i++)
        run_group(i, lines);
    report(!atomic_exchange(&unexpected, 0), "no interrupt came that was not asked for");
}

static bool switch_to_x2apic(void) {
    apic_x2apic_mode = true;
    for (uint32_t cpu = 0; cpu < VCPUS; cpu++) {
        if (!cpu_call(cpu, apic_enable) || !cpu_call(cpu, set_up_vcpu))
            return false;
    }
    return true;
}

static void show(bool both) {
    card_begin(both ? "xAPIC and x2APIC" : "xAPIC", lines_names);
    card_rows(rows, GROUPS);
    card_sum(rows, GROUPS);
    eoi_cost_show();
    card_end();
}

void guest_main(void) {
    bool both = !command_line_has("xapic") && apic_has_x2apic();
    report_only_failures(command_line_has("brief"));
    wait_bound = command_line_number("patience", WAIT_BOUND_DEFAULT);
    for (unsigned vector = UNEXPECTED; vector < APIC_SPURIOUS_VECTOR; vector++)
        interrupt_handle((uint8_t)vector, on_unexpected);
    cpu_id_shift = command_line_has("even");
    apic_init(false);
    pic_init(UNEXPECTED, PIC_ALL_MASKED, PIC_ALL_MASKED);
    uint32_t lines = lines_find();
    scene_exits_unknown = !counts_exits();
    print("# scorecard: %u lines: %s\n", lines, lines_names);
    if (!report(scene_start(), "%u vCPUs run, with the APIC IDs 0 to %u", VCPUS,
                cpu_apic_id(VCPUS - 1)))
        report_done();
    run_all(lines);
    if (both && report(switch_to_x2apic(), "all vCPUs are in x2APIC mode"))
        run_all(lines);
    show(both);
    while (command_line_has("stay"))
        interrupts_on_and_halt();
    report_done();
}
