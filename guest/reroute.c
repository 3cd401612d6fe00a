/* The demonstration of the stale EOI exit.
 *
 * A level-triggered interrupt is in service on vCPU 0 when its handler reroutes the pin to vCPU 1.
 * The EOI still comes from vCPU 0 and must still reach the I/O APIC, so it must cause a VM exit
 * there, once. Later interrupts with the same vector on vCPU 0, here thousands of self-IPIs, need
 * no VM exit. Look at eoi_stale and eoi_coincidental in the COUNTERS of vCPU 0, with
 * stale_rescan=on and off. Then two pins with two vectors are rerouted together, one in service and
 * one pending, in both orders of priority. Each step prints one line.
 *
 * Command line: xapic or x2apic (default: x2APIC if CPUID offers it); rounds=N (default 10000).
 * Needs two vCPUs; others spin. SDM Vol. 3A, "Signaling Interrupt Servicing Completion"; 82093AA
 * data sheet, "I/O Redirection Table Registers", Remote IRR. */
#include "guest/lib/apic.h"
#include "guest/lib/command_line.h"
#include "guest/lib/console.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"

#define DEFAULT_ROUNDS 10000
#define PAIR_ROUNDS    100
#define SETTLE         20000u /* PAUSEs in which a second delivery would arrive */

/* A pin, its vector, and what its handler found. Each part of the demonstration has its own
 * vectors, so that the hypervisor counts them separately. */
struct line {
    uint8_t pin;
    uint8_t vector;
    atomic_uint handled[2]; /* by vCPU */
    uint32_t order;         /* position in the order of handlers, from 1 */
    bool remote_irr_in_service, remote_irr_after;
};

static struct line single = {.pin = 11, .vector = 0x51};
static struct line low = {.pin = 10, .vector = 0x52};
static struct line high = {.pin = 11, .vector = 0x63};

static uint32_t handlers_run;
static void (*in_service)(const struct line *line); /* runs in the handler, before the EOI */
static atomic_uint ipis;
static atomic_bool stop_listening;
static bool other_is_idle;

static bool remote_irr(const struct line *line) {
    return ioapic_read_entry(line->pin) & RTE_REMOTE_IRR;
}

static bool routed_to(const struct line *line, uint32_t cpu) {
    return rte_destination(ioapic_read_entry(line->pin)) == cpu;
}

static void reroute(const struct line *line, uint8_t cpu) {
    print("# vCPU %u: reroutes pin %u to vCPU %u; the EOI comes later\n", cpu_self()->index,
          line->pin, cpu);
    ioapic_reroute(line->pin, cpu);
}

static void raise(const struct line *line) {
    print("# vCPU %u: raises the line of pin %u (vector 0x%x)\n", cpu_self()->index, line->pin,
          line->vector);
    line_set(line->pin, 1);
}

/* The handler of all three lines. It drops the line before the EOI, so that the pin does not
 * deliver again to its new destination. */
static void serve(struct line *line) {
    uint32_t cpu = cpu_self()->index;
    line->remote_irr_in_service = remote_irr(line);
    line->order = ++handlers_run;
    print("# vCPU %u: in the handler of vector 0x%x; Remote IRR of pin %u is %u\n", cpu,
          line->vector, line->pin, line->remote_irr_in_service);
    in_service(line);
    line_set(line->pin, 0);
    print("# vCPU %u: drops the line of pin %u and sends the EOI of vector 0x%x\n", cpu, line->pin,
          line->vector);
    apic_eoi();
    line->remote_irr_after = remote_irr(line);
    atomic_fetch_add(&line->handled[cpu & 1], 1);
}

static void serve_single(uint8_t vector) {
    (void)vector;
    serve(&single);
}

static void serve_low(uint8_t vector) {
    (void)vector;
    serve(&low);
}

static void serve_high(uint8_t vector) {
    (void)vector;
    serve(&high);
}

static void count_ipi(uint8_t vector) {
    (void)vector;
    atomic_fetch_add(&ipis, 1);
    apic_eoi();
}

/* Runs on vCPU 1: handles interrupts until it is told to stop. */
static void listen(void) {
    interrupts_on();
    while (!atomic_load(&stop_listening))
        pause();
    interrupts_off();
}

/* Runs on vCPU 1. */
static void check_idle(void) {
    other_is_idle = apic_is_idle();
}

/* Sends `rounds` IPIs from vCPU 0 to itself, one by one: each after the previous one's handler. */
static void report_self_ipis(uint8_t vector, uint32_t rounds) {
    print("# vCPU 0: sends itself %u IPIs with vector 0x%x, each with a handler and an EOI\n",
          rounds, vector);
    interrupt_handle(vector, count_ipi);
    atomic_store(&ipis, 0);
    for (uint32_t i = 1; i <= rounds; i++) {
        apic_self_ipi(vector);
        if (!wait_at_least(&ipis, i))
            break;
    }
    spin(SETTLE);
    report(atomic_load(&ipis) == rounds,
           "%u self-IPIs with vector 0x%x are handled, each exactly once", rounds, vector);
}

/* Reports what must hold after an interrupt for `cpu`: how often this vCPU has handled the line
 * now, and how often the other one, and Remote IRR. */
static void report_handled(struct line *line, uint32_t cpu, uint32_t here, uint32_t elsewhere) {
    bool arrived = wait_at_least(&line->handled[cpu], here);
    spin(SETTLE);
    report(arrived && line->handled[cpu] == here && line->handled[cpu ^ 1] == elsewhere,
           "vector 0x%x of pin %u is handled exactly once, by vCPU %u", line->vector, line->pin,
           cpu);
    report(line->remote_irr_in_service, "Remote IRR of pin %u is set while vCPU %u serves it",
           line->pin, cpu);
    report(!line->remote_irr_after, "Remote IRR of pin %u is clear after the EOI from vCPU %u",
           line->pin, cpu);
}

static void report_idle(void) {
    report(apic_is_idle(), "IRR and ISR of vCPU 0 are empty");
    atomic_store(&stop_listening, true);
    bool ran = cpu_wait(1) && cpu_call(1, check_idle);
    report(ran && other_is_idle, "IRR and ISR of vCPU 1 are empty");
    atomic_store(&stop_listening, false);
    cpu_run(1, listen);
}

static void route_to_vcpu_0(struct line *line, interrupt_handler handler) {
    line->handled[0] = line->handled[1] = 0;
    line->remote_irr_in_service = false;
    line->remote_irr_after = true;
    interrupt_handle(line->vector, handler);
    print("# vCPU 0: routes pin %u, level-triggered, to vCPU 0 with vector 0x%x\n", line->pin,
          line->vector);
    ioapic_write_entry(line->pin, rte_level(line->vector, 0));
}

static void reroute_to_other(const struct line *line) {
    reroute(line, cpu_self()->index == 0 ? 1 : 0);
}

static void one_vector(uint32_t rounds) {
    print("# Part 1: one pin, rerouted by its own handler.\n");
    in_service = reroute_to_other;
    route_to_vcpu_0(&single, serve_single);
    raise(&single);
    report_handled(&single, 0, 1, 0);
    report(routed_to(&single, 1), "pin 11 is routed to vCPU 1 now");

    report_self_ipis(single.vector, rounds);

    print("# The same pin again: now vCPU 1 handles it and reroutes it back.\n");
    interrupt_handle(single.vector, serve_single);
    single.remote_irr_in_service = false;
    single.remote_irr_after = true;
    raise(&single);
    report_handled(&single, 1, 1, 1);
    report(routed_to(&single, 0), "pin 11 is routed to vCPU 0 again");
    report_idle();
    ioapic_mask(single.pin);
}

/* Reroutes both pins, in the first of the two handlers. */
static void reroute_both(const struct line *line) {
    (void)line;
    if (handlers_run > 1)
        return;
    reroute(&low, 1);
    reroute(&high, 1);
}

static void raise_high_and_reroute_both(const struct line *line) {
    if (line == &low) {
        raise(&high);
        print("# vCPU 0: vector 0x%x is %s in IRR while vector 0x%x is in service\n", high.vector,
              apic_vector_bit(APIC_IRR, high.vector) ? "pending" : "MISSING", low.vector);
    }
    reroute_both(line);
}

static void report_pair(const struct line *first, const struct line *second) {
    report_handled(&low, 0, 1, 0);
    report_handled(&high, 0, 1, 0);
    report(first->order == 1 && second->order == 2, "vector 0x%x is handled first, then 0x%x",
           first->vector, second->vector);
    report(routed_to(&low, 1) && routed_to(&high, 1), "both pins are routed to vCPU 1 now");
    report_self_ipis(low.vector, PAIR_ROUNDS);
    report_self_ipis(high.vector, PAIR_ROUNDS);
    report_idle();
    ioapic_mask(low.pin);
    ioapic_mask(high.pin);
}

static void higher_in_service(void) {
    print("# Part 2: two pins; the higher vector in service, the lower pending; both rerouted.\n");
    handlers_run = 0;
    in_service = reroute_both;
    interrupts_off();
    route_to_vcpu_0(&low, serve_low);
    route_to_vcpu_0(&high, serve_high);
    raise(&low);
    raise(&high);
    interrupts_on();
    report_pair(&high, &low);
}

static void lower_in_service(void) {
    print("# Part 3: two pins; the lower vector in service, the higher pending; both rerouted.\n");
    handlers_run = 0;
    in_service = raise_high_and_reroute_both;
    route_to_vcpu_0(&low, serve_low);
    route_to_vcpu_0(&high, serve_high);
    raise(&low);
    report_pair(&low, &high);
}

void guest_main(void) {
    uint32_t rounds = command_line_number("rounds", DEFAULT_ROUNDS);
    apic_init_by_command_line();
    print("# reroute: %s mode, rounds=%u\n", apic_x2apic_mode ? "x2APIC" : "xAPIC", rounds);

    if (!report(cpus_start(0) >= 2 && cpu_run(1, listen), "two vCPUs run"))
        report_done();
    interrupts_on();
    one_vector(rounds);
    higher_in_service();
    lower_in_service();
    interrupts_off();
    report_done();
}
