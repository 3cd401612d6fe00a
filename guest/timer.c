/* The local APIC's timer in its three modes: when it fires, how often, and what its registers read.
 *
 * The vCPUs run the tests in turn, while the others spin. Command line: xapic or x2apic (default:
 * x2APIC if CPUID offers it). The clock is the TSC; no test depends on its frequency. Where this
 * machine is itself virtual, it may lose the processor for longer than a period. A measurement that
 * such a pause makes longer is repeated; one that is too short fails at once. SDM Vol. 3A, "APIC
 * Timer". */
#include "guest/lib/apic.h"
#include "guest/lib/console.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"

#define VECTOR_TIMER 0x84
#define COUNT        200000u /* bus ticks: more than any path through the hypervisor takes */
#define PERIODS      10
#define ATTEMPTS     30 /* measurements of which one has no pause in it */

static volatile uint32_t fired;
static volatile uint64_t fired_at;

static void count(uint8_t vector) {
    (void)vector;
    fired_at = rdtsc();
    fired++;
    apic_eoi();
}

/* Halts until the timer has fired this often; returns the TSC of the last time. */
static uint64_t wait_for(uint32_t times) {
    halt_until(&fired, times);
    uint64_t at = fired_at;
    interrupts_on();
    return at;
}

static void spin_ticks(uint64_t ticks) {
    for (uint64_t end = rdtsc() + ticks; rdtsc() < end;)
        pause();
}

static void start(uint32_t mode, uint32_t divide, uint32_t initial) {
    fired = 0;
    apic_write(APIC_LVT_TIMER, mode | VECTOR_TIMER);
    apic_write(APIC_TIMER_DIVIDE, divide);
    apic_write(APIC_TIMER_INITIAL, initial);
}

/* How many TSC ticks it takes until the timer fires in one-shot mode. */
static uint64_t one_shot(uint32_t divide, uint32_t initial) {
    uint64_t begin = rdtsc();

    start(0, divide, initial);
    return wait_for(1) - begin;
}

/* Whether a divisor of 128 is 128 times slower, in one measurement without a pause. */
static bool test_divisor(void) {
    for (unsigned i = 0; i < ATTEMPTS; i++) {
        uint64_t once = one_shot(APIC_DIVIDE_BY_1, COUNT);
        uint64_t slow = one_shot(APIC_DIVIDE_BY_128, COUNT / 16);
        if (slow < 8ull * COUNT)
            return false;
        if (slow >= 7 * once && slow <= 9 * once)
            return true;
    }
    return false;
}

static void test_one_shot(void) {
    uint64_t once = one_shot(APIC_DIVIDE_BY_1, COUNT);
    bool slower = test_divisor();

    report(fired == 1 && apic_read(APIC_TIMER_CURRENT) == 0,
           "one-shot: fires once, then the current count is 0");
    report(once >= COUNT, "one-shot: does not fire early");
    report(slower, "one-shot: a divisor of 128 is 128 times slower");
    start(0, APIC_DIVIDE_BY_1, 0xffffffff);
    uint32_t first = apic_read(APIC_TIMER_CURRENT);
    uint32_t second = apic_read(APIC_TIMER_CURRENT);
    report(second < first && first < 0xffffffff, "one-shot: the current count decreases");
    apic_write(APIC_TIMER_INITIAL, 0);
    report(apic_read(APIC_TIMER_CURRENT) == 0, "one-shot: an initial count of 0 stops the timer");
}

static void test_periodic(void) {
    bool early = false, drifts = true;

    for (unsigned i = 0; i < ATTEMPTS && drifts; i++) {
        uint64_t begin = rdtsc();
        start(APIC_LVT_TIMER_PERIODIC, APIC_DIVIDE_BY_1, COUNT);
        uint64_t took = wait_for(PERIODS) - begin;
        early = early || took < (uint64_t)PERIODS * COUNT;
        drifts = took >= (uint64_t)(PERIODS + 1) * COUNT;
    }
    report(!early, "periodic: does not fire early");
    report(!drifts, "periodic: periods do not drift");
    apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | APIC_LVT_TIMER_PERIODIC | VECTOR_TIMER);
    uint32_t before = fired;
    spin_ticks(3 * COUNT);
    report(fired == before, "periodic: does not fire while masked");
    apic_write(APIC_TIMER_INITIAL, 0);
}

/* Whether the MSR reads the deadline while it is armed: read before that time. */
static bool deadline_reads_back(uint64_t *deadline) {
    for (unsigned i = 0; i < ATTEMPTS; i++) {
        fired = 0;
        *deadline = rdtsc() + COUNT;
        wrmsr(MSR_IA32_TSC_DEADLINE, *deadline);
        uint64_t value = rdmsr(MSR_IA32_TSC_DEADLINE);
        if (rdtsc() < *deadline)
            return value == *deadline;
        wait_for(1);
    }
    return false;
}

/* Whether the timer does not fire if 0 is written before the deadline. */
static bool deadline_is_disarmed(void) {
    for (unsigned i = 0; i < ATTEMPTS; i++) {
        uint64_t deadline = rdtsc() + COUNT;
        fired = 0;
        wrmsr(MSR_IA32_TSC_DEADLINE, deadline);
        wrmsr(MSR_IA32_TSC_DEADLINE, 0);
        bool in_time = rdtsc() < deadline;
        spin_ticks(3 * COUNT);
        if (in_time)
            return !fired;
    }
    return false;
}

static void test_deadline(void) {
    uint64_t deadline;

    if (!apic_has_tsc_deadline()) {
        report_skip("TSC-deadline mode", "CPUID does not offer it");
        return;
    }
    apic_write(APIC_LVT_TIMER, APIC_LVT_TIMER_TSC_DEADLINE | VECTOR_TIMER);
    report(deadline_reads_back(&deadline), "deadline: the MSR reads back while armed");
    report(wait_for(1) >= deadline, "deadline: does not fire early");
    report(rdmsr(MSR_IA32_TSC_DEADLINE) == 0, "deadline: the MSR reads 0 after it");
    wrmsr(MSR_IA32_TSC_DEADLINE, rdtsc() - 1);
    wait_for(2);
    report(fired == 2, "deadline: a deadline in the past fires at once");
    report(deadline_is_disarmed(), "deadline: writing 0 disarms it");
    apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
}

static void test_this_vcpu(void) {
    print("# vCPU %u\n", cpu_self()->index);
    interrupts_on();
    test_one_shot();
    test_periodic();
    test_deadline();
    interrupts_off();
}

void guest_main(void) {
    apic_init_by_command_line();
    interrupt_handle(VECTOR_TIMER, count);
    uint32_t vcpus = cpus_start(0);
    test_this_vcpu();
    for (uint32_t i = 1; i < vcpus; i++)
        report(cpu_call(i, test_this_vcpu), "vCPU %u has finished its tests", i);
    report_done();
}
