/* Each vCPU has its own registers: two vCPUs fill the registers that no VM exit saves, each with
 * its own values, and compare them after the other has filled its own. On one CPU the hypervisor
 * has switched between the two in the meantime. Finally INIT resets some of the registers.
 *
 * No command line. Needs two vCPUs. SDM Vol. 1, "Managing State Using the XSAVE Feature Set";
 * Vol. 3A, "Processor State After Reset". */
#include "arch/msr.h"
#include "guest/lib/apic.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"
#include "lib/memory.h"

#define ROUNDS             20
#define SETTLE             100000u /* PAUSEs in which the other vCPU would start */
#define WRONG_PAGE         0x9000u
#define CPUID_1_ECX_AVX    (1u << 28)
#define CPUID_801_EDX_TSCP (1u << 27)
#define MXCSR_RESET        0x1f80u

static const uint32_t own_msrs[] = {MSR_IA32_STAR, MSR_IA32_LSTAR, MSR_IA32_CSTAR,
                                    MSR_IA32_KERNEL_GS_BASE, MSR_IA32_SYSENTER_ESP};
#define MSR_COUNT (sizeof(own_msrs) / sizeof(own_msrs[0]))

struct contents {
    uint8_t vector[16][32]; /* YMM0 to YMM15, or their lower halves */
    uint64_t msr[MSR_COUNT], fmask, tsc_aux, cr2, dr[4], xcr0;
    uint32_t mxcsr;
    int32_t x87;
};

static struct contents expected[2], found[2];
static atomic_uint filled[2];
static atomic_uint wrong[2], waited[2];
static bool has_avx, has_tsc_aux;

static uint64_t read_xcr0(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static void write_xcr0(uint64_t value) {
    __asm__ volatile("xsetbv" ::"a"((uint32_t)value), "d"((uint32_t)(value >> 32)), "c"(0));
}

#define EACH_VECTOR(X)                                                                             \
    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define LOAD_YMM(n)  __asm__ volatile("vmovdqu %0, %%ymm" #n ::"m"(c->vector[n]));
#define STORE_YMM(n) __asm__ volatile("vmovdqu %%ymm" #n ", %0" : "=m"(c->vector[n]));
#define LOAD_XMM(n)  __asm__ volatile("movdqu %0, %%xmm" #n ::"m"(c->vector[n]));
#define STORE_XMM(n) __asm__ volatile("movdqu %%xmm" #n ", %0" : "=m"(c->vector[n]));
#define LOAD_DR(n)   __asm__ volatile("mov %0, %%dr" #n ::"r"(c->dr[n]));
#define STORE_DR(n)  __asm__ volatile("mov %%dr" #n ", %0" : "=r"(c->dr[n]));

static void load_vectors(const struct contents *c, bool wide) {
    if (wide) {
        EACH_VECTOR(LOAD_YMM)
    } else {
        EACH_VECTOR(LOAD_XMM)
    }
}

static void store_vectors(struct contents *c, bool wide) {
    if (wide) {
        EACH_VECTOR(STORE_YMM)
    } else {
        EACH_VECTOR(STORE_XMM)
    }
}

static void load(const struct contents *c) {
    write_xcr0(c->xcr0);
    load_vectors(c, c->xcr0 & XCR0_AVX);
    __asm__ volatile("ldmxcsr %0" ::"m"(c->mxcsr));
    __asm__ volatile("fninit\n\tfildl %0" ::"m"(c->x87));
    __asm__ volatile("mov %0, %%cr2" ::"r"(c->cr2));
    LOAD_DR(0)
    LOAD_DR(1)
    LOAD_DR(2) LOAD_DR(3) for (unsigned i = 0; i < MSR_COUNT; i++) wrmsr(own_msrs[i], c->msr[i]);
    wrmsr(MSR_IA32_FMASK, c->fmask);
    if (has_tsc_aux)
        wrmsr(MSR_IA32_TSC_AUX, c->tsc_aux);
}

static void store(struct contents *c) {
    c->xcr0 = read_xcr0();
    store_vectors(c, c->xcr0 & XCR0_AVX);
    __asm__ volatile("stmxcsr %0" : "=m"(c->mxcsr));
    __asm__ volatile("fistpl %0" : "=m"(c->x87));
    c->cr2 = read_cr2();
    STORE_DR(0)
    STORE_DR(1)
    STORE_DR(2) STORE_DR(3) for (unsigned i = 0; i < MSR_COUNT; i++) c->msr[i] = rdmsr(own_msrs[i]);
    c->fmask = rdmsr(MSR_IA32_FMASK);
    if (has_tsc_aux)
        c->tsc_aux = rdmsr(MSR_IA32_TSC_AUX);
}

/* Values that differ by vCPU and round. The addresses are canonical and not used otherwise. */
static void choose_values(struct contents *c, uint32_t index, uint32_t round) {
    uint8_t seed = (uint8_t)(index * 101 + round * 7 + 1);
    uint64_t address = 0xffff800000000000 | (uint64_t)seed << 20;

    *c = (struct contents){.xcr0 = XCR0_X87 | XCR0_SSE};
    if (has_avx && (index + round) % 2)
        c->xcr0 |= XCR0_AVX;
    for (unsigned i = 0; i < 16; i++)
        memset(c->vector[i], seed + (int)i, c->xcr0 & XCR0_AVX ? 32 : 16);
    for (unsigned i = 0; i < MSR_COUNT; i++)
        c->msr[i] = address + i;
    for (unsigned i = 0; i < 4; i++)
        c->dr[i] = address + 64 + i;
    c->fmask = seed;
    c->tsc_aux = has_tsc_aux ? seed : 0;
    c->cr2 = address + 128;
    c->mxcsr = MXCSR_RESET | (seed & 3u) << 13; /* rounding control */
    c->x87 = seed * 1000;
}

static void enable_all(void) {
    write_cr0((read_cr0() & ~(CR0_EM | CR0_TS)) | CR0_MP);
    write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE);
}

static void work(void) {
    uint32_t self = cpu_self()->index & 1, other = self ^ 1;

    enable_all();
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        choose_values(&expected[self], self, round);
        load(&expected[self]);
        atomic_fetch_add(&filled[self], 1);
        waited[self] += wait_at_least(&filled[other], round);
        found[self] = (struct contents){0};
        store(&found[self]);
        wrong[self] += memcmp(&expected[self], &found[self], sizeof(struct contents)) != 0;
    }
}

static void load_expected(void) {
    load(&expected[1]);
}

static void store_found(void) {
    enable_all();
    found[1] = (struct contents){0};
    store(&found[1]);
}

/* The second SIPI comes before the other vCPU has begun to run, at least if it shares this CPU. */
static void test_two_sipis(void) {
    cpus[1].started = false;
    apic_send_init(1);
    spin(SETTLE);
    apic_send_sipi(1, TRAMPOLINE);
    apic_send_sipi(1, WRONG_PAGE);
    for (uint32_t i = 0; i < wait_bound && !cpus[1].started; i++)
        pause();
    report(cpus[1].started, "of two SIPIs the first one starts the vCPU");
}

static void test_init(void) {
    report(cpu_call(1, load_expected), "the other vCPU loads its registers once more");
    /* If it shares a CPU with this vCPU, both are pending when it runs again. */
    cpus[1].started = false;
    apic_send_sipi(1, TRAMPOLINE);
    apic_send_init(1);
    spin(SETTLE);
    report(!cpus[1].started, "a SIPI before INIT does not start the vCPU");
    report(cpus_start(2) == 2, "INIT and SIPI start it again");
    report(cpu_call(1, store_found), "the other vCPU stores its registers");
    expected[1].cr2 = 0;
    memset(expected[1].dr, 0, sizeof(expected[1].dr));
    report(memcmp(&expected[1], &found[1], sizeof(struct contents)) == 0,
           "INIT clears CR2 and DR0 to DR3 and keeps the other registers");
    test_two_sipis();
}

/* Sets and clears CR0.CD, which the hypervisor intercepts: it must read the value from RDI. */
static void test_control_register(void) {
    uint64_t before = read_cr0(), between;

    __asm__ volatile("mov %1, %%cr0\n\tmov %%cr0, %0"
                     : "=b"(between)
                     : "D"(before | CR0_CD), "a"(0)
                     : "memory");
    __asm__ volatile("mov %0, %%cr0" ::"r"(before), "a"(0) : "memory");
    report(between == (before | CR0_CD),
           "MOV to CR0 from RDI sets CD, MOV from CR0 to RBX reads it");
    report(read_cr0() == before, "MOV to CR0 clears CD again");
}

void guest_main(void) {
    cpu_init();
    test_control_register();
    has_avx = cpuid(1, 0).ecx & CPUID_1_ECX_AVX;
    has_tsc_aux = cpuid(0x80000001, 0).edx & CPUID_801_EDX_TSCP;
    if (!report(cpus_start(2) == 2, "two vCPUs run"))
        report_done();
    cpu_run(1, work);
    work();
    report(cpu_wait(1), "the other vCPU has finished its rounds");
    for (unsigned i = 0; i < 2; i++) {
        report(waited[i] == ROUNDS, "vCPU %u: the other vCPU loaded its registers in each round",
               i);
        report(wrong[i] == 0, "vCPU %u: its registers were unchanged in each of %u rounds", i,
               ROUNDS);
    }
    test_init();
    report_done();
}
