/* What share of a physical CPU a guest gets while another guest does its worst to have more.
 *
 * As the victim it does nothing but read the TSC: a gap between two reads is time in which it did
 * not run. In the other roles it is a neighbour on the same CPU, each with a pattern that might
 * steal time: by never sleeping, by timers that are always due, by sleeping just before its slice
 * ends, by IPIs between its own vCPUs, by exits without end, by output.
 *
 * Command line: role=victim|spin|timer|halt|ipi|exits|flood|results, ms=N (how long, by the TSC at
 * tsc_khz=N), least=N (of the victim: the percentage that it must get). */
#include "guest/lib/apic.h"
#include "guest/lib/command_line.h"
#include "guest/lib/console.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"

#define VECTOR      0x90
#define GAP         1000u /* ticks: longer than any path of the victim's own loop */
#define DIVIDE_BY_1 0xb
#define PIN         3

static uint64_t khz, end;
static volatile uint32_t count; /* of what the role does: its loops, or the interrupts it handles */

static bool over(void) {
    return rdtsc() >= end;
}

static void victim(void) {
    uint64_t start = rdtsc(), last = start, away = 0;

    while (last < end) {
        uint64_t now = rdtsc();
        if (now - last > GAP)
            away += now - last;
        last = now;
        count++;
    }
    uint32_t share = (uint32_t)(100 - away * 100 / (last - start));
    uint32_t least = command_line_number("least", 45);
    report(share >= least, "the share of the CPU is %u %%, at least %u", share, least);
}

static void spin_role(void) {
    while (!over())
        count++;
}

static void handle(uint8_t vector) {
    (void)vector;
    count++;
    apic_eoi();
}

static void start_timer(uint32_t mode, uint64_t ticks) {
    apic_write(APIC_LVT_TIMER, mode | VECTOR);
    apic_write(APIC_TIMER_DIVIDE, DIVIDE_BY_1);
    apic_write(APIC_TIMER_INITIAL, (uint32_t)ticks);
}

/* A timer of 20 us, and never in HLT: the timer is due whenever the victim has the CPU. */
static void timer_role(void) {
    start_timer(APIC_LVT_TIMER_PERIODIC, khz / 50);
    while (!over())
        ;
    apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
}

/* Nine tenths of a slice at work, then HLT until a timer that is due almost at once. */
static void halt_role(void) {
    while (!over()) {
        uint64_t until = rdtsc() + khz * 9;
        while (rdtsc() < until)
            ;
        interrupts_off();
        start_timer(0, khz / 20);
        interrupts_on_and_halt();
    }
}

static void answer(uint8_t vector) {
    (void)vector;
    __atomic_fetch_add(&count, 1, __ATOMIC_RELAXED);
    apic_eoi();
    if (!over())
        apic_send(1 - cpu_self()->index, VECTOR);
}

static void halt_until_over(void) {
    interrupts_on();
    while (!over())
        interrupts_on_and_halt();
    apic_send(1 - cpu_self()->index, VECTOR); /* the other one may wait in HLT */
}

static void ipi_role(void) {
    interrupt_handle(VECTOR, answer);
    report(cpus_start(2) == 2 && cpu_run(1, halt_until_over), "two vCPUs");
    apic_send(1, VECTOR);
    halt_until_over();
    report(cpu_wait(1), "both have ended");
}

static void exits_role(void) {
    for (; !over(); count++)
        cpuid(0, 0);
}

static void flood_role(void) {
    for (; !over(); count++)
        print("0123456789012345678901234567890123456789012345678901234567890123456789\n");
}

/* Ends at once, with an EOI exit on each vector: a line of results for each. */
static void results_role(void) {
    for (unsigned v = 0x20; v < 0x100; v++) {
        interrupt_handle((uint8_t)v, handle);
        ioapic_write_entry(PIN, rte_level((uint8_t)v, 0));
        apic_self_ipi((uint8_t)v);
    }
}

static const struct {
    const char *name;
    void (*run)(void);
} roles[] = {
    {"victim", victim}, {"spin", spin_role},   {"timer", timer_role}, {"halt", halt_role},
    {"ipi", ipi_role},  {"exits", exits_role}, {"flood", flood_role}, {"results", results_role},
};

void guest_main(void) {
    apic_init(apic_has_x2apic());
    interrupt_handle(VECTOR, handle);
    khz = command_line_number("tsc_khz", 50000);
    end = rdtsc() + khz * command_line_number("ms", 300);
    for (unsigned i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        if (command_line_is("role", roles[i].name)) {
            interrupts_on();
            roles[i].run();
            interrupts_off();
            report(count > 0, "%s: %u times", roles[i].name, count);
            report_done();
        }
    }
    report(false, "there is such a role");
    report_done();
}
