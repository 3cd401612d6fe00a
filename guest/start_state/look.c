/* MSRs and the local APIC of a vCPU that starts: see look.h. The values are those of SDM Vol. 3A,
 * "IA-32 and Intel 64 Processor States Following Power-up, Reset, or INIT" and "Local APIC State
 * After Power-Up or Reset"; of the MTRRs, what firmware leaves. */
#include "guest/start_state/look.h"

#include "guest/lib/apic.h"
#include "guest/lib/instructions.h"

#define CPUID_801_EDX_TSCP (1u << 27)
#define ADDRESS(n)         (0xffff800012340000ULL + 16 * (n)) /* canonical */
#define WRITE_BACK         0x0606060606060606ULL
#define VALID              (1ULL << 11)

/* INIT changes no MSR but those that are another register too. */
#define KEPT(number, start, filled)                                                                \
    { number, #number, start, filled, filled }
#define RESET(number, start, filled, after)                                                        \
    { number, #number, start, filled, after }
#define FIXED(number) KEPT(number, WRITE_BACK, 0x0505050505050505)
#define RANGE(n, base, mask)                                                                       \
    KEPT(MSR_IA32_MTRR_PHYSBASE0 + 2 * (n), base, 0x10000000 * (n) + 0x20000006ULL),               \
        KEPT(MSR_IA32_MTRR_PHYSBASE0 + 2 * (n) + 1, mask, 0xf0000000 | VALID)

const struct start_msr start_msrs[] = {
    KEPT(MSR_IA32_APIC_BASE, APIC_DEFAULT_BASE | APIC_BASE_ENABLE,
         APIC_DEFAULT_BASE | APIC_BASE_ENABLE),
    KEPT(MSR_IA32_STAR, 0, ADDRESS(1)),
    KEPT(MSR_IA32_LSTAR, 0, ADDRESS(2)),
    KEPT(MSR_IA32_CSTAR, 0, ADDRESS(3)),
    KEPT(MSR_IA32_FMASK, 0, 0x47700),
    KEPT(MSR_IA32_KERNEL_GS_BASE, 0, ADDRESS(4)),
    KEPT(MSR_IA32_TSC_AUX, 0, 0x12345),
    KEPT(MSR_IA32_SYSENTER_CS, 0, 0x38),
    KEPT(MSR_IA32_SYSENTER_ESP, 0, ADDRESS(5)),
    KEPT(MSR_IA32_SYSENTER_EIP, 0, ADDRESS(6)),
    KEPT(MSR_IA32_PAT, 0x0007040600070406, WRITE_BACK),
    KEPT(MSR_IA32_DEBUGCTL, 0, 2), /* BTF */
    KEPT(MSR_IA32_MISC_ENABLE, 0x1801, 0x1800),
    KEPT(MSR_IA32_TSC_ADJUST, 0, 0x100000),
    RESET(MSR_IA32_TSC_DEADLINE, 0, INT64_MAX, 0), /* the timer's */
    KEPT(MSR_IA32_BIOS_SIGN_ID, 1ULL << 32, 1ULL << 32),
    KEPT(MSR_IA32_PLATFORM_ID, 0, 0),
    KEPT(MSR_IA32_MCG_CAP, 0, 0),
    KEPT(MSR_IA32_MCG_STATUS, 0, 0),
    KEPT(MSR_IA32_MTRR_DEF_TYPE, 0xc06, 0x400),
    FIXED(0x250),
    FIXED(0x258),
    KEPT(0x259, 0, WRITE_BACK), /* A0000H to BFFFFH */
    FIXED(0x268),
    FIXED(0x269),
    FIXED(0x26a),
    FIXED(0x26b),
    FIXED(0x26c),
    FIXED(0x26d),
    FIXED(0x26e),
    FIXED(0x26f),
    RANGE(0, 0xc0000000, 0xc0000000 | VALID), /* and the higher bits of an address: main.c */
    RANGE(1, 0, 0),
    RANGE(2, 0, 0),
    RANGE(3, 0, 0),
    RANGE(4, 0, 0),
    RANGE(5, 0, 0),
    RANGE(6, 0, 0),
    RANGE(7, 0, 0),
};

#define EIGHT(reg)                                                                                 \
    {reg, 0}, {reg + 0x10, 0}, {reg + 0x20, 0}, {reg + 0x30, 0}, {reg + 0x40, 0}, {reg + 0x50, 0}, \
        {reg + 0x60, 0}, {                                                                         \
        reg + 0x70, 0                                                                              \
    }

const struct start_apic start_apic[] = {
    {APIC_TPR, 0},
    {APIC_PPR, 0},
    {APIC_LDR, 0},
    {APIC_DFR, APIC_DFR_FLAT},
    {APIC_SVR, 0xff},
    EIGHT(APIC_ISR),
    EIGHT(APIC_TMR),
    EIGHT(APIC_IRR),
    {APIC_ESR, 0},
    {APIC_ICR_LOW, 0},
    {APIC_ICR_HIGH, 0},
    {APIC_LVT_TIMER, APIC_LVT_MASKED},
    {APIC_LVT_THERMAL, APIC_LVT_MASKED},
    {APIC_LVT_PERFORMANCE, APIC_LVT_MASKED},
    {APIC_LVT_LINT0, APIC_LVT_MASKED},
    {APIC_LVT_LINT1, APIC_LVT_MASKED},
    {APIC_LVT_ERROR, APIC_LVT_MASKED},
    {APIC_TIMER_INITIAL, 0},
    {APIC_TIMER_CURRENT, 0},
    {APIC_TIMER_DIVIDE, 0},
};

_Alignas(64) uint8_t look_xsave[LOOK_XSAVE_SIZE];

bool start_has_msr(uint32_t number) {
    return number != MSR_IA32_TSC_AUX || (cpuid(0x80000001, 0).edx & CPUID_801_EDX_TSCP);
}

void look_at_others(void) {
    struct look *look = (struct look *)LOOK_AT;

    for (unsigned i = 0; i < START_MSR_COUNT; i++) {
        if (start_has_msr(start_msrs[i].number))
            look->msr[i] = rdmsr(start_msrs[i].number);
    }
    for (unsigned i = 0; i < START_APIC_COUNT; i++)
        look->apic[i] = *apic_register(start_apic[i].offset);
}
