/* The machine's own local APICs: see lapic.h. */
#include "drivers/lapic.h"

#include "arch/apic_registers.h"
#include "arch/idt.h"
#include "arch/instructions.h"
#include "arch/msr.h"
#include "drivers/tsc.h"

/* An IPI that has not left after this many looks never will. */
#define ICR_BUSY_READS 1000000

static volatile uint32_t *page;
static bool x2apic;
static uint64_t timer_frequency;

uint64_t lapic_base(void) {
    return rdmsr(MSR_IA32_APIC_BASE) & APIC_BASE_ADDRESS_MASK;
}

bool lapic_is_x2apic(void) {
    return rdmsr(MSR_IA32_APIC_BASE) & APIC_BASE_X2APIC;
}

void lapic_init(volatile uint32_t *xapic_page) {
    page = xapic_page;
    x2apic = lapic_is_x2apic();
}

static uint32_t read(uint32_t offset) {
    return x2apic ? (uint32_t)rdmsr(MSR_X2APIC_BASE + offset / 16) : page[offset / 4];
}

static void write(uint32_t offset, uint32_t value) {
    if (x2apic)
        wrmsr(MSR_X2APIC_BASE + offset / 16, value);
    else
        page[offset / 4] = value;
}

void lapic_enable(void) {
    uint64_t base = rdmsr(MSR_IA32_APIC_BASE);
    uint64_t wanted = base | APIC_BASE_ENABLE | (x2apic ? APIC_BASE_X2APIC : 0);

    if (base != wanted)
        wrmsr(MSR_IA32_APIC_BASE, wanted);
    write(APIC_TPR, 0);
    write(APIC_SVR, APIC_SVR_ENABLE | VECTOR_SPURIOUS);
    write(APIC_LVT_TIMER, APIC_LVT_MASKED | VECTOR_WAKE);
    write(APIC_LVT_LINT0, APIC_LVT_MASKED);
    write(APIC_LVT_LINT1, APIC_LVT_MASKED);
    write(APIC_LVT_ERROR, APIC_LVT_MASKED);
    write(APIC_TIMER_INITIAL, 0);
    write(APIC_TIMER_DIVIDE, 0xb); /* by 1 */
}

/* The x2APIC ICR is one register and has no delivery status. WRMSR to it does not order earlier
 * stores: fence, so that the target sees what the IPI is about.
 * SDM Vol. 3A, "MSR Access in x2APIC Mode". */
static void send(uint32_t apic_id, uint32_t low) {
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
    send(apic_id, (uint32_t)APIC_ICR_ASSERT | APIC_DELIVERY_NMI << 8);
}

void lapic_send_init(uint32_t apic_id) {
    send(apic_id, (uint32_t)APIC_ICR_ASSERT | APIC_DELIVERY_INIT << 8);
}

void lapic_send_startup(uint32_t apic_id, uint32_t start_page) {
    send(apic_id, (uint32_t)APIC_ICR_ASSERT | APIC_DELIVERY_SIPI << 8 | start_page >> 12);
}

#define MEASURE_US 1000

void lapic_measure_timer(void) {
    write(APIC_LVT_TIMER, APIC_LVT_MASKED | VECTOR_WAKE);
    write(APIC_TIMER_INITIAL, UINT32_MAX);
    tsc_delay_us(MEASURE_US);
    timer_frequency = (uint64_t)(UINT32_MAX - read(APIC_TIMER_CURRENT)) * (1000000 / MEASURE_US);
    write(APIC_TIMER_INITIAL, 0);
}

void lapic_timer_start(uint64_t tsc) {
    uint64_t now = rdtsc();
    uint64_t wait = tsc > now ? tsc - now : 0;

    if (wait > tsc_frequency())
        wait = tsc_frequency();
    uint64_t ticks = wait * (timer_frequency / 1000) / (tsc_frequency() / 1000) + 1;
    write(APIC_LVT_TIMER, VECTOR_WAKE);
    write(APIC_TIMER_INITIAL, ticks < UINT32_MAX ? (uint32_t)ticks : UINT32_MAX);
}

void lapic_timer_stop(void) {
    write(APIC_TIMER_INITIAL, 0);
    write(APIC_LVT_TIMER, APIC_LVT_MASKED | VECTOR_WAKE);
    __asm__ volatile("sti; nop; cli" : : : "memory");
}

void lapic_mask_8259(void) {
    out8(0x21, 0xff);
    out8(0xa1, 0xff);
}

void lapic_eoi(void) {
    write(APIC_EOI, 0);
}
