/* vCPUs that spin for each other while they share one physical CPU.
 *
 * A token circulates: each vCPU spins until it is its turn and passes the token on. Without PAUSE
 * in the loop a wait lasts until the hypervisor's time slice ends. With PAUSE, PAUSE-loop exiting
 * lets the hypervisor run another vCPU instead. Look at the two lines BENCH: what a turn takes with
 * PAUSE and without.
 *
 * Command line: rounds=N (default 25); ratio=N: PAUSE must make a turn at least N times faster
 * (default 1: with a CPU for each vCPU it makes no difference). */
#include "guest/lib/apic.h"
#include "guest/lib/command_line.h"
#include "guest/lib/console.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"

static uint32_t vcpus, rounds;
static atomic_uint token; /* whose turn it is: modulo vcpus */
static bool with_pause;
static uint32_t turns[CPU_MAX]; /* how many each vCPU has had */

static void take_turns(void) {
    uint32_t self = cpu_self()->index;

    for (uint32_t round = 0; round < rounds; round++) {
        while (atomic_load(&token) != round * vcpus + self) {
            if (with_pause)
                pause();
        }
        turns[self]++;
        atomic_fetch_add(&token, 1);
    }
}

/* Runs all rounds; returns the ticks per turn, or 0 if a vCPU did not take part. */
static uint64_t measure_turns(bool pausing) {
    bool all = true;

    with_pause = pausing;
    atomic_store(&token, 0);
    uint64_t start = rdtsc();
    for (uint32_t i = 1; i < vcpus; i++)
        all = cpu_run(i, take_turns) && all;
    if (!all)
        return 0;
    take_turns();
    for (uint32_t i = 1; i < vcpus; i++)
        all = cpu_wait(i) && all;
    return all ? (rdtsc() - start) / (rounds * vcpus) : 0;
}

static uint64_t run(const char *name, bool pausing) {
    uint64_t cost = measure_turns(pausing);

    report(cost != 0, "%s: %u rounds of %u vCPUs", name, rounds, vcpus);
    print("BENCH name=%s instructions=%lu\n", name, cost);
    return cost;
}

void guest_main(void) {
    apic_init(false);
    vcpus = cpus_start(0);
    rounds = command_line_number("rounds", 25);
    report(vcpus > 1, "there are %u vCPUs", vcpus);

    uint64_t pausing = run("turn_with_pause", true);
    uint64_t sliced = run("turn_by_slices", false);
    report(sliced >= pausing * command_line_number("ratio", 1),
           "a turn takes %lu with PAUSE, %lu without", pausing, sliced);
    for (uint32_t i = 0; i < vcpus; i++)
        report(turns[i] == 2 * rounds, "vCPU %u had %u turns", i, turns[i]);
    report_done();
}
