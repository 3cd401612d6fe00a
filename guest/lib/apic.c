/* This vCPU's local APIC: see apic.h. */
#include "guest/lib/apic.h"

#include "guest/lib/command_line.h"
#include "guest/lib/cpus.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/report.h"

#define CPUID_1_ECX_X2APIC       (1u << 21)
#define CPUID_1_ECX_TSC_DEADLINE (1u << 24)
#define SEND_BOUND               1000000u

bool apic_x2apic_mode;

bool apic_has_x2apic(void) {
    return cpuid(1, 0).ecx & CPUID_1_ECX_X2APIC;
}

bool apic_has_tsc_deadline(void) {
    return cpuid(1, 0).ecx & CPUID_1_ECX_TSC_DEADLINE;
}

uint32_t apic_read(uint32_t reg) {
    return apic_x2apic_mode ? (uint32_t)rdmsr(apic_msr(reg)) : *apic_register(reg);
}

void apic_send(uint32_t destination, uint32_t command) {
    if (apic_x2apic_mode) {
        wrmsr(apic_msr(APIC_ICR_LOW), (uint64_t)destination << 32 | command);
        return;
    }
    *apic_register(APIC_ICR_HIGH) = destination << 24;
    *apic_register(APIC_ICR_LOW) = command;
    for (uint32_t i = 0; i < SEND_BOUND && *apic_register(APIC_ICR_LOW) & APIC_ICR_PENDING; i++)
        pause_only();
}

void apic_self_ipi(uint8_t vector) {
    if (apic_x2apic_mode)
        wrmsr(apic_msr(APIC_SELF_IPI), vector);
    else
        *apic_register(APIC_ICR_LOW) = (uint32_t)APIC_ICR_SELF | (uint32_t)APIC_ICR_ASSERT | vector;
}

bool apic_vector_bit(uint32_t reg, uint8_t vector) {
    return apic_read(reg + (vector >> 5) * 16u) >> (vector & 31) & 1;
}

bool apic_vectors_empty(uint32_t reg) {
    uint32_t any = 0;
    for (uint32_t i = 0; i < 8; i++)
        any |= apic_read(reg + i * 16);
    return any == 0;
}

bool apic_is_idle(void) {
    return apic_vectors_empty(APIC_IRR) && apic_vectors_empty(APIC_ISR);
}

uint32_t apic_errors(void) {
    apic_write(APIC_ESR, 0);
    return apic_read(APIC_ESR);
}

void apic_software_disable(void) {
    apic_write(APIC_SVR, APIC_SPURIOUS_VECTOR);
}

void apic_software_enable(void) {
    apic_write(APIC_SVR, APIC_SVR_ENABLE | APIC_SPURIOUS_VECTOR);
}

/* In x2APIC mode the LDR is read-only and has this value already. */
void apic_set_logical_id(void) {
    if (!apic_x2apic_mode)
        apic_write(APIC_LDR, 1u << (24 + cpu_self()->index));
}

/* A spurious interrupt needs no EOI. */
static void handle_spurious(uint8_t vector) {
    (void)vector;
}

/* LINT0 is masked too: the firmware may have left the 8259A connected to it. */
void apic_enable(void) {
    uint64_t base = rdmsr(MSR_IA32_APIC_BASE) | APIC_BASE_ENABLE;
    wrmsr(MSR_IA32_APIC_BASE, base);
    if (apic_x2apic_mode)
        wrmsr(MSR_IA32_APIC_BASE, base | APIC_BASE_X2APIC);
    apic_software_enable();
    apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
    apic_write(APIC_LVT_LINT0, APIC_LVT_MASKED);
    apic_write(APIC_LVT_LINT1, APIC_LVT_MASKED);
    apic_write(APIC_LVT_ERROR, APIC_LVT_MASKED);
    apic_write(APIC_TPR, 0);
}

bool apic_init(bool x2apic) {
    if (x2apic && !apic_has_x2apic())
        return false;
    apic_x2apic_mode = x2apic;
    interrupt_handle(APIC_SPURIOUS_VECTOR, handle_spurious);
    apic_enable();
    return true;
}

void apic_init_by_command_line(void) {
    bool x2apic = command_line_has("x2apic") || (!command_line_has("xapic") && apic_has_x2apic());
    if (!apic_init(x2apic))
        report_skip_all("this machine has no x2APIC mode");
}
