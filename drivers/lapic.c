/* The machine's local APICs: see lapic.h. */
#include "drivers/lapic.h"

#include "arch/apic_registers.h"
#include "arch/cpuid.h"
#include "arch/idt.h"
#include "arch/instructions.h"
#include "arch/msr.h"
#include "drivers/clock_choice.h"
#include "drivers/tsc.h"

/* Reads of the delivery status after which an earlier IPI is no longer waited for. */
#define ICR_BUSY_READS  1000000

#define MEASURE_US      1000

#define PIC_MASTER_DATA 0x21 /* OCW1: the interrupt mask */
#define PIC_SLAVE_DATA  0xa1

static volatile uint32_t *page;
static bool x2apic;
static uint32_t thermal; /* what each CPU's LVT entry for the thermal sensor is set to */
static uint64_t timer_frequency;

uint64_t lapic_base(void) {
    return rdmsr(MSR_IA32_APIC_BASE) & APIC_BASE_ADDRESS_MASK;
}

bool lapic_is_x2apic(void) {
    return rdmsr(MSR_IA32_APIC_BASE) & APIC_BASE_X2APIC;
}

#define XAPIC_ID_MAX 254

bool lapic_reaches(uint32_t apic_id) {
    return x2apic || apic_id <= XAPIC_ID_MAX;
}

static uint32_t lapic_read_register(uint32_t offset) {
    return x2apic ? (uint32_t)rdmsr(MSR_X2APIC_BASE + offset / 16) : page[offset / 4];
}

static void lapic_write_register(uint32_t offset, uint32_t value) {
    if (x2apic)
        wrmsr(MSR_X2APIC_BASE + offset / 16, value);
    else
        page[offset / 4] = value;
}

void lapic_init(volatile uint32_t *xapic_page, uint32_t highest) {
    bool has_x2apic = cpuid(CPUID_LEAF_FEATURES, 0).ecx & CPUID_1_ECX_X2APIC;

    page = xapic_page;
    x2apic = lapic_is_x2apic();
    uint32_t entries = (lapic_read_register(APIC_VERSION) >> 16 & 0xff) + 1;
    thermal = entries > APIC_LVT_THERMAL_NUMBER ? lapic_read_register(APIC_LVT_THERMAL) : 0;
    if ((thermal >> 8 & 7) != APIC_DELIVERY_SMI)
        thermal = 0;
    if (highest > XAPIC_ID_MAX && has_x2apic)
        x2apic = true;
}

/* A bit of the ISR for each turn at most: the bound only guards against an APIC that is not there.
 */
static void retire_all(void) {
    for (unsigned turn = 0; turn < 256; turn++) {
        uint32_t in_service = 0;

        for (unsigned i = 0; i < 8; i++)
            in_service |= lapic_read_register(APIC_ISR + 16 * i);
        if (!in_service)
            return;
        lapic_write_register(APIC_EOI, 0);
    }
}

static bool has(uint32_t bank, uint8_t vector) {
    return lapic_read_register(bank + 16u * (vector / 32)) >> vector % 32 & 1;
}

bool lapic_in_service(uint8_t vector) {
    return has(APIC_ISR, vector);
}

bool lapic_requested(uint8_t vector) {
    return has(APIC_IRR, vector);
}

void lapic_enable(void) {
    uint64_t base = rdmsr(MSR_IA32_APIC_BASE);
    uint64_t wanted = base | APIC_BASE_ENABLE | (x2apic ? APIC_BASE_X2APIC : 0);

    if (base != wanted)
        wrmsr(MSR_IA32_APIC_BASE, wanted);
    lapic_write_register(APIC_TPR, 0);
    lapic_write_register(APIC_SVR, APIC_SVR_ENABLE | VECTOR_SPURIOUS);
    lapic_write_register(APIC_LVT_TIMER, APIC_LVT_MASKED | VECTOR_WAKE);
    lapic_write_register(APIC_LVT_LINT0, APIC_LVT_MASKED);
    lapic_write_register(APIC_LVT_LINT1, APIC_LVT_MASKED);
    lapic_write_register(APIC_LVT_ERROR, APIC_LVT_MASKED);
    if (thermal)
        lapic_write_register(APIC_LVT_THERMAL, thermal);
    retire_all();
    lapic_write_register(APIC_TIMER_INITIAL, 0);
    lapic_write_register(APIC_TIMER_DIVIDE, APIC_TIMER_DIVIDE_BY_1);
}

/* In x2APIC mode the ICR is one register without a delivery status, and WRMSR to it may execute
 * before earlier stores are visible: the fences make the target see the data that the IPI
 * announces. SDM Vol. 3A, "MSR Access in x2APIC Mode". */
static void lapic_send(uint32_t apic_id, uint32_t low) {
    if (x2apic) {
        __asm__ volatile("mfence; lfence" : : : "memory");
        wrmsr(MSR_X2APIC_BASE + APIC_ICR_LOW / 16, (uint64_t)apic_id << 32 | low);
        return;
    }
    for (unsigned i = 0; i < ICR_BUSY_READS && (page[APIC_ICR_LOW / 4] & APIC_ICR_PENDING); i++)
        cpu_pause();
    page[APIC_ICR_HIGH / 4] = apic_id << 24;
    page[APIC_ICR_LOW / 4] = low;
}

void lapic_send_nmi(uint32_t apic_id) {
    lapic_send(apic_id, (uint32_t)APIC_ICR_ASSERT | APIC_DELIVERY_NMI << 8);
}

void lapic_send_fixed(uint32_t apic_id, uint8_t vector) {
    lapic_send(apic_id, (uint32_t)APIC_ICR_ASSERT | vector);
}

void lapic_send_init(uint32_t apic_id) {
    lapic_send(apic_id, (uint32_t)APIC_ICR_ASSERT | APIC_DELIVERY_INIT << 8);
}

void lapic_send_startup(uint32_t apic_id, uint32_t start_page) {
    lapic_send(apic_id, (uint32_t)APIC_ICR_ASSERT | APIC_DELIVERY_SIPI << 8 | start_page >> 12);
}

void lapic_measure_timer(void) {
    lapic_write_register(APIC_LVT_TIMER, APIC_LVT_MASKED | VECTOR_WAKE);
    lapic_write_register(APIC_TIMER_INITIAL, UINT32_MAX);
    uint64_t start = rdtsc();
    tsc_delay_us(MEASURE_US);
    /* In this order: what delays the CPU between the two makes idle waits longer, not shorter. */
    uint32_t left = lapic_read_register(APIC_TIMER_CURRENT);
    timer_frequency = clock_frequency(UINT32_MAX - left, rdtsc() - start, tsc_frequency());
    lapic_write_register(APIC_TIMER_INITIAL, 0);
}

void lapic_timer_start(uint64_t tsc) {
    uint64_t now = rdtsc();
    uint64_t wait = tsc > now ? tsc - now : 0;

    if (wait > tsc_frequency())
        wait = tsc_frequency();
    uint64_t ticks = wait * (timer_frequency / 1000) / (tsc_frequency() / 1000) + 1;
    lapic_write_register(APIC_LVT_TIMER, VECTOR_WAKE);
    lapic_write_register(APIC_TIMER_INITIAL, ticks < UINT32_MAX ? (uint32_t)ticks : UINT32_MAX);
}

void lapic_timer_stop(void) {
    lapic_write_register(APIC_TIMER_INITIAL, 0);
    lapic_write_register(APIC_LVT_TIMER, APIC_LVT_MASKED | VECTOR_WAKE);
    interrupts_accept();
}

void lapic_mask_8259(void) {
    out8(PIC_MASTER_DATA, 0xff);
    out8(PIC_SLAVE_DATA, 0xff);
}

void lapic_eoi(void) {
    lapic_write_register(APIC_EOI, 0);
}
