/* Fills the registers of a vCPU: see look.h. What it writes is nowhere a value after reset. */
#include "arch/control_registers.h"
#include "guest/lib/apic.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/start_state/look.h"
#include "lib/memory.h"

#define IN_SERVICE   0x61 /* vectors */
#define REQUESTED    0x51
#define ILLEGAL      3
#define CPUID_XSTATE 0xd
#define FILL_BYTE    0x5a
#define ADDRESS      0xffff800056780000ULL

/* SDM Vol. 1, "XSAVE Area". */
#define XSAVE_FCW       0
#define XSAVE_FSW       2
#define XSAVE_FTW       4
#define XSAVE_FOP       6
#define XSAVE_FIP       8
#define XSAVE_FDP       16
#define XSAVE_MXCSR     24
#define XSAVE_ST        32
#define XSAVE_REGISTERS 416 /* ST0 to XMM15 */
#define XSAVE_BV        512

#define GDT_TSS         0x20
#define GDT_LDT         0x30
#define SEGMENT_TSS     0x0000890000000067ULL
#define SEGMENT_LDT     0x0000820000000007ULL

_Alignas(64) uint8_t fill_xsave[LOOK_XSAVE_SIZE];

static void set_word(unsigned offset, uint64_t value, unsigned size) {
    memcpy(fill_xsave + offset, &value, size);
}

/* x87 registers have 10 bytes of their 16; MXCSR masks all exceptions, and has all sticky. */
static void fill_vectors(void) {
    struct cpuid offered = cpuid(CPUID_XSTATE, 0);

    __asm__ volatile("xsetbv" ::"a"(offered.eax), "d"(offered.edx), "c"(0));
    set_word(XSAVE_FCW, 0x0f7f, 2);
    set_word(XSAVE_FSW, 0x3900, 2);
    set_word(XSAVE_FTW, 0xff, 1);
    set_word(XSAVE_FOP, 0x123, 2);
    set_word(XSAVE_FIP, ADDRESS + 1, 8);
    set_word(XSAVE_FDP, ADDRESS + 2, 8);
    set_word(XSAVE_MXCSR, 0x7fbf, 4);
    memset(fill_xsave + XSAVE_ST, FILL_BYTE, XSAVE_REGISTERS - XSAVE_ST);
    memset(fill_xsave + XSAVE_AREA_MIN, FILL_BYTE, offered.ebx - XSAVE_AREA_MIN);
    set_word(XSAVE_BV, offered.eax, 4);
    __asm__ volatile("xrstor64 %0" ::"m"(fill_xsave), "a"(-1), "d"(-1));
    memset(fill_xsave, 0, sizeof(fill_xsave));
    __asm__ volatile("xsave64 %0" : "+m"(fill_xsave) : "a"(-1), "d"(-1));
}

/* A GDT with the code and data segments that are in use, and a TSS and an LDT. */
static void fill_tables(void) {
    static uint64_t gdt[8] = {
        0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff, SEGMENT_TSS, 0, SEGMENT_LDT,
        0};
    const struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) pointer = {sizeof(gdt) - 1, (uintptr_t)gdt};

    gdt[GDT_TSS / 8] = SEGMENT_TSS; /* not busy */
    __asm__ volatile("lgdt %0; ltr %w1; lldt %w2" ::"m"(pointer), "r"(GDT_TSS), "r"(GDT_LDT));
}

static void keep_in_service(uint8_t vector) {
    (void)vector;
}

/* An interrupt in service, one requested, an error, a timer, and all that can be written. */
static void fill_apic(void) {
    interrupt_handle(IN_SERVICE, keep_in_service);
    apic_self_ipi(IN_SERVICE);
    interrupts_on();
    pause();
    interrupts_off();
    apic_self_ipi(REQUESTED);
    apic_self_ipi(ILLEGAL);
    apic_errors();
    apic_write(APIC_LDR, 0x55000000);
    apic_write(APIC_DFR, APIC_DFR_CLUSTER);
    apic_write(APIC_SVR, APIC_SVR_ENABLE | 0xee);
    apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_128);
    apic_write(APIC_TIMER_INITIAL, UINT32_MAX);
    for (uint32_t lvt = APIC_LVT_TIMER; lvt <= APIC_LVT_ERROR; lvt += 0x10)
        apic_write(lvt, APIC_LVT_MASKED | 0x44);
    if (apic_has_tsc_deadline())
        apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | APIC_LVT_TIMER_TSC_DEADLINE | 0x44);
    apic_write(APIC_ICR_HIGH, 0x33000000);
    write_cr8(5);
}

static void fill_debug_registers(void) {
    uint64_t address = ADDRESS;

    __asm__ volatile("mov %0, %%dr0; mov %0, %%dr1; mov %0, %%dr2; mov %0, %%dr3" ::"r"(address));
    __asm__ volatile("mov %0, %%dr6; mov %1, %%dr7" ::"r"(DR6_RESET | DR6_B), "r"(0x7aaULL));
    __asm__ volatile("mov %0, %%cr2" ::"r"(address));
}

/* GS last: cpu_self() uses it. */
void fill(void) {
    write_cr0((read_cr0() | CR0_MP | CR0_AM) & ~(CR0_CD | CR0_NW | CR0_TS | CR0_EM));
    write_cr4(read_cr4() | CR4_DE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE);
    fill_vectors();
    fill_tables();
    fill_debug_registers();
    fill_apic();
    for (unsigned i = 0; i < START_MSR_COUNT; i++) {
        if (start_msrs[i].start != start_msrs[i].filled && start_has_msr(start_msrs[i].number))
            wrmsr(start_msrs[i].number, start_msrs[i].filled);
    }
    wrmsr(MSR_IA32_EFER, rdmsr(MSR_IA32_EFER) | 0x801); /* NXE, SCE */
    write_cr0(read_cr0() | CR0_TS);
    wrmsr(MSR_IA32_FS_BASE, ADDRESS + 3);
    wrmsr(MSR_IA32_GS_BASE, ADDRESS + 4);
}
