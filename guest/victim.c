/* Counts the ticks of its timer and checks its memory and its registers, while other guests beside
 * it attack the hypervisor. It sees how much of the CPU it gets by the gaps between two reads of
 * the TSC.
 *
 * Command line: ms=N (how long, by the TSC at tsc_khz=N), least=N (the percentage of the CPU that
 * it must get). Its timer's period is longer than any time in which the others have the CPU. */
#include "arch/msr.h"
#include "guest/lib/apic.h"
#include "guest/lib/command_line.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"

#define VECTOR      0x90
#define GAP         2000u /* ticks: longer than any path of the loop but a check */
#define PERIOD_MS   100
#define WORDS       (512 * 1024 / 8)
#define CR4_OSFXSR  (1ULL << 9)
#define PATTERN     0x0123456789abcdefULL
#define LOOK_AROUND 256 /* rounds between two checks */

static uint64_t memory[WORDS];
static volatile uint32_t ticks;
static uint32_t wrong_memory, wrong_registers, checks;

static void tick(uint8_t vector) {
    (void)vector;
    ticks++;
    apic_eoi();
}

/* ---- registers that the compiler does not use ---- */

static const uint32_t msrs[] = {MSR_IA32_STAR, MSR_IA32_LSTAR, MSR_IA32_CSTAR,
                                MSR_IA32_KERNEL_GS_BASE, MSR_IA32_SYSENTER_ESP};
#define MSRS (sizeof(msrs) / sizeof(msrs[0]))

#define EACH_XMM(X)                                                                                \
    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define LOAD_XMM(n) __asm__ volatile("movq %0, %%xmm" #n ::"r"(PATTERN + n));
#define CHECK_XMM(n)                                                                               \
    __asm__ volatile("movq %%xmm" #n ", %0" : "=r"(value));                                        \
    wrong += value != PATTERN + n;

static void load_registers(void) {
    write_cr4(read_cr4() | CR4_OSFXSR);
    EACH_XMM(LOAD_XMM)
    for (uint32_t i = 0; i < MSRS; i++)
        wrmsr(msrs[i], (uint32_t)PATTERN + i);
    __asm__ volatile("mov %0, %%dr0" ::"r"(PATTERN));
    __asm__ volatile("mov %0, %%dr3" ::"r"(PATTERN + 3));
    __asm__ volatile("mov %0, %%cr2" ::"r"(PATTERN));
}

static uint32_t check_registers(void) {
    uint32_t wrong = 0;
    uint64_t value;

    EACH_XMM(CHECK_XMM)
    for (uint32_t i = 0; i < MSRS; i++)
        wrong += rdmsr(msrs[i]) != (uint32_t)PATTERN + i;
    __asm__ volatile("mov %%dr0, %0" : "=r"(value));
    wrong += value != PATTERN;
    __asm__ volatile("mov %%dr3, %0" : "=r"(value));
    wrong += value != PATTERN + 3;
    return wrong + (read_cr2() != PATTERN);
}

/* ---- memory ---- */

static void check_and_change(uint32_t at) {
    wrong_memory += memory[at] != PATTERN * (at + 1);
    memory[at] = ~memory[at];
    memory[at] = ~memory[at];
}

static void check(void) {
    for (uint32_t i = 0; i < 64; i++)
        check_and_change((checks * 64 + i) % WORDS);
    wrong_registers += check_registers();
    checks++;
}

/* ---- the measurement ---- */

static void watch(uint64_t khz, uint32_t ms) {
    uint64_t start = rdtsc(), end = start + khz * ms, last = start, away = 0;

    for (uint32_t round = 0; last < end; round++) {
        uint64_t now = rdtsc();
        if (now - last > GAP)
            away += now - last;
        if (round % LOOK_AROUND == 0) {
            check();
            now = rdtsc();
        }
        last = now;
    }
    uint32_t share = (uint32_t)(100 - away * 100 / (last - start));
    uint32_t least = command_line_number("least", 45);
    uint32_t due = (uint32_t)((last - start) / (khz * PERIOD_MS));
    report(share >= least, "the share of the CPU is %u %%, at least %u", share, least);
    report(ticks + 1 >= due && ticks <= due + 1, "%u ticks of %u", ticks, due);
}

void guest_main(void) {
    uint64_t khz = command_line_number("tsc_khz", 50000);

    apic_init(apic_has_x2apic());
    interrupt_handle(VECTOR, tick);
    for (uint32_t i = 0; i < WORDS; i++)
        memory[i] = PATTERN * (i + 1);
    load_registers();
    apic_write(APIC_LVT_TIMER, APIC_LVT_TIMER_PERIODIC | VECTOR);
    apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
    apic_write(APIC_TIMER_INITIAL, (uint32_t)(khz * PERIOD_MS));
    interrupts_on();
    watch(khz, command_line_number("ms", 1000));
    interrupts_off();
    report(wrong_memory == 0, "memory is as this guest left it in %u checks", checks);
    report(wrong_registers == 0, "registers are as this guest left them in %u checks", checks);
    report_done();
}
