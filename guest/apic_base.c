/* IA32_APIC_BASE: the local APIC in memory, in MSRs, switched off, and moved elsewhere.
 *
 * Where it is not, its page must be like any address without a device: a hypervisor that leaves the
 * page mapped there has given all guests a piece of memory in common. Each vCPU does it in turn,
 * while the others' APICs stay where they were. No command line. SDM Vol. 3A, "Relocating the Local
 * APIC Registers" and "Extended XAPIC (x2APIC)". */
#include "guest/lib/apic.h"
#include "guest/lib/console.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"

#define ELSEWHERE        0x42000000ULL
#define PIN              10
#define VECTOR_LEVEL     0x61
#define VECTOR_IPI       0x72
#define CPUID_1_EDX_APIC (1u << 9)
#define NOTHING          0xffffffffu
#define SPIN             2000

static volatile uint32_t *page = (volatile uint32_t *)APIC_DEFAULT_BASE;
static volatile uint32_t levels, ipis;

static uint32_t at(uint64_t base, uint32_t offset) {
    return *(volatile uint32_t *)(base + offset);
}

static bool cpuid_has_apic(void) {
    return (cpuid(1, 0).edx & CPUID_1_EDX_APIC) != 0;
}

static void on_level(uint8_t vector) {
    (void)vector;
    levels++;
    line_set(PIN, 0);
    page[APIC_EOI / 4] = 0;
}

static void on_ipi(uint8_t vector) {
    (void)vector;
    ipis++;
    page[APIC_EOI / 4] = 0;
}

/* A level interrupt and an IPI through the page as it is now, twice each: the second comes only if
 * the first one's EOI arrived. */
static void test_interrupts(const char *where) {
    levels = ipis = 0;
    page[APIC_SVR / 4] = APIC_SVR_ENABLE | APIC_SPURIOUS_VECTOR;
    ioapic_write_entry(PIN, rte_level(VECTOR_LEVEL, (uint8_t)cpu_self()->index));
    interrupts_on();
    for (uint32_t i = 1; i <= 2; i++) {
        line_set(PIN, 1);
        spin(SPIN);
        report(levels == i, "%s: level interrupt %u arrives", where, i);
        page[APIC_ICR_LOW / 4] = APIC_ICR_SELF | APIC_ICR_ASSERT | VECTOR_IPI;
        spin(SPIN);
        report(ipis == i, "%s: IPI %u arrives", where, i);
    }
    interrupts_off();
    report(!(ioapic_read_entry(PIN) & RTE_REMOTE_IRR), "%s: no Remote IRR is left", where);
    ioapic_mask(PIN);
}

static void test_task_priority(const char *where) {
    ipis = 0;
    page[APIC_TPR / 4] = VECTOR_IPI & 0xf0;
    page[APIC_ICR_LOW / 4] = APIC_ICR_SELF | APIC_ICR_ASSERT | VECTOR_IPI;
    interrupts_on();
    spin(SPIN);
    report(ipis == 0, "%s: the TPR holds an interrupt back", where);
    page[APIC_TPR / 4] = 0;
    spin(SPIN);
    interrupts_off();
    report(ipis == 1, "%s: and lets it through", where);
}

static void test_off(uint64_t base, uint32_t version) {
    wrmsr(MSR_IA32_APIC_BASE, base & ~APIC_BASE_ENABLE);
    report(!cpuid_has_apic(), "switched off: CPUID says that there is no APIC");
    report(at(APIC_DEFAULT_BASE, APIC_VERSION) == NOTHING, "switched off: nothing is at its page");
    wrmsr(MSR_IA32_APIC_BASE, base);
    report(cpuid_has_apic(), "on again: CPUID says so");
    report(at(APIC_DEFAULT_BASE, APIC_VERSION) == version, "on again: it is at its page");
    report(at(APIC_DEFAULT_BASE, APIC_SVR) == 0xff, "on again: it is as after a reset");
}

static void test_moved(uint64_t base, uint32_t version) {
    wrmsr(MSR_IA32_APIC_BASE, (base & ~APIC_BASE_ADDRESS_MASK) | ELSEWHERE);
    page = (volatile uint32_t *)ELSEWHERE;
    report(at(ELSEWHERE, APIC_VERSION) == version, "moved: it is at its new page");
    report(at(APIC_DEFAULT_BASE, APIC_VERSION) == NOTHING, "moved: nothing is at the old one");
    test_interrupts("moved");
    test_task_priority("moved");
    wrmsr(MSR_IA32_APIC_BASE, base);
    page = (volatile uint32_t *)APIC_DEFAULT_BASE;
    report(at(ELSEWHERE, APIC_VERSION) == NOTHING, "moved back: nothing is where it was");
}

static void test_x2apic(uint64_t base) {
    if (!apic_has_x2apic())
        return report_skip("x2APIC mode leaves nothing in memory", "no x2APIC mode");
    wrmsr(MSR_IA32_APIC_BASE, base | APIC_BASE_X2APIC);
    *(volatile uint32_t *)(APIC_DEFAULT_BASE + APIC_DFR) = 0x5ec2e700;
    report(at(APIC_DEFAULT_BASE, APIC_DFR) == NOTHING, "x2APIC mode leaves nothing in memory");
}

static void test_own(void) {
    uint64_t base = rdmsr(MSR_IA32_APIC_BASE);
    uint32_t version = at(APIC_DEFAULT_BASE, APIC_VERSION);

    print("# vCPU %u\n", cpu_self()->index);
    report((base & APIC_BASE_ADDRESS_MASK) == APIC_DEFAULT_BASE,
           "the page is at its default place");
    test_interrupts("at its default place");
    test_task_priority("at its default place");
    test_off(base, version);
    test_moved(base, version);
    test_interrupts("moved back");
    test_x2apic(base);
}

void guest_main(void) {
    apic_init(false);
    interrupt_handle(VECTOR_LEVEL, on_level);
    interrupt_handle(VECTOR_IPI, on_ipi);
    uint32_t vcpus = cpus_start(0);
    for (uint32_t i = 1; i < vcpus; i++)
        report(cpu_run(i, test_own) && cpu_wait(i), "vCPU %u has done it", i);
    test_own();
    report_done();
}
