/* IA32_APIC_BASE: the local APIC in memory, in MSRs, globally disabled, and relocated.
 *
 * Where no APIC is mapped, its page must read like any address without a device: a hypervisor that
 * left the page mapped there would share a piece of memory between all guests. Each vCPU runs the
 * tests in turn, while the APICs of the others stay in place. No command line. SDM Vol. 3A,
 * "Relocating the Local APIC Registers" and "Extended XAPIC (x2APIC)". */
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
#define NO_DEVICE        0xffffffffu
#define SPIN             2000

static volatile uint32_t *page = (volatile uint32_t *)APIC_DEFAULT_BASE;
static volatile uint32_t levels, ipis;
static void (*volatile in_service)(void); /* runs in the handler, before the EOI */

static uint32_t read_at(uint64_t base, uint32_t offset) {
    return *(volatile uint32_t *)(base + offset);
}

static bool cpuid_has_apic(void) {
    return (cpuid(1, 0).edx & CPUID_1_EDX_APIC) != 0;
}

static void on_level(uint8_t vector) {
    (void)vector;
    levels++;
    line_set(PIN, 0);
    if (in_service)
        in_service();
    if (rdmsr(MSR_IA32_APIC_BASE) & APIC_BASE_X2APIC)
        wrmsr(MSR_X2APIC_EOI, 0);
    else
        page[APIC_EOI / 4] = 0;
}

static void on_ipi(uint8_t vector) {
    (void)vector;
    ipis++;
    page[APIC_EOI / 4] = 0;
}

/* Two level-triggered interrupts and two IPIs with the page at its present address. The second of
 * each arrives only if the EOI of the first had its effect. */
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
    report(!(ioapic_read_entry(PIN) & RTE_REMOTE_IRR), "%s: Remote IRR is clear", where);
    ioapic_mask(PIN);
}

static void test_task_priority(const char *where) {
    ipis = 0;
    page[APIC_TPR / 4] = VECTOR_IPI & 0xf0;
    page[APIC_ICR_LOW / 4] = APIC_ICR_SELF | APIC_ICR_ASSERT | VECTOR_IPI;
    interrupts_on();
    spin(SPIN);
    report(ipis == 0, "%s: the TPR blocks an interrupt", where);
    page[APIC_TPR / 4] = 0;
    spin(SPIN);
    interrupts_off();
    report(ipis == 1, "%s: lowering the TPR delivers it", where);
}

static void test_disabled(uint64_t base, uint32_t version) {
    wrmsr(MSR_IA32_APIC_BASE, base & ~APIC_BASE_ENABLE);
    report(!cpuid_has_apic(), "disabled: CPUID reports no APIC");
    report(read_at(APIC_DEFAULT_BASE, APIC_VERSION) == NO_DEVICE,
           "disabled: no device at the default page");
    wrmsr(MSR_IA32_APIC_BASE, base);
    report(cpuid_has_apic(), "enabled again: CPUID reports the APIC");
    report(read_at(APIC_DEFAULT_BASE, APIC_VERSION) == version,
           "enabled again: the APIC is at the default page");
    report(read_at(APIC_DEFAULT_BASE, APIC_SVR) == 0xff, "enabled again: SVR has its reset value");
}

static void test_relocated(uint64_t base, uint32_t version) {
    wrmsr(MSR_IA32_APIC_BASE, (base & ~APIC_BASE_ADDRESS_MASK) | ELSEWHERE);
    page = (volatile uint32_t *)ELSEWHERE;
    report(read_at(ELSEWHERE, APIC_VERSION) == version, "relocated: the APIC is at the new page");
    report(read_at(APIC_DEFAULT_BASE, APIC_VERSION) == NO_DEVICE,
           "relocated: no device at the default page");
    test_interrupts("relocated");
    test_task_priority("relocated");
    wrmsr(MSR_IA32_APIC_BASE, base);
    page = (volatile uint32_t *)APIC_DEFAULT_BASE;
    report(read_at(ELSEWHERE, APIC_VERSION) == NO_DEVICE, "back: no device at the other page");
}

/* ---- the mode changes while a level-triggered interrupt is in service ---- */

static void set_base(uint64_t set, uint64_t clear) {
    wrmsr(MSR_IA32_APIC_BASE, (rdmsr(MSR_IA32_APIC_BASE) | set) & ~clear);
}

static void switch_off_and_on(void) {
    set_base(0, APIC_BASE_ENABLE | APIC_BASE_X2APIC);
    set_base(APIC_BASE_ENABLE, 0);
    page[APIC_SVR / 4] = APIC_SVR_ENABLE | APIC_SPURIOUS_VECTOR;
}

static void switch_to_x2apic(void) {
    set_base(APIC_BASE_X2APIC, 0);
}

static void relocate_and_return(void) {
    set_base(ELSEWHERE, APIC_DEFAULT_BASE & ~ELSEWHERE);
    set_base(APIC_DEFAULT_BASE, ELSEWHERE & ~APIC_DEFAULT_BASE);
}

static bool level_with(void (*change)(void)) {
    levels = 0;
    in_service = change;
    ioapic_write_entry(PIN, rte_level(VECTOR_LEVEL, (uint8_t)cpu_self()->index));
    interrupts_on();
    line_set(PIN, 1);
    spin(SPIN);
    interrupts_off();
    in_service = 0;
    return levels == 1;
}

static bool waits_for_eoi(void) {
    return ioapic_read_entry(PIN) & RTE_REMOTE_IRR;
}

/* Off and on again resets the APIC, so the EOI that follows ends nothing. */
static void test_mode_in_service(void) {
    report(level_with(relocate_and_return) && !waits_for_eoi(),
           "relocated in service and back: the EOI clears Remote IRR");
    report(level_with(switch_off_and_on) && waits_for_eoi(),
           "off and on in service: Remote IRR stays set");
    ioapic_write_entry(PIN, 0);
    test_interrupts("off and on in service");
    if (!apic_has_x2apic())
        return report_skip("x2APIC mode in service: the EOI clears Remote IRR", "no x2APIC mode");
    report(level_with(switch_to_x2apic) && !waits_for_eoi(),
           "x2APIC mode in service: the EOI clears Remote IRR");
    switch_off_and_on();
    test_interrupts("x2APIC mode, off and on");
}

static void test_x2apic(uint64_t base) {
    if (!apic_has_x2apic())
        return report_skip("x2APIC mode: no device at the default page", "no x2APIC mode");
    wrmsr(MSR_IA32_APIC_BASE, base | APIC_BASE_X2APIC);
    *(volatile uint32_t *)(APIC_DEFAULT_BASE + APIC_DFR) = 0x5ec2e700;
    report(read_at(APIC_DEFAULT_BASE, APIC_DFR) == NO_DEVICE,
           "x2APIC mode: no device at the default page");
}

static void test_this_vcpu(void) {
    uint64_t base = rdmsr(MSR_IA32_APIC_BASE);
    uint32_t version = read_at(APIC_DEFAULT_BASE, APIC_VERSION);

    print("# vCPU %u\n", cpu_self()->index);
    report((base & APIC_BASE_ADDRESS_MASK) == APIC_DEFAULT_BASE, "the base address is the default");
    test_interrupts("default page");
    test_task_priority("default page");
    test_disabled(base, version);
    test_relocated(base, version);
    test_interrupts("back");
    test_mode_in_service();
    test_x2apic(base);
}

void guest_main(void) {
    apic_init(false);
    interrupt_handle(VECTOR_LEVEL, on_level);
    interrupt_handle(VECTOR_IPI, on_ipi);
    uint32_t vcpus = cpus_start(0);
    for (uint32_t i = 1; i < vcpus; i++)
        report(cpu_call(i, test_this_vcpu), "vCPU %u has finished its tests", i);
    test_this_vcpu();
    report_done();
}
