/* How many VM exits an interrupt costs: a self-IPI, an IPI to a running and to a halted vCPU, an
 * edge and a level interrupt of a device that go to another vCPU, a tick of the local APIC's timer.
 *
 * Look at the lines DELIVERY. `sender` and `receiver` are the exits of vCPUs 0 and 1 for all rounds
 * together, which a hypercall reports, without those of the hypercall and of the port by which the
 * test device's line is set. vCPU 0 is both for a self-IPI and for the timer. Which exits there are
 * depends on who delivers interrupts: docs/delivery.md.
 *
 * Command line: xapic or x2apic (default: x2APIC if CPUID offers it); rounds=N (default 1000).
 * Needs two vCPUs, each with a CPU of its own. */
#include "arch/msr.h"
#include "guest/lib/apic.h"
#include "guest/lib/command_line.h"
#include "guest/lib/console.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"

#define PIN    11
#define VECTOR 0x51
#define VCPUS  2u
#define SETTLE 2000u /* turns of a loop in which the other vCPU halts, or returns to its own */
#define SOON   2000u /* TSC ticks until the timer expires */
#define UNUSED 12    /* a pin whose entry stays masked */

static uint32_t rounds;
static atomic_uint handled;
static atomic_uint lines[VCPUS]; /* how often each vCPU has set the line */
static bool is_level;

/* What the receiver does. */
static bool halts;
static atomic_bool ready, stop;
static uint64_t receiver_exits;

static void set_line(uint8_t level) {
    atomic_fetch_add(&lines[cpu_self()->index], 1);
    line_set(PIN, level);
}

static void handle(uint8_t vector) {
    (void)vector;
    if (is_level)
        set_line(0);
    apic_eoi();
    atomic_fetch_add(&handled, 1);
}

/* Loops without PAUSE, which exits where vCPUs share a CPU. */
static void settle(void) {
    for (volatile uint32_t i = 0; i < SETTLE; i++)
        ;
}

static bool wait_for(uint32_t interrupts) {
    for (uint64_t i = 0; i < 10ull * wait_bound; i++) {
        if (atomic_load(&handled) >= interrupts)
            return true;
    }
    return false;
}

/* The exits of this vCPU since `before`; the hypercall is one of them. */
static uint64_t exits_since(uint64_t before) {
    return vmcall(HYPERCALL_ALL_EXITS) - before - 1;
}

static void receive(void) {
    uint64_t before = vmcall(HYPERCALL_ALL_EXITS);

    atomic_store(&ready, true);
    while (!atomic_load(&stop)) {
        if (halts) {
            interrupts_off();
            if (!atomic_load(&stop))
                interrupts_on_and_halt();
        }
        interrupts_on();
    }
    interrupts_off();
    receiver_exits = exits_since(before);
}

/* ---- the kinds ---- */

static void self_ipi(void) {
    apic_self_ipi(VECTOR);
}

static void ipi(void) {
    apic_send_ipi(1, VECTOR);
}

static void ipi_halted(void) {
    settle();
    apic_send_ipi(1, VECTOR);
}

static void edge(void) {
    set_line(1);
    set_line(0);
}

static void level(void) {
    set_line(1);
}

static void tick(void) {
    wrmsr(MSR_IA32_TSC_DEADLINE, rdtsc() + SOON);
}

static const struct kind {
    const char *name;
    void (*once)(void);
    bool to_other, halts, level;
} kinds[] = {
    {.name = "self_ipi", .once = self_ipi},
    {.name = "timer_tick", .once = tick},
    {.name = "ipi", .once = ipi, .to_other = true},
    {.name = "ipi_halted", .once = ipi_halted, .to_other = true, .halts = true},
    {.name = "edge", .once = edge, .to_other = true},
    {.name = "level", .once = level, .to_other = true, .level = true},
};

/* The last interrupt ends the receiver's loop, which may be halted: it is not counted in `rounds`,
 * though what it costs is. */
static bool end_receiver(void) {
    atomic_store(&stop, true);
    apic_send_ipi(1, VECTOR);
    return cpu_wait(1);
}

static void measure_kind(const struct kind *kind, uint64_t exits_per_line) {
    bool arrived = true;

    halts = kind->halts;
    is_level = kind->level;
    ioapic_write_entry(PIN, is_level ? rte_level(VECTOR, 1) : (uint64_t)1 << 56 | VECTOR);
    for (uint32_t i = 0; i < VCPUS; i++)
        atomic_store(&lines[i], 0);
    atomic_store(&handled, 0);
    atomic_store(&ready, false);
    atomic_store(&stop, false);
    receiver_exits = 0;
    if (kind->to_other) {
        cpu_run(1, receive);
        while (!atomic_load(&ready))
            pause();
        settle();
    }
    uint64_t before = vmcall(HYPERCALL_ALL_EXITS);
    for (uint32_t i = 1; i <= rounds && arrived; i++) {
        kind->once();
        arrived = wait_for(i);
    }
    uint64_t sender_exits = exits_since(before) - exits_per_line * lines[0];
    is_level = false;
    if (kind->to_other)
        arrived = end_receiver() && arrived;
    receiver_exits -= exits_per_line * lines[1];
    ioapic_mask(PIN);
    report(arrived, "%s: %u interrupts", kind->name, rounds);
    print("DELIVERY kind=%s interrupts=%u sender=%lu receiver=%lu\n", kind->name, rounds,
          sender_exits, receiver_exits);
}

static uint64_t measure_line(void) {
    uint64_t before = vmcall(HYPERCALL_ALL_EXITS);

    line_set(UNUSED, 1);
    uint64_t exits = exits_since(before);
    line_set(UNUSED, 0);
    return exits;
}

void guest_main(void) {
    apic_init_by_command_line();
    rounds = (uint32_t)command_line_number("rounds", 1000);
    interrupt_handle(VECTOR, handle);
    apic_write(APIC_LVT_TIMER, APIC_LVT_TIMER_TSC_DEADLINE | VECTOR);
    if (!report(cpus_start(VCPUS) == VCPUS, "%u vCPUs run", VCPUS))
        report_done();
    uint64_t exits_per_line = measure_line();
    interrupts_on();
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        measure_kind(&kinds[i], exits_per_line);
    interrupts_off();
    report_done();
}
