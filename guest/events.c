/* When an interrupt is delivered, and how often: priorities, blocking by STI, TPR and CR8; a local
 * APIC that is software-disabled; edge- and level-triggered interrupts of the I/O APIC that are
 * masked, repeated and rerouted; the timer's count when its mode changes.
 *
 * Command line: xapic or x2apic (default: x2APIC if CPUID offers it). Needs four vCPUs. SDM Vol.
 * 3A, "Handling Interrupts"; 82093AA data sheet. */
#include "guest/lib/apic.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"

#define VCPUS   4u
#define LOW     0x20
#define HIGH    0x21 /* in the same priority class as LOW */
#define HIGHER  0x3e
#define PIN     14
#define PIN_LOW 13
#define EDGE    0x66
#define LEVEL   0x77
#define LEVEL_2 0x64
#define SETTLE  2000u
#define INITIAL 400000u

static atomic_uint count[256];
static volatile uint32_t order, order_of[256];
static void (*volatile in_handler)(uint32_t times); /* runs before the EOI */

static void on_interrupt(uint8_t vector) {
    uint32_t times = atomic_fetch_add(&count[vector], 1) + 1;

    order_of[vector] = ++order;
    if (in_handler)
        in_handler(times);
    apic_eoi();
}

static void expect(uint8_t vector) {
    interrupt_handle(vector, on_interrupt);
    atomic_store(&count[vector], 0);
}

/* ---- one vCPU ---- */

static void test_class(void) {
    expect(LOW);
    expect(HIGH);
    apic_self_ipi(LOW);
    apic_self_ipi(HIGH);
    __asm__ volatile("sti; nop; cli");
    report(count[LOW] == 1 && count[HIGH] == 1 && order_of[HIGH] < order_of[LOW],
           "two vectors of one class: both delivered after one STI, the higher first");
}

/* STI blocks interrupts for one instruction, so INT n is executed before the pending interrupt. */
static void test_software(void) {
    expect(LOW);
    expect(HIGH);
    apic_self_ipi(LOW);
    __asm__ volatile("sti; int $0x21; cli" : : : "memory");
    report(count[LOW] == 1 && count[HIGH] == 1 && order_of[HIGH] < order_of[LOW],
           "INT n right after STI comes before a pending interrupt");
    report(apic_vectors_empty(APIC_ISR) && apic_vectors_empty(APIC_IRR),
           "the EOI after INT n changes neither ISR nor IRR");
}

static void test_tpr(void) {
    expect(LOW);
    expect(HIGHER);
    apic_write(APIC_TPR, 0xf0);
    interrupts_on();
    apic_self_ipi(LOW);
    apic_self_ipi(HIGHER);
    spin(SETTLE);
    report(count[LOW] == 0 && count[HIGHER] == 0, "TPR F0H blocks all vectors");
    apic_write(APIC_TPR, 0x20);
    report(count[LOW] == 0 && count[HIGHER] == 1,
           "TPR 20H delivers class 3 at once, and not class 2");
    apic_write(APIC_TPR, 0);
    report(count[LOW] == 1, "TPR 0 delivers class 2");
    interrupts_off();
}

static void test_self_ipis(void) {
    expect(HIGHER);
    apic_self_ipi(HIGHER);
    __asm__ volatile("sti; nop");
    report(count[HIGHER] == 1, "a self-IPI is delivered after STI and NOP");
    interrupts_off();
    apic_self_ipi(HIGHER);
    interrupts_on_and_halt();
    report(count[HIGHER] == 2, "a self-IPI is delivered after STI and HLT");
    write_cr8(0xf);
    apic_self_ipi(HIGHER);
    write_cr8(0);
    report(count[HIGHER] == 3, "a self-IPI blocked by CR8 is delivered when CR8 is 0 again");
    interrupts_off();
    write_cr8(0xf);
    apic_self_ipi(HIGHER);
    write_cr8(0);
    interrupts_on_and_halt();
    report(count[HIGHER] == 4, "the same with STI and HLT");
}

/* What was accepted before is kept, and its EOI works. */
static void test_software_disabled(void) {
    interrupts_off();
    expect(LOW);
    expect(HIGHER);
    apic_self_ipi(LOW);
    apic_software_disable();
    apic_self_ipi(HIGHER);
    report(!apic_vector_bit(APIC_IRR, HIGHER), "a software-disabled APIC drops a self-IPI");
    __asm__ volatile("sti; nop; cli");
    report(count[LOW] == 1 && apic_is_idle(), "what it has accepted before is delivered");
    apic_software_enable();
    __asm__ volatile("sti; nop; cli");
    report(count[HIGHER] == 0, "enabled again, it does not deliver what it has dropped");
    apic_self_ipi(HIGHER);
    __asm__ volatile("sti; nop; cli");
    report(count[HIGHER] == 1, "enabled again, it delivers self-IPIs");
}

/* ---- the timer ---- */

static uint32_t timer_now(void) {
    return apic_read(APIC_TIMER_CURRENT);
}

static void wait_below(uint32_t value) {
    while (timer_now() > value)
        pause();
}

static void set_timer_mode(uint32_t mode) {
    apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | mode | HIGHER);
}

/* Changes the mode while the timer counts. Whether the count continues; tried again if it may have
 * run out meanwhile, because this machine is itself virtual and lost the processor. */
static bool count_continues(uint32_t from, uint32_t to) {
    for (unsigned i = 0; i < 30; i++) {
        set_timer_mode(from);
        apic_write(APIC_TIMER_INITIAL, INITIAL);
        wait_below(INITIAL / 2);
        uint64_t begin = rdtsc();
        uint32_t before = timer_now();
        set_timer_mode(to);
        uint32_t after = timer_now();
        if (rdtsc() - begin < before)
            return after && after <= before;
    }
    return false;
}

static void test_timer_modes(void) {
    apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
    report(count_continues(0, APIC_LVT_TIMER_PERIODIC) && apic_read(APIC_TIMER_INITIAL) == INITIAL,
           "timer from one-shot to periodic: the count continues");
    uint32_t rounds = 0, now;
    while ((now = timer_now()) <= INITIAL / 2 && rounds++ < wait_bound / 100)
        pause();
    report(now > INITIAL / 2, "timer: the count restarts from the initial count");
    report(count_continues(APIC_LVT_TIMER_PERIODIC, 0),
           "timer from periodic to one-shot: the count continues");
    wait_below(0);
    set_timer_mode(APIC_LVT_TIMER_PERIODIC);
    report(timer_now() == 0, "timer from one-shot to periodic at 0: the count stays 0");
    apic_write(APIC_TIMER_INITIAL, 0);
}

/* ---- the I/O APIC ---- */

static void test_registers(void) {
    uint32_t version = ioapic_read(IOAPIC_REG_VERSION);

    ioapic_write(IOAPIC_REG_VERSION, ~version);
    report(ioapic_read(IOAPIC_REG_VERSION) == version,
           "the I/O APIC's version register cannot be written");
    uint32_t id = ioapic_read(IOAPIC_REG_ID);
    ioapic_write(IOAPIC_REG_ID, ~id);
    report((ioapic_read(IOAPIC_REG_ID) ^ id) == 0x0f000000, "four bits of its ID can be written");
    report(ioapic_read(IOAPIC_REG_ARBITRATION) == ioapic_read(IOAPIC_REG_ID),
           "a write to the ID sets the arbitration ID");
    ioapic_write(IOAPIC_REG_ID, id);
}

static void route(uint8_t pin, uint8_t vector, uint64_t flags) {
    expect(vector);
    ioapic_write_entry(pin, vector | flags);
}

static void pulse(uint8_t pin) {
    line_set(pin, 1);
    line_set(pin, 0);
}

static void lower(uint32_t times) {
    (void)times;
    line_set(PIN, 0);
}

static void lower_second(uint32_t times) {
    if (times == 2)
        line_set(PIN, 0);
}

static void glitch(uint32_t times) {
    if (times == 1) {
        line_set(PIN, 0);
        line_set(PIN, 1);
    }
    line_set(PIN, 0);
}

static void disable(uint32_t times) {
    (void)times;
    line_set(PIN, 0);
    apic_software_disable();
}

static void disable_and_enable(uint32_t times) {
    disable(times);
    apic_software_enable();
}

static void mask(uint32_t times) {
    (void)times;
    ioapic_mask(PIN);
}

static void unmask(uint64_t flags) {
    ioapic_select(IOAPIC_REG_ENTRY + 2 * PIN);
    ioapic_write_selected((uint32_t)flags);
}

static void test_edge(void) {
    in_handler = 0;
    route(PIN, EDGE, 0);
    pulse(PIN);
    report(count[EDGE] == 1 && !apic_vector_bit(APIC_TMR, EDGE), "an edge raises one interrupt");
    ioapic_mask(PIN);
    pulse(PIN);
    unmask(EDGE);
    report(count[EDGE] == 1, "an edge while masked is lost");
    pulse(PIN);
    report(count[EDGE] == 2, "the edge after unmasking is not");
    route(PIN_LOW, LOW, 0);
    interrupts_off();
    pulse(PIN_LOW);
    pulse(PIN);
    __asm__ volatile("sti; nop");
    report(count[LOW] == 1 && count[EDGE] == 3 && order_of[EDGE] < order_of[LOW],
           "two edges while interrupts are disabled: the higher vector first");
}

static void test_level(void) {
    in_handler = lower;
    route(PIN, LEVEL, RTE_LEVEL);
    line_set(PIN, 1);
    report(count[LEVEL] == 1 && apic_vector_bit(APIC_TMR, LEVEL), "a level raises one interrupt");
    line_set(PIN, 1);
    report(count[LEVEL] == 2, "a level that is raised again raises another interrupt");
    in_handler = glitch;
    expect(LEVEL);
    line_set(PIN, 1);
    report(count[LEVEL] == 1, "a glitch of the line before the EOI raises no other");
    in_handler = lower_second;
    expect(LEVEL);
    line_set(PIN, 1);
    report(count[LEVEL] == 2, "a line that stays active interrupts again after the EOI");
    in_handler = lower;
    expect(LEVEL);
    ioapic_mask(PIN);
    line_set(PIN, 1);
    report(count[LEVEL] == 0, "a level while masked raises no interrupt");
    unmask(LEVEL | RTE_LEVEL);
    report(count[LEVEL] == 1, "unmasking with the line active raises one interrupt");
    in_handler = mask;
    expect(LEVEL);
    line_set(PIN, 1);
    unmask(LEVEL | RTE_LEVEL);
    report(count[LEVEL] == 2,
           "masked by the handler, unmasked with the line active: raises another");
    line_set(PIN, 0);
    in_handler = 0;
    route(PIN, LEVEL, 0);
    report(apic_vector_bit(APIC_TMR, LEVEL),
           "the TMR bit stays set while no other interrupt is accepted");
    pulse(PIN);
    report(count[LEVEL] == 1 && !apic_vector_bit(APIC_TMR, LEVEL),
           "accepting an edge clears the TMR bit");
}

/* In xAPIC mode the processor virtualizes the self-IPI, so its EOI clears the bit. */
static void test_self_ipi_after_level(void) {
    in_handler = lower;
    route(PIN, LEVEL, RTE_LEVEL);
    line_set(PIN, 1);
    bool level = apic_vector_bit(APIC_TMR, LEVEL);
    interrupts_off();
    apic_self_ipi(LEVEL);
    if (apic_x2apic_mode)
        report(level && !apic_vector_bit(APIC_TMR, LEVEL), "accepting a self-IPI clears it, too");
    else
        report_skip("accepting a self-IPI clears it, too", "the processor virtualizes it");
    __asm__ volatile("sti; nop");
    report(count[LEVEL] == 2 && !apic_vector_bit(APIC_TMR, LEVEL),
           "a self-IPI on a vector that was level-triggered: its EOI leaves the TMR bit clear");
}

/* Invariants 1 and 5. */
static void test_disabled_in_service(void) {
    in_handler = disable;
    route(PIN, LEVEL, RTE_LEVEL);
    line_set(PIN, 1);
    bool ended = count[LEVEL] == 1 && apic_vectors_empty(APIC_ISR);
    report(ended && !(ioapic_read_entry(PIN) & RTE_REMOTE_IRR),
           "an EOI in a software-disabled APIC clears Remote IRR");
    line_set(PIN, 1);
    report(count[LEVEL] == 1, "a software-disabled APIC accepts no level-triggered interrupt");
    in_handler = disable_and_enable;
    apic_software_enable();
    report(count[LEVEL] == 2 && apic_vectors_empty(APIC_ISR) &&
               !(ioapic_read_entry(PIN) & RTE_REMOTE_IRR),
           "disabled and enabled in service: the EOI clears Remote IRR");
}

/* The handler of the lower vector raises the higher, drops both lines and reroutes both pins. */
static void reroute_both(uint32_t times) {
    if (order_of[LEVEL_2] != order || times != 1)
        return;
    line_set(PIN, 1);
    line_set(PIN, 0);
    line_set(PIN_LOW, 0);
    ioapic_reroute(PIN, 1);
    ioapic_reroute(PIN_LOW, 1);
}

static void test_reroute(void) {
    in_handler = reroute_both;
    route(PIN, LEVEL, RTE_LEVEL);
    route(PIN_LOW, LEVEL_2, RTE_LEVEL);
    line_set(PIN_LOW, 1);
    report(count[LEVEL] == 1 && count[LEVEL_2] == 1,
           "one rerouted in service, one while pending: both are handled");
    report(!(ioapic_read_entry(PIN) & RTE_REMOTE_IRR) &&
               !(ioapic_read_entry(PIN_LOW) & RTE_REMOTE_IRR),
           "both EOIs clear Remote IRR");
}

static void test_destinations(void) {
    in_handler = lower;
    expect(LEVEL);
    ioapic_write_entry(PIN, rte_level(LEVEL, 1));
    line_set(PIN, 1);
    report(wait_at_least(&count[LEVEL], 1) && count[LEVEL] == 1,
           "a level-triggered interrupt for vCPU 1");
    if (!apic_x2apic_mode) {
        report_skip("a level-triggered interrupt for three vCPUs",
                    "logical IDs are not set in xAPIC mode");
        return;
    }
    expect(LEVEL);
    ioapic_write_entry(PIN, rte_level(LEVEL, 0xd) | RTE_LOGICAL);
    line_set(PIN, 1);
    wait_at_least(&count[LEVEL], 3);
    spin(SETTLE);
    report(count[LEVEL] == 3, "a level-triggered interrupt for three vCPUs");
    report(!(ioapic_read_entry(PIN) & RTE_REMOTE_IRR), "Remote IRR is clear after their EOIs");
}

void guest_main(void) {
    apic_init_by_command_line();
    test_class();
    test_software();
    test_tpr();
    test_self_ipis();
    test_software_disabled();
    test_timer_modes();
    test_registers();
    interrupts_on();
    test_edge();
    test_level();
    test_self_ipi_after_level();
    test_disabled_in_service();
    if (report(cpus_start(VCPUS) == VCPUS, "%u vCPUs run", VCPUS)) {
        for (uint32_t i = 1; i < VCPUS; i++)
            report(cpu_call(i, interrupts_on), "vCPU %u enables interrupts", i);
        test_destinations();
        test_reroute();
    }
    report_done();
}
