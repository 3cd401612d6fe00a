/* The local APIC's timer in its three modes: how often it fires, how soon, what its registers read.
 *
 * Each vCPU's in turn, while the other vCPUs spin. Command line: xapic or x2apic (default: x2APIC
 * if there is one). The clock is the TSC; nothing here depends on how fast it is. */
#include "guest/lib/apic.h"
#include "guest/lib/command_line.h"
#include "guest/lib/console.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"

#define VECTOR_TIMER             0x84
#define COUNT                    200000u /* bus ticks; longer than any path through the hypervisor */
#define PERIODS                  10
#define DIVIDE_BY_1              0xb
#define DIVIDE_BY_128            0xa

#define CPUID_1_ECX_TSC_DEADLINE (1u << 24)

static volatile uint32_t fired;
static volatile uint64_t fired_at;

static void count(uint8_t vector) {
    (void)vector;
    fired_at = rdtsc();
    fired++;
    apic_eoi();
}

/* HLT until the timer has fired so often; returns when it did, in TSC ticks. If it never does, the
 * runner's time limit ends this. */
static uint64_t wait_for(uint32_t times) {
    interrupts_off();
    while (fired < times) {
        interrupts_on_and_halt();
        interrupts_off();
    }
    uint64_t at = fired_at;
    interrupts_on();
    return at;
}

static void start(uint32_t mode, uint32_t divide, uint32_t initial) {
    fired = 0;
    apic_write(APIC_LVT_TIMER, mode | VECTOR_TIMER);
    apic_write(APIC_TIMER_DIVIDE, divide);
    apic_write(APIC_TIMER_INITIAL, initial);
}

/* How long one shot takes, in TSC ticks. */
static uint64_t one_shot(uint32_t divide, uint32_t initial) {
    uint64_t begin = rdtsc();

    start(0, divide, initial);
    return wait_for(1) - begin;
}

static void test_one_shot(void) {
    uint64_t once = one_shot(DIVIDE_BY_1, COUNT);
    uint64_t slow = one_shot(DIVIDE_BY_128, COUNT / 16);

    report(fired == 1 && apic_read(APIC_TIMER_CURRENT) == 0, "one-shot: fires once, then reads 0");
    report(once >= COUNT, "one-shot: not before its time");
    report(slow >= 7 * once && slow <= 9 * once, "a divisor of 128 counts 128 times slower");
    start(0, DIVIDE_BY_1, 0xffffffff);
    uint32_t first = apic_read(APIC_TIMER_CURRENT);
    uint32_t second = apic_read(APIC_TIMER_CURRENT);
    report(second < first && first < 0xffffffff, "the current count goes down");
    apic_write(APIC_TIMER_INITIAL, 0);
    report(apic_read(APIC_TIMER_CURRENT) == 0, "an initial count of 0 stops it");
}

static void test_periodic(void) {
    uint64_t begin = rdtsc();

    start(APIC_LVT_TIMER_PERIODIC, DIVIDE_BY_1, COUNT);
    uint64_t took = wait_for(PERIODS) - begin;
    report(took >= (uint64_t)PERIODS * COUNT, "periodic: not before its time");
    report(took < (uint64_t)(PERIODS + 1) * COUNT, "periodic: keeps its phase");
    apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | APIC_LVT_TIMER_PERIODIC | VECTOR_TIMER);
    uint32_t before = fired;
    for (uint64_t end = rdtsc() + 3 * COUNT; rdtsc() < end;)
        pause();
    report(fired == before, "masked, it fires no more");
    apic_write(APIC_TIMER_INITIAL, 0);
}

static void test_deadline(void) {
    if (!(cpuid(1, 0).ecx & CPUID_1_ECX_TSC_DEADLINE)) {
        report_skip("TSC deadline", "CPUID does not offer it");
        return;
    }
    fired = 0;
    apic_write(APIC_LVT_TIMER, APIC_LVT_TIMER_TSC_DEADLINE | VECTOR_TIMER);
    uint64_t deadline = rdtsc() + COUNT;
    wrmsr(MSR_IA32_TSC_DEADLINE, deadline);
    report(rdmsr(MSR_IA32_TSC_DEADLINE) == deadline, "deadline: armed, it reads back");
    report(wait_for(1) >= deadline, "deadline: not before its time");
    report(rdmsr(MSR_IA32_TSC_DEADLINE) == 0, "deadline: passed, it reads 0");
    wrmsr(MSR_IA32_TSC_DEADLINE, rdtsc() - 1);
    wait_for(2);
    report(fired == 2, "deadline: one in the past fires at once");
    wrmsr(MSR_IA32_TSC_DEADLINE, rdtsc() + COUNT);
    wrmsr(MSR_IA32_TSC_DEADLINE, 0);
    for (uint64_t end = rdtsc() + 3 * COUNT; rdtsc() < end;)
        pause();
    report(fired == 2, "deadline: 0 disarms it");
    apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
}

static void test_own(void) {
    print("# vCPU %u\n", cpu_self()->index);
    interrupts_on();
    test_one_shot();
    test_periodic();
    test_deadline();
    interrupts_off();
}

void guest_main(void) {
    apic_init(!command_line_has("xapic") && apic_has_x2apic());
    interrupt_handle(VECTOR_TIMER, count);
    uint32_t vcpus = cpus_start(0);
    test_own();
    for (uint32_t i = 1; i < vcpus; i++)
        report(cpu_run(i, test_own) && cpu_wait(i), "vCPU %u has done the same", i);
    report_done();
}
