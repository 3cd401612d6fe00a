/* What things cost a guest: a line BENCH name=NAME instructions=N each, the median of many rounds.
 *
 * The clock is the TSC. In an emulator whose TSC counts executed instructions, and with one
 * physical CPU, the figures are exact instruction counts, the hypervisor's included; on hardware
 * they are cycles. What an empty round costs is taken off.
 *
 * Command line: xapic or x2apic runs only the cases of that mode; default: xAPIC first, then x2APIC
 * if there is one. rounds=N (default 201, at most 1001). cpus=N: how many vCPUs there are (default:
 * what CPUID tells); the IPI cases want two. */
#include "arch/msr.h"
#include "guest/lib/apic.h"
#include "guest/lib/command_line.h"
#include "guest/lib/console.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/measure.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"

#define PIN                      MEASURE_PIN
#define VECTOR_LEVEL             0x51
#define VECTOR_IPI               0x62
#define VECTOR_EDGE              0x64
#define VECTOR_OTHER             0x73
#define VECTOR_TIMER             0x84
#define SETTLE                   2000u /* PAUSEs, for another vCPU to get back to where it waits */
#define PORT_READ                0x3fd /* the UART's line status */
#define PORT_WRITE               0x3ff /* its scratch register */
#define CPUID_1_ECX_TSC_DEADLINE (1u << 24)

enum mode { ANY_MODE, XAPIC, X2APIC };

static uint32_t rounds, vcpus;
static atomic_uint handled; /* interrupts, by whichever handler */
static uint64_t eoi_cost;   /* of the last handler that measured it */
static atomic_bool stop_listening;
static atomic_ullong handled_at; /* when handle_and_note() ran */

/* ---- no interrupts ---- */

static uint64_t cpuid_leaf(void) {
    uint64_t start = rdtsc();
    cpuid(0, 0);
    return rdtsc() - start;
}

static uint64_t hypercall(void) {
    uint64_t start = rdtsc();
    vmcall(HYPERCALL_NOTHING);
    return rdtsc() - start;
}

static uint64_t port_read(void) {
    uint64_t start = rdtsc();
    inb(PORT_READ);
    return rdtsc() - start;
}

static uint64_t port_write(void) {
    uint64_t start = rdtsc();
    outb(PORT_WRITE, 0);
    return rdtsc() - start;
}

static uint64_t write_back_caches(void) {
    uint64_t start = rdtsc();
    wbinvd();
    return rdtsc() - start;
}

static uint64_t toggle_cr0_wp(void) {
    uint64_t value = read_cr0();
    uint64_t start = rdtsc();
    write_cr0(value ^ CR0_WP);
    write_cr0(value);
    return rdtsc() - start;
}

static uint64_t toggle_cr4_pge(void) {
    uint64_t value = read_cr4();
    uint64_t start = rdtsc();
    write_cr4(value ^ CR4_PGE);
    write_cr4(value);
    return rdtsc() - start;
}

static uint64_t tpr_write_mapped(void) {
    uint64_t start = rdtsc();
    *apic_register(APIC_TPR) = 0;
    return rdtsc() - start;
}

static uint64_t tpr_write_msr(void) {
    uint64_t start = rdtsc();
    wrmsr(MSR_X2APIC_TPR, 0);
    return rdtsc() - start;
}

static uint64_t cr8_write(void) {
    uint64_t start = rdtsc();
    write_cr8(0);
    return rdtsc() - start;
}

/* ---- interrupts from this vCPU to itself ---- */

static void handle_edge(uint8_t vector) {
    (void)vector;
    uint64_t start = rdtsc();
    apic_eoi();
    eoi_cost = rdtsc() - start;
    atomic_fetch_add(&handled, 1);
}

/* To the handler and back: what is timed ends when the interrupted code goes on. */
static void handle_ipi(uint8_t vector) {
    (void)vector;
    atomic_store_explicit(&handled, handled + 1, memory_order_relaxed);
    apic_eoi();
}

static void handle_and_note(uint8_t vector) {
    atomic_store(&handled_at, rdtsc());
    handle_ipi(vector);
}

/* Time from `start` to now, if the handler has run by now or does within the bound. */
static uint64_t since(uint64_t start, uint32_t target) {
    bool came = handled >= target || wait_at_least(&handled, target);
    return came ? rdtsc() - start : MEASURE_FAILED;
}

static uint64_t self_ipi(void) {
    uint32_t target = handled + 1;
    uint64_t start = rdtsc();
    apic_self_ipi(VECTOR_IPI);
    return since(start, target);
}

static uint64_t self_icr(void) {
    uint32_t target = handled + 1, self = cpu_self()->index;
    uint64_t start = rdtsc();
    apic_send(self, (uint32_t)APIC_ICR_ASSERT | VECTOR_IPI);
    return since(start, target);
}

static uint64_t self_ipi_halted(void) {
    uint32_t target = handled + 1;
    interrupts_off();
    uint64_t start = rdtsc();
    apic_self_ipi(VECTOR_IPI);
    interrupts_on_and_halt();
    return since(start, target);
}

static uint64_t eoi_edge(void) {
    uint32_t target = handled + 1;
    apic_self_ipi(VECTOR_EDGE);
    return wait_at_least(&handled, target) ? eoi_cost : MEASURE_FAILED;
}

static uint64_t tsc_deadline(void) {
    uint32_t target = handled + 1;
    apic_write(APIC_LVT_TIMER, APIC_LVT_TIMER_TSC_DEADLINE | VECTOR_TIMER);
    uint64_t start = rdtsc();
    wrmsr(MSR_IA32_TSC_DEADLINE, start);
    uint64_t cost = since(start, target);
    apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
    return cost;
}

/* ---- level-triggered interrupts ---- */

static void handle_level(uint8_t vector) {
    line_set(PIN, 0);
    handle_edge(vector);
}

/* The EOI comes from a vCPU that the route no longer names: it includes the scan that follows. */
static void handle_level_and_reroute(uint8_t vector) {
    ioapic_reroute(PIN, 1);
    handle_level(vector);
}

static uint64_t level_eoi(interrupt_handler handler) {
    uint32_t target = handled + 1;
    interrupt_handle(VECTOR_LEVEL, handler);
    ioapic_reroute(PIN, 0);
    line_set(PIN, 1);
    return wait_at_least(&handled, target) ? eoi_cost : MEASURE_FAILED;
}

static uint64_t live_eoi(void) {
    return level_eoi(handle_level);
}

static uint64_t stale_eoi(void) {
    return level_eoi(handle_level_and_reroute);
}

/* ---- two vCPUs ---- */

/* Work for vCPU 1: takes interrupts until told to stop, spinning. */
static void listen_spinning(void) {
    interrupts_on();
    while (!atomic_load(&stop_listening))
        pause();
    interrupts_off();
}

/* The same, halted: the interrupt that ends the last halt comes with the order to stop. */
static void listen_halted(void) {
    while (!atomic_load(&stop_listening)) {
        interrupts_on_and_halt();
        interrupts_off();
    }
}

static uint64_t ipi_to_other(void) {
    spin(SETTLE);
    uint32_t target = handled + 1;
    uint64_t start = rdtsc();
    apic_send(1, (uint32_t)APIC_ICR_ASSERT | VECTOR_OTHER);
    return since(start, target);
}

/* Until its handler runs there. */
static uint64_t ipi_to_handler(void) {
    spin(SETTLE);
    uint32_t target = handled + 1;
    interrupt_handle(VECTOR_OTHER, handle_and_note);
    uint64_t start = rdtsc();
    apic_send(1, (uint32_t)APIC_ICR_ASSERT | VECTOR_OTHER);
    bool came = wait_at_least(&handled, target);
    interrupt_handle(VECTOR_OTHER, handle_ipi);
    return came ? handled_at - start : MEASURE_FAILED;
}

/* ---- the table ---- */

static void try_vmcall(uint64_t number) {
    vmcall(number);
}

/* Each tells why a case cannot run here, or null. */
static const char *no_vmcall(void) {
    int vector = expect_exception(try_vmcall, HYPERCALL_NOTHING, 0);
    return vector == NO_EXCEPTION ? 0 : "VMCALL raises an exception";
}

static const char *no_tsc_deadline(void) {
    return cpuid(1, 0).ecx & CPUID_1_ECX_TSC_DEADLINE ? 0 : "no TSC deadline";
}

static const char *no_second_vcpu(void) {
    return vcpus >= 2 ? 0 : "one vCPU only";
}

static const struct bench {
    const char *name;
    enum mode mode;
    uint64_t (*once)(void);
    const char *(*obstacle)(void);
    void (*listener)(void); /* what vCPU 1 does meanwhile */
} benches[] = {
    {.name = "cpuid", .once = cpuid_leaf},
    {.name = "vmcall", .once = hypercall, .obstacle = no_vmcall},
    {.name = "inb_port", .once = port_read},
    {.name = "outb_port", .once = port_write},
    {.name = "wbinvd", .once = write_back_caches},
    {.name = "cr0_wp_twice", .once = toggle_cr0_wp},
    {.name = "cr4_pge_twice", .once = toggle_cr4_pge},
    {.name = "cr8_write", .once = cr8_write},
    {.name = "rte_reroute", .once = measure_reroute},
    {"tpr_write_xapic", XAPIC, tpr_write_mapped, 0, 0},
    {"self_ipi_xapic", XAPIC, self_ipi, 0, 0},
    {"self_ipi_hlt_xapic", XAPIC, self_ipi_halted, 0, 0},
    {"eoi_edge_xapic", XAPIC, eoi_edge, 0, 0},
    {"live_eoi_xapic", XAPIC, live_eoi, 0, 0},
    {"stale_eoi_xapic", XAPIC, stale_eoi, 0, 0},
    {"ipi_to_other_xapic", XAPIC, ipi_to_other, no_second_vcpu, listen_spinning},
    {"tpr_write", X2APIC, tpr_write_msr, 0, 0},
    {"self_ipi_x2apic", X2APIC, self_ipi, 0, 0},
    {"self_icr_x2apic", X2APIC, self_icr, 0, 0},
    {"self_ipi_hlt_x2apic", X2APIC, self_ipi_halted, 0, 0},
    {"tsc_deadline", X2APIC, tsc_deadline, no_tsc_deadline, 0},
    {"eoi_edge", X2APIC, eoi_edge, 0, 0},
    {"live_eoi", X2APIC, live_eoi, 0, 0},
    {"stale_eoi", X2APIC, stale_eoi, 0, 0},
    {"ipi_to_other", X2APIC, ipi_to_other, no_second_vcpu, listen_spinning},
    {"ipi_to_handler", X2APIC, ipi_to_handler, no_second_vcpu, listen_spinning},
    {"ipi_to_halted", X2APIC, ipi_to_other, no_second_vcpu, listen_halted},
};

static bool start_listener(void (*listener)(void)) {
    atomic_store(&stop_listening, false);
    return !listener || cpu_run(1, listener);
}

static bool end_listener(void (*listener)(void)) {
    if (!listener)
        return true;
    atomic_store(&stop_listening, true);
    apic_send(1, (uint32_t)APIC_ICR_ASSERT | VECTOR_OTHER);
    return cpu_wait(1);
}

static void run(const struct bench *bench, uint64_t overhead) {
    const char *obstacle = bench->obstacle ? bench->obstacle() : 0;
    if (obstacle) {
        report_skip(bench->name, obstacle);
        return;
    }
    if (start_listener(bench->listener))
        measure_and_report(bench->name, bench->once, rounds, overhead);
    if (!end_listener(bench->listener))
        report(false, "%s: vCPU 1 comes back", bench->name);
}

static void run_all(enum mode mode, uint64_t overhead) {
    for (uint32_t i = 0; i < sizeof benches / sizeof benches[0]; i++) {
        if (benches[i].mode == mode)
            run(&benches[i], overhead);
    }
}

/* This vCPU and vCPU 1 to this mode: false if it is not offered. */
static bool enter_mode(bool x2apic) {
    return apic_init(x2apic) && (vcpus < 2 || (cpu_run(1, apic_enable) && cpu_wait(1)));
}

void guest_main(void) {
    bool xapic = !command_line_has("x2apic"), x2apic = !command_line_has("xapic");
    rounds = command_line_number("rounds", MEASURE_ROUNDS);
    if (rounds < 1 || rounds > MEASURE_MAX_ROUNDS)
        rounds = MEASURE_ROUNDS;

    enter_mode(false);
    vcpus = cpus_start(command_line_number("cpus", 0));
    ioapic_write_entry(PIN, rte_level(VECTOR_LEVEL, 0));
    interrupt_handle(VECTOR_IPI, handle_ipi);
    interrupt_handle(VECTOR_EDGE, handle_edge);
    interrupt_handle(VECTOR_OTHER, handle_ipi);
    interrupt_handle(VECTOR_TIMER, handle_ipi);
    interrupts_on();
    uint64_t overhead = measure_overhead(rounds);

    run_all(ANY_MODE, overhead);
    if (xapic)
        run_all(XAPIC, overhead);
    if (x2apic && enter_mode(true))
        run_all(X2APIC, overhead);
    else if (x2apic)
        report_skip("cases in x2APIC mode", "this machine has no x2APIC mode");
    interrupts_off();
    ioapic_mask(PIN);
    report_done();
}
