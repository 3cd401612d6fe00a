/* The soak: 100,000 reroutes. No interrupt is lost or delivered twice, no EOI-exit bit is left.
 *
 * Four vCPUs write destinations, delivery modes, vectors and masks of four level-triggered inputs
 * at random, also in the inputs' own handlers, while devices raise, drop and glitch their lines and
 * IPIs with the same vectors arrive. A handler serves its device only if the interrupt cannot be an
 * IPI (noise.c). The guest checks that
 *   - each assertion is handled exactly once, alone or together with an earlier one that was not
 *     handled yet: a lost interrupt leaves its device waiting, a surplus one is counted as "extra";
 *   - when all is quiet, IRR and ISR of all vCPUs and Remote IRR of all pins are clear;
 *   - after that, IPIs with vectors that have no route to a vCPU cause no EOI exit there;
 *   - each input still works.
 * What the guest cannot observe is in the hypervisor's COUNTERS and SCANS: tests/emulator/soak.t
 * compares them with the lines SOAK.
 *
 * Command line: xapic or x2apic (default: x2APIC if CPUID offers it); reroutes=N (default 100000);
 * ipis=N for each vector after the soak (default 10000); seed=N. Invariants 1 to 9, 12, 14 to 16
 * and 23 of docs/interrupts.md. */
#include "guest/lib/apic.h"
#include "guest/lib/command_line.h"
#include "guest/lib/console.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"
#include "guest/soak/soak.h"

#define VECTOR_WAKE 0x31
#define NEST_PAUSES 8
#define SETTLE      2000u /* PAUSEs */
#define REST        1500u /* PAUSEs: enough for the hypervisor to run another vCPU */

struct tally tally;

static uint32_t reroutes_wanted, ipis_wanted;
static struct random worker_random[VCPUS], handler_random[VCPUS];
static atomic_bool calm; /* handlers make no more random changes */
static uint32_t settled_slot[INPUTS];
static atomic_uint ipis[VCPUS];        /* handled after the soak */
static uint64_t needless_exits[VCPUS]; /* EOI exits of these IPIs */
static bool idle[VCPUS];

/* ---- the soak ---- */

/* Lets higher vectors interrupt the handler. */
static void nest(void) {
    interrupts_on();
    for (uint32_t i = 0; i < NEST_PAUSES; i++)
        pause();
    interrupts_off();
}

static void handle(uint8_t vector) {
    struct random *random = &handler_random[cpu_self()->index];
    uint32_t slot = slot_of(vector);
    bool served = false;
    if (noise_explains(slot))
        count(&tally.ambiguous);
    else if ((served = input_serve(slot)))
        count(&tally.handled);
    else
        count(&tally.extra);
    if (!atomic_load(&calm) && random_below(random, 2) == 0)
        input_reroute(slot % INPUTS, random);
    if (random_below(random, 4) == 0)
        nest();
    apic_eoi();
    if (served)
        input_eoi_sent(slot);
}

static void handle_wake(uint8_t vector) {
    (void)vector;
    apic_eoi();
}

/* Lets another vCPU run if they share a CPU. vCPU 0 never halts: it wakes the others at the end. */
static void rest(struct random *random) {
    if (cpu_self()->index != 0 && random_below(random, 2) == 0)
        interrupts_on_and_halt();
    else
        spin(REST);
}

static void work(void) {
    struct random *random = &worker_random[cpu_self()->index];
    interrupts_on();
    while (atomic_load(&tally.reroutes) < reroutes_wanted) {
        uint32_t input = random_below(random, INPUTS), what = random_below(random, 32);
        if (what < 14)
            input_reroute(input, random);
        else if (what < 22)
            input_assert(input, random);
        else if (what < 26)
            noise_send(random);
        else if (what < 30)
            input_mask(input, random_below(random, 4) == 0);
        else if (what < 31)
            input_change_vector(input);
        else
            rest(random);
    }
}

static bool others_finish(void) {
    bool finished = true;
    for (uint32_t cpu = 1; cpu < VCPUS; cpu++) {
        for (uint32_t i = 0; i < SETTLE && atomic_load(&cpus[cpu].work); i++) {
            apic_send_ipi(cpu, VECTOR_WAKE);
            spin(SETTLE);
        }
        finished = cpu_wait(cpu) && finished;
    }
    return finished;
}

static uint32_t count_waiting(void) {
    uint32_t waiting = 0;
    for (uint32_t i = 0; i < INPUTS; i++)
        waiting += !input_quiet(i);
    return waiting;
}

static void route_all(uint32_t cpu) {
    for (uint32_t i = 0; i < INPUTS; i++)
        settled_slot[i] = input_route(i, cpu);
}

static void assert_all(void) {
    for (uint32_t i = 0; i < INPUTS; i++)
        input_assert(i, &worker_random[0]);
}

/* Waits until all assertions are handled; returns how many devices are still waiting. */
static uint32_t settle(void) {
    for (uint32_t i = 0; i < SETTLE && count_waiting(); i++)
        spin(SETTLE);
    spin(SETTLE);
    return count_waiting();
}

static void print_tally(uint32_t lost) {
    print("SOAK reroutes=%u in_flight=%u assertions=%u handled=%u coalesced=%u lost=%u extra=%u "
          "masks=%u vectors=%u noise=%u ambiguous=%u\n",
          tally.reroutes, tally.in_flight, tally.assertions, tally.handled, tally.coalesced, lost,
          tally.extra, tally.masks, tally.vectors, tally.noise, tally.ambiguous);
    for (uint32_t cpu = 0; cpu < VCPUS; cpu++) {
        for (uint32_t slot = 0; slot < SLOTS; slot++)
            print("SOAK vcpu=%u vector=0x%02x noise=%u\n", cpu, vector_of(slot),
                  noise_sent(slot, cpu));
    }
}

static void report_soak(void) {
    bool started = true;
    for (uint32_t cpu = 1; cpu < VCPUS; cpu++)
        started = cpu_run(cpu, work) && started;
    work();
    report(started && others_finish(), "all vCPUs finish after %u reroutes", reroutes_wanted);
    atomic_store(&calm, true);
    route_all(0);
    uint32_t lost = settle();
    report(lost == 0 && tally.handled + tally.coalesced == tally.assertions,
           "each assertion is handled once, alone or with an earlier one");
    report(tally.extra == 0, "no interrupt arrives that was not sent");
    print_tally(lost);
}

/* ---- after the soak ---- */

static void check_idle(void) {
    idle[cpu_self()->index] = apic_is_idle();
}

static void report_idle(void) {
    for (uint32_t cpu = 0; cpu < VCPUS; cpu++)
        report(cpu_call(cpu, check_idle) && idle[cpu], "IRR and ISR of vCPU %u are empty", cpu);
    for (uint32_t i = 0; i < INPUTS; i++)
        report(!input_remote_irr(i), "Remote IRR of input %u is clear", i);
}

static void handle_ipi(uint8_t vector) {
    (void)vector;
    apic_eoi();
    atomic_fetch_add_explicit(&ipis[cpu_self()->index], 1, memory_order_relaxed);
}

/* Whether this slot's vector has a route to this vCPU. */
static bool is_routed(uint32_t slot, uint32_t cpu) {
    return cpu == 0 && settled_slot[slot % INPUTS] == slot;
}

/* Sends self-IPIs with each vector that has no route to this vCPU. */
static void send_ipis(void) {
    uint32_t cpu = cpu_self()->index;
    uint64_t before = vmcall(HYPERCALL_EOI_EXITS);
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        for (uint32_t i = 0; i < ipis_wanted && !is_routed(slot, cpu); i++) {
            uint32_t target = atomic_load(&ipis[cpu]) + 1;
            apic_self_ipi(vector_of(slot));
            if (!wait_at_least(&ipis[cpu], target))
                return;
        }
    }
    if (before != HYPERCALL_UNKNOWN)
        needless_exits[cpu] = vmcall(HYPERCALL_EOI_EXITS) - before;
}

static void handle_all(interrupt_handler handler) {
    for (uint32_t slot = 0; slot < SLOTS; slot++)
        interrupt_handle(vector_of(slot), handler);
}

/* Makes all inputs pending at this vCPU and reroutes them: each bit in its EOI-exit bitmap is
 * stale. */
static void make_all_stale(uint32_t cpu) {
    bool ran = cpu_call(cpu, interrupts_off);
    route_all(cpu);
    assert_all();
    route_all(0);
    ran = cpu_call(cpu, interrupts_on) && ran;
    report(ran && settle() == 0, "inputs rerouted while pending at vCPU %u are handled", cpu);
}

static void report_no_bit_left(uint32_t cpu) {
    uint32_t expected = ipis_wanted * (cpu == 0 ? SLOTS - INPUTS : SLOTS);
    needless_exits[cpu] = UINT64_MAX;
    handle_all(handle_ipi);
    bool ran = cpu_call(cpu, send_ipis);
    handle_all(handle);
    report(ran && ipis[cpu] == expected && needless_exits[cpu] == 0,
           "vCPU %u: %u IPIs with vectors that have no route to it: 0 EOI exits", cpu, expected);
    if (needless_exits[cpu])
        print("# there were %lu EOI exits\n", needless_exits[cpu]);
}

static void report_inputs_work(void) {
    uint32_t before = tally.handled;
    assert_all();
    report(settle() == 0 && tally.handled == before + INPUTS && tally.extra == 0,
           "each input still raises exactly one interrupt");
    for (uint32_t i = 0; i < INPUTS; i++)
        input_mask(i, true);
}

/* ---- the whole test ---- */

static void set_up_vcpu(void) {
    apic_set_logical_id();
    interrupts_on();
}

void guest_main(void) {
    reroutes_wanted = command_line_number("reroutes", 100000);
    ipis_wanted = command_line_number("ipis", 10000);
    apic_init_by_command_line();
    print("# soak: %s mode, %u reroutes\n", apic_x2apic_mode ? "x2APIC" : "xAPIC", reroutes_wanted);

    bool ready = cpus_start(VCPUS) == VCPUS;
    for (uint32_t cpu = 0; ready && cpu < VCPUS; cpu++) {
        worker_random[cpu].state = command_line_number("seed", 1) * 2ULL * VCPUS + cpu + 1;
        handler_random[cpu].state = worker_random[cpu].state + VCPUS;
        ready = cpu_call(cpu, set_up_vcpu);
    }
    if (!report(ready, "%u vCPUs run", VCPUS))
        report_done();
    handle_all(handle);
    interrupt_handle(VECTOR_WAKE, handle_wake);
    inputs_init();
    report_soak();
    report_idle();
    report_no_bit_left(0);
    for (uint32_t cpu = 1; cpu < VCPUS; cpu++) {
        make_all_stale(cpu);
        report_no_bit_left(cpu);
    }
    report_inputs_work();
    report_done();
}
