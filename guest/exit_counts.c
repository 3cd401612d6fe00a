/* Causes each kind of VM exit between two marks, for whoever traces the processor's instructions:
 * tests/emulator/exit_counts.t counts those of the hypervisor between the marks, by class.
 *
 * A mark is a NOP with the kind's number as its displacement. There are three rounds: the first
 * need not be traced, so nothing is counted that happens once only, and of the other two at most
 * one has the end of a time slice. Look at the lines KIND. One vCPU, x2APIC
 * mode; no command line. */
#include "arch/msr.h"
#include "guest/lib/apic.h"
#include "guest/lib/console.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"

#define PIN          11
#define VECTOR_LEVEL 0x51
#define VECTOR_IPI   0x62
#define LATER        1000000000u
#define QUIET        50000000u             /* TSC ticks */
#define SELF_IPI     (1u << 18 | 1u << 14) /* ICR: shorthand "self", assert */
#define PORT_READ    0x3fd                 /* the UART's line status */
#define PORT_WRITE   0x3ff                 /* the UART's scratch register */
#define PORT_ELCR    0x4d0                 /* the 8259s' */

enum kind {
    NOTHING,
    CPUID,
    VMCALL,
    IN,
    OUT,
    IN_ELCR,
    OUT_ELCR,
    TSC_DEADLINE,
    SELF_ICR,
    LINE,
    LIVE_EOI,
    STALE_EOI,
    COINCIDENTAL_EOI,
    RTE_MASK,
    RTE_REROUTE,
    IPI_AND_HLT,
    KINDS
};

static const char *const names[KINDS] = {
    [NOTHING] = "nothing",
    [CPUID] = "cpuid",
    [VMCALL] = "vmcall",
    [IN] = "in",
    [OUT] = "out",
    [IN_ELCR] = "in_elcr",
    [OUT_ELCR] = "out_elcr",
    [TSC_DEADLINE] = "tsc_deadline",
    [SELF_ICR] = "self_icr",
    [LINE] = "line_and_interrupt",
    [LIVE_EOI] = "live_eoi",
    [STALE_EOI] = "stale_eoi",
    [COINCIDENTAL_EOI] = "coincidental_eoi",
    [RTE_MASK] = "rte_mask",
    [RTE_REROUTE] = "rte_reroute",
    [IPI_AND_HLT] = "self_ipi_and_hlt",
};

/* A statement between two marks. */
#define MARK(number) __asm__ volatile("nopl %c0(%%rax)" : : "i"(0x10000 + (number)) : "memory")
#define MARKED(kind, statement)                                                                    \
    do {                                                                                           \
        MARK(kind);                                                                                \
        statement;                                                                                 \
        MARK(KINDS);                                                                               \
    } while (0)

#define INTERRUPTS 6 /* in cause_all() */
#define ROUNDS     3

static enum kind eoi;    /* how the next handler's EOI is marked */
static unsigned handled; /* interrupts */

static void end_of_interrupt(void) {
    handled++;
    switch (eoi) {
    case LIVE_EOI:
        MARKED(LIVE_EOI, apic_eoi());
        break;
    case STALE_EOI:
        MARKED(STALE_EOI, apic_eoi());
        break;
    case COINCIDENTAL_EOI:
        MARKED(COINCIDENTAL_EOI, apic_eoi());
        break;
    default:
        apic_eoi();
    }
    eoi = NOTHING;
}

static void handle_ipi(uint8_t vector) {
    (void)vector;
    end_of_interrupt();
}

static void handle_level(uint8_t vector) {
    (void)vector;
    line_set(PIN, 0);
    if (eoi == STALE_EOI)
        ioapic_reroute(PIN, 1);
    end_of_interrupt();
}

/* A level interrupt whose EOI is of this kind. */
static void interrupt(enum kind kind) {
    eoi = kind;
    line_set(PIN, 1);
    ioapic_reroute(PIN, 0);
}

static void halt(void) {
    interrupts_off();
    wrmsr(MSR_X2APIC_SELF_IPI, VECTOR_IPI);
    interrupts_on_and_halt();
}

__attribute__((noinline)) static void cause_all(void) {
    uint32_t entry = (uint32_t)RTE_LEVEL | VECTOR_LEVEL;

    MARKED(NOTHING, );
    MARKED(CPUID, cpuid(0, 0));
    MARKED(VMCALL, vmcall(HYPERCALL_NOTHING));
    MARKED(IN, inb(PORT_READ));
    MARKED(OUT, outb(PORT_WRITE, 0));
    MARKED(IN_ELCR, inl(PORT_ELCR));
    MARKED(OUT_ELCR, outl(PORT_ELCR, 0));
    MARKED(TSC_DEADLINE, wrmsr(MSR_IA32_TSC_DEADLINE, rdtsc() + LATER));
    MARKED(SELF_ICR, wrmsr(MSR_X2APIC_ICR, SELF_IPI | VECTOR_IPI));
    MARKED(IPI_AND_HLT, halt());
    interrupt(LIVE_EOI);
    interrupt(STALE_EOI);
    ioapic_reroute(PIN, 0);
    eoi = COINCIDENTAL_EOI;
    wrmsr(MSR_X2APIC_SELF_IPI, VECTOR_LEVEL);
    MARKED(LINE, line_set(PIN, 1));
    ioapic_select(ioapic_low_half(PIN));
    MARKED(RTE_MASK, ioapic_write_selected(entry | (uint32_t)RTE_MASKED));
    ioapic_write_selected(entry);
    ioapic_select(ioapic_high_half(PIN));
    MARKED(RTE_REROUTE, ioapic_write_selected(1u << 24));
    ioapic_write_selected(0);
}

/* Halts until what was printed before is out of the port: as long as output waits, the hypervisor
 * ends a turn every now and then to send more of it, which would be counted. */
static void wait_for_the_console(void) {
    interrupts_off();
    wrmsr(MSR_IA32_TSC_DEADLINE, rdtsc() + QUIET);
    interrupts_on_and_halt();
    handled = 0;
}

void guest_main(void) {
    if (!apic_init(true))
        report_skip_all("this machine has no x2APIC mode");
    interrupt_handle(VECTOR_LEVEL, handle_level);
    interrupt_handle(VECTOR_IPI, handle_ipi);
    apic_write(APIC_LVT_TIMER, APIC_LVT_TIMER_TSC_DEADLINE | VECTOR_IPI);
    ioapic_write_entry(PIN, rte_level(VECTOR_LEVEL, 0));
    wait_for_the_console();
    for (unsigned round = 0; round < ROUNDS; round++)
        cause_all();
    interrupts_off();
    for (unsigned kind = 0; kind < KINDS; kind++)
        print("KIND number=%u name=%s\n", kind, names[kind]);
    report(handled == ROUNDS * INTERRUPTS, "each interrupt has arrived in each round: %u", handled);
    report_done();
}
