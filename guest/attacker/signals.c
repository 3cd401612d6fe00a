/* Attacks by signals, and on the local APIC: see attacker.h. */
#include "guest/attacker/attacker.h"
#include "guest/lib/apic.h"
#include "guest/lib/instructions.h"

#define STORM      10
#define EOIS       32
#define ALL_MASKED (APIC_LVT_MASKED | 0xfe)

/* The local APIC's mode, as this vCPU last saw it. An access in the wrong mode does no harm. */
static bool is_x2apic(void) {
    return me()->x2apic;
}

void signals_look(void) {
    me()->x2apic = rdmsr(MSR_IA32_APIC_BASE) & APIC_BASE_X2APIC;
}

static void set_base(uint64_t base) {
    wrmsr(MSR_IA32_APIC_BASE, base);
    me()->x2apic = base & APIC_BASE_X2APIC;
}

static void put(uint32_t reg, uint32_t value) {
    if (is_x2apic())
        wrmsr(apic_msr(reg), value);
    else
        *apic_register(reg) = value;
}

static void send(uint32_t destination, uint32_t command) {
    if (is_x2apic()) {
        wrmsr(MSR_X2APIC_ICR, (uint64_t)destination << 32 | command);
        return;
    }
    *apic_register(APIC_ICR_HIGH) = destination << 24;
    *apic_register(APIC_ICR_LOW) = command;
}

void signals_eoi(void) {
    if (is_x2apic())
        wrmsr(MSR_X2APIC_EOI, 0);
    else
        *apic_register(APIC_EOI) = 0;
}

static bool is_serving(void) {
    bool x2apic = is_x2apic();
    uint32_t any_in_service = 0;

    for (uint32_t reg = APIC_ISR; reg < APIC_ISR + 0x80; reg += 16)
        any_in_service |= x2apic ? (uint32_t)rdmsr(apic_msr(reg)) : *apic_register(reg);
    return any_in_service;
}

/* From off, if it is not as it should be, and now and then anyway: then nothing is in service. */
void signals_repair(void) {
    uint64_t off = APIC_DEFAULT_BASE | (my_index() ? 0 : APIC_BASE_BSP);
    uint64_t on = off | APIC_BASE_ENABLE;
    uint64_t wanted = apic_x2apic_mode ? on | APIC_BASE_X2APIC : on;

    if (rdmsr(MSR_IA32_APIC_BASE) != wanted || below(8) == 0) {
        set_base(off);
        set_base(on);
        set_base(wanted);
    }
    signals_look();
    put(APIC_SVR, APIC_SVR_ENABLE | APIC_SPURIOUS_VECTOR);
    put(APIC_TPR, 0);
    put(APIC_LVT_LINT0, ALL_MASKED);
    for (unsigned i = 0; i < EOIS && is_serving(); i++)
        signals_eoi();
}

/* ---- IPIs ---- */

static uint32_t any_destination(void) {
    return below(8) ? below(vcpus + 1) : any();
}

/* All delivery modes but NMI, INIT and SIPI. */
void act_ipi(void) {
    uint32_t mode = below(4) ? APIC_DELIVERY_FIXED : below(8);
    uint32_t vector = below(8) ? 0x20 + below(0xe0) : below(0x20);

    if (mode >= APIC_DELIVERY_NMI && mode <= APIC_DELIVERY_SIPI)
        mode = APIC_DELIVERY_FIXED;
    send(any_destination(), vector | mode << 8 | below(8) << 11 | (any() & 0xc0000) |
                                (below(16) ? (uint32_t)APIC_ICR_ASSERT : any() & 0xfff00000));
}

/* Not to a vCPU that starts: in real-address mode an NMI has no handler here. */
void act_nmi(void) {
    uint32_t to = below(vcpus);

    if (!attackers[to].ready)
        to = my_index();
    for (unsigned i = 0; i < STORM; i++) {
        if (i)
            also(KIND_NMI);
        send(to, (uint32_t)APIC_ICR_ASSERT | APIC_DELIVERY_NMI << 8);
    }
}

/* Then a SIPI, sooner or later: from here, or from another vCPU. */
void act_init(void) {
    uint32_t to = below(vcpus);

    attackers[to].ready = false;
    send(to, (uint32_t)APIC_ICR_ASSERT | APIC_DELIVERY_INIT << 8);
    if (below(4))
        send(to, (uint32_t)APIC_ICR_ASSERT | APIC_DELIVERY_SIPI << 8 | TRAMPOLINE >> 12);
}

void act_sipi(void) {
    uint32_t shorthand = below(4) ? 0 : (uint32_t)APIC_ICR_OTHERS;

    send(below(vcpus), (uint32_t)APIC_ICR_ASSERT | shorthand | APIC_DELIVERY_SIPI << 8 |
                           (below(2) ? TRAMPOLINE >> 12 : 1 + below(0x9e)));
}

/* ---- the local APIC ---- */

/* Any register but EOI and the ICR: LDR, DFR, ID, SVR, TPR, LVT and those that do not exist. */
void act_apic_register(void) {
    static const uint16_t registers[] = {
        APIC_ID,          APIC_LDR,       APIC_DFR,       APIC_SVR,           APIC_TPR,
        APIC_LVT_THERMAL, APIC_LVT_LINT0, APIC_LVT_LINT1, APIC_LVT_ERROR,     APIC_LVT_TIMER,
        APIC_ESR,         APIC_LDR,       APIC_DFR,       APIC_TIMER_INITIAL, APIC_LVT_PERFORMANCE,
    };
    uint32_t reg = registers[below(sizeof(registers) / sizeof(registers[0]))];
    uint32_t value = below(2) ? any() : 1u << below(32);

    if (below(8) == 0)
        reg = below(0x40) << 4;
    if (reg == APIC_ICR_LOW || reg == APIC_ICR_HIGH)
        return;
    if (reg >= APIC_LVT_THERMAL && below(64))
        value &= ~0x600u; /* an NMI or an INIT may end the guest */
    if (below(4))
        put(reg, value);
    else if (is_x2apic())
        rdmsr(apic_msr(reg));
    else
        (void)*(volatile uint16_t *)(APIC_DEFAULT_BASE + reg + below(14));
}

/* Off, xAPIC mode, x2APIC mode, at another address; some of these changes raise #GP. */
void act_apic_mode(void) {
    static const uint64_t bases[] = {
        APIC_DEFAULT_BASE,
        APIC_DEFAULT_BASE | APIC_BASE_ENABLE,
        APIC_DEFAULT_BASE | APIC_BASE_ENABLE | APIC_BASE_X2APIC,
        APIC_DEFAULT_BASE | APIC_BASE_X2APIC,
        0xfe000000 | APIC_BASE_ENABLE,
    };

    set_base(bases[below(5)] | (my_index() ? 0 : APIC_BASE_BSP));
}

void signals_alarm(void) {
    interrupts_off(); /* or the interrupt might come too early */
    signals_repair();
    put(APIC_LVT_TIMER, APIC_LVT_TIMER_PERIODIC | 0x90);
    put(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
    put(APIC_TIMER_INITIAL, 20000 + below(20000));
}

/* The timer, in all modes; or HLT until it expires. */
void act_timer(void) {
    uint32_t mode = below(4) << 17, initial = below(2) ? below(5000) : any();

    if (below(2)) {
        put(APIC_LVT_TIMER, mode | (0x30 + below(0xc0)));
        put(APIC_TIMER_DIVIDE, below(16));
        put(APIC_TIMER_INITIAL, initial);
        if (mode >> 17 == 2)
            wrmsr(MSR_IA32_TSC_DEADLINE, rdtsc() + initial);
        return;
    }
    signals_alarm();
    interrupts_on_and_halt();
}
