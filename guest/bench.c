/* What single operations cost a guest. Look at the lines BENCH name=NAME instructions=N: N is the
 * median of many rounds.
 *
 * The clock is the TSC. In an emulator whose TSC counts executed instructions, and with one
 * physical CPU, N is an exact number of instructions, including the hypervisor's; on hardware it is
 * in cycles. The cost of an empty round is subtracted.
 *
 * Command line: xapic or x2apic runs only the cases of that mode; default: xAPIC, then x2APIC if
 * CPUID offers it. rounds=N (default 201, at most 1001). cpus=N: the number of vCPUs (default: from
 * CPUID); the cases that send IPIs to another vCPU need two. */
#include <stddef.h>

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

#define PIN          MEASURE_PIN
#define VECTOR_LEVEL 0x51
#define VECTOR_IPI   0x62
#define VECTOR_EDGE  0x64
#define VECTOR_OTHER 0x73
#define VECTOR_TIMER 0x84
#define SETTLE       2000u /* PAUSEs in which another vCPU returns to its waiting loop */
#define PORT_READ    0x3fd /* the UART's line status */
#define PORT_WRITE   0x3ff /* the UART's scratch register */
#define PORT_ELCR    0x4d0 /* of the 8259s: inl_from_kernel and outl_to_kernel of kvm-unit-tests */

enum mode { ANY_MODE, XAPIC, X2APIC };

static uint32_t rounds, vcpus;
static atomic_uint handled; /* interrupts, by any handler */
static uint64_t eoi_cost;   /* as the last handler measured it */
static atomic_bool stop_listening;
static atomic_ullong handled_at; /* when handle_and_record_time() ran */

/* ---- no interrupts ---- */

/* A round that measures one statement. */
#define ROUND(name, statement)                                                                     \
    static uint64_t name(void) {                                                                   \
        uint64_t start = rdtsc();                                                                  \
        statement;                                                                                 \
        return rdtsc() - start;                                                                    \
    }
ROUND(cpuid_leaf, cpuid(0, 0))
ROUND(hypercall, vmcall(HYPERCALL_NOTHING))
ROUND(port_read, inb(PORT_READ))
ROUND(port_write, outb(PORT_WRITE, 0))
ROUND(elcr_read, inl(PORT_ELCR))
ROUND(elcr_write, outl(PORT_ELCR, 0))
ROUND(write_back_caches, wbinvd())
ROUND(tpr_write_mapped, *apic_register(APIC_TPR) = 0)
ROUND(tpr_write_msr, wrmsr(MSR_X2APIC_TPR, 0))
ROUND(cr8_write, write_cr8(0))

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

/* ---- interrupts from this vCPU to itself ---- */

static void handle_edge(uint8_t vector) {
    (void)vector;
    uint64_t start = rdtsc();
    apic_eoi();
    eoi_cost = rdtsc() - start;
    atomic_fetch_add(&handled, 1);
}

/* Measures nothing: these rounds end when the interrupted code continues. */
static void handle_ipi(uint8_t vector) {
    (void)vector;
    atomic_store_explicit(&handled, handled + 1, memory_order_relaxed);
    apic_eoi();
}

static void handle_and_record_time(uint8_t vector) {
    atomic_store(&handled_at, rdtsc());
    handle_ipi(vector);
}

/* The time since `start` once the handler has run, or MEASURE_FAILED. */
static uint64_t since(uint64_t start, uint32_t target) {
    bool arrived = handled >= target || wait_at_least(&handled, target);
    return arrived ? rdtsc() - start : MEASURE_FAILED;
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
    apic_send_ipi(self, VECTOR_IPI);
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

/* The EOI comes from a vCPU that the route no longer names. Its cost includes the scan after it. */
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

/* Runs on vCPU 1: spins with interrupts enabled until it is told to stop. */
static void listen_spinning(void) {
    interrupts_on();
    while (!atomic_load(&stop_listening))
        pause();
    interrupts_off();
}

/* The same, halted: end_listener() sends the interrupt that ends the last HLT. */
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
    apic_send_ipi(1, VECTOR_OTHER);
    return since(start, target);
}

/* The time until the handler begins on the other vCPU. */
static uint64_t ipi_to_handler(void) {
    spin(SETTLE);
    uint32_t target = handled + 1;
    interrupt_handle(VECTOR_OTHER, handle_and_record_time);
    uint64_t start = rdtsc();
    apic_send_ipi(1, VECTOR_OTHER);
    bool arrived = wait_at_least(&handled, target);
    interrupt_handle(VECTOR_OTHER, handle_ipi);
    return arrived ? handled_at - start : MEASURE_FAILED;
}

/* ---- the table ---- */

static void try_vmcall(uint64_t number) {
    vmcall(number);
}

/* Why a case cannot run here, or NULL. */
static const char *no_vmcall(void) {
    int vector = expect_exception(try_vmcall, HYPERCALL_NOTHING, NULL);
    return vector == NO_EXCEPTION ? NULL : "VMCALL raises an exception";
}

static const char *no_tsc_deadline(void) {
    return apic_has_tsc_deadline() ? NULL : "no TSC-deadline mode";
}

static const char *no_second_vcpu(void) {
    return vcpus >= 2 ? NULL : "there is only one vCPU";
}

static const struct bench {
    const char *name;
    enum mode mode;
    uint64_t (*once)(void);
    const char *(*obstacle)(void);
    void (*listener)(void); /* runs on vCPU 1 meanwhile */
} benches[] = {
    {.name = "cpuid", .once = cpuid_leaf},
    {.name = "vmcall", .once = hypercall, .obstacle = no_vmcall},
    {.name = "inb_port", .once = port_read},
    {.name = "outb_port", .once = port_write},
    {.name = "inl_elcr", .once = elcr_read},
    {.name = "outl_elcr", .once = elcr_write},
    {.name = "wbinvd", .once = write_back_caches},
    {.name = "cr0_wp_twice", .once = toggle_cr0_wp},
    {.name = "cr4_pge_twice", .once = toggle_cr4_pge},
    {.name = "cr8_write", .once = cr8_write},
    {.name = "rte_reroute", .once = measure_reroute},
    {"tpr_write_xapic", XAPIC, tpr_write_mapped, NULL, NULL},
    {"self_ipi_xapic", XAPIC, self_ipi, NULL, NULL},
    {"self_ipi_hlt_xapic", XAPIC, self_ipi_halted, NULL, NULL},
    {"eoi_edge_xapic", XAPIC, eoi_edge, NULL, NULL},
    {"live_eoi_xapic", XAPIC, live_eoi, NULL, NULL},
    {"stale_eoi_xapic", XAPIC, stale_eoi, NULL, NULL},
    {"ipi_to_other_xapic", XAPIC, ipi_to_other, no_second_vcpu, listen_spinning},
    {"tpr_write", X2APIC, tpr_write_msr, NULL, NULL},
    {"self_ipi_x2apic", X2APIC, self_ipi, NULL, NULL},
    {"self_icr_x2apic", X2APIC, self_icr, NULL, NULL},
    {"self_ipi_hlt_x2apic", X2APIC, self_ipi_halted, NULL, NULL},
    {"tsc_deadline", X2APIC, tsc_deadline, no_tsc_deadline, NULL},
    {"eoi_edge", X2APIC, eoi_edge, NULL, NULL},
    {"live_eoi", X2APIC, live_eoi, NULL, NULL},
    {"stale_eoi", X2APIC, stale_eoi, NULL, NULL},
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
    apic_send_ipi(1, VECTOR_OTHER);
    return cpu_wait(1);
}

static void run(const struct bench *bench, uint64_t overhead) {
    const char *obstacle = bench->obstacle ? bench->obstacle() : NULL;
    if (obstacle) {
        report_skip(bench->name, obstacle);
        return;
    }
    if (start_listener(bench->listener))
        measure_and_report(bench->name, bench->once, rounds, overhead);
    if (!end_listener(bench->listener))
        report(false, "%s: vCPU 1 stops its loop", bench->name);
}

static void run_all(enum mode mode, uint64_t overhead) {
    for (uint32_t i = 0; i < sizeof benches / sizeof benches[0]; i++) {
        if (benches[i].mode == mode)
            run(&benches[i], overhead);
    }
}

/* Switches vCPU 0 and vCPU 1 to this mode. False: the mode is not offered. */
static bool enter_mode(bool x2apic) {
    return apic_init(x2apic) && (vcpus < 2 || cpu_call(1, apic_enable));
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
