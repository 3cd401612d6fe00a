/* The processor's instructions but those of VMX: see machine.h. */
#include "tests/machine/machine.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/control_registers.h"
#include "arch/cpuid.h"
#include "arch/msr.h"

struct machine machine;

/* Of the CPUs that do not run. */
static struct registers {
    uint64_t cr2, dr[4], dr6, xcr0, x87, sse, avx;
    uint32_t mxcsr;
    struct machine_msr msr[MACHINE_MSRS];
} parked[MACHINE_CPUS];

/* ---- reports ---- */

void machine_fail(const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    vsnprintf(machine.message, sizeof(machine.message), fmt, args);
    va_end(args);
    if (machine.expected)
        longjmp(*machine.expected, 1);
    fprintf(stderr, "machine: %s\n", machine.message);
    abort();
}

bool machine_ends(void (*run)(void)) {
    jmp_buf here;
    volatile bool ended = true;

    machine.expected = &here;
    if (setjmp(here) == 0) {
        run();
        ended = false;
    }
    machine.expected = NULL;
    return ended;
}

void machine_record(enum machine_action action, uint64_t operand, uint64_t value) {
    if (machine.records == MACHINE_RECORDS)
        machine_fail("more than %d records: does it ever end?", MACHINE_RECORDS);
    machine.record[machine.records++] = (struct machine_record){action, operand, value};
}

void machine_forget(void) {
    machine.records = 0;
    machine.console = machine.screen = (struct machine_text){.length = 0};
}

int machine_find(enum machine_action action, uint64_t operand, unsigned from) {
    for (unsigned i = from; i < machine.records; i++) {
        const struct machine_record *record = &machine.record[i];
        if (record->action == action && (operand == MACHINE_ANY || record->operand == operand))
            return (int)i;
    }
    return -1;
}

unsigned machine_count(enum machine_action action, uint64_t operand) {
    unsigned count = 0;

    for (int i = -1; (i = machine_find(action, operand, (unsigned)(i + 1))) >= 0;)
        count++;
    return count;
}

bool machine_says(const char *text) {
    return strstr(machine.console.text, text) != NULL;
}

/* ---- other CPUs ---- */

void machine_step(void) {
    void (*meanwhile)(void) = machine.meanwhile;
    unsigned now = machine.now;

    machine.steps++;
    if (!meanwhile || machine.instructions++ != machine.meanwhile_at)
        return;
    machine.meanwhile = NULL;
    machine.now = MACHINE_CPUS - 1;
    meanwhile();
    machine.now = now;
}

struct cpu *machine_this_cpu(void) {
    return &machine.cpu[machine.now].cpu;
}

static void park(struct registers *r) {
    *r = (struct registers){
        machine.cr2, {machine.dr[0], machine.dr[1], machine.dr[2], machine.dr[3]},
        machine.dr6, machine.xcr0,
        machine.x87, machine.sse,
        machine.avx, machine.mxcsr,
        {{0}}};
    memcpy(r->msr, machine.msr, sizeof(r->msr));
}

static void unpark(const struct registers *r) {
    machine.cr2 = r->cr2;
    memcpy(machine.dr, r->dr, sizeof(r->dr));
    machine.dr6 = r->dr6;
    machine.xcr0 = r->xcr0;
    machine.x87 = r->x87;
    machine.sse = r->sse;
    machine.avx = r->avx;
    machine.mxcsr = r->mxcsr;
    memcpy(machine.msr, r->msr, sizeof(r->msr));
}

void machine_run_on(unsigned cpu) {
    if (cpu == machine.now)
        return;
    park(&parked[machine.now]);
    machine.now = cpu;
    unpark(&parked[cpu]);
}

/* Called while a lock is contended. There is one thread, so the holder can never release it. */
void machine_cpu_pause(void) {
    machine_fail("waits for a lock that is held: a deadlock");
}

/* ---- registers ---- */

uint64_t machine_rdtsc(void) {
    machine_step();
    return machine.tsc += machine.tsc_step;
}

bool machine_rdrand(uint64_t *value) {
    *value = machine.random;
    machine.random = machine.random ? machine.random * 6364136223846793005ULL + 1 : 0;
    return *value != 0;
}

#define READ(name, place)                                                                          \
    uint64_t machine_read_##name(void) {                                                           \
        return machine.place;                                                                      \
    }
#define WRITE(name, place)                                                                         \
    void machine_write_##name(uint64_t value) {                                                    \
        machine.place = value;                                                                     \
    }
READ(cr0, cr0)
READ(cr2, cr2)
READ(cr4, cr4)
READ(dr0, dr[0])
READ(dr1, dr[1])
READ(dr2, dr[2])
READ(dr3, dr[3])
READ(dr6, dr6)
WRITE(dr0, dr[0])
WRITE(dr1, dr[1])
WRITE(dr2, dr[2])
WRITE(dr3, dr[3])
WRITE(dr6, dr6)

void machine_write_cr2(uint64_t value) {
    machine_record(MACHINE_CR2, 0, value);
    machine.cr2 = value;
}

/* SDM Vol. 2, "XSETBV". */
void machine_xsetbv(uint32_t index, uint64_t value) {
    const uint64_t all = XCR0_X87 | XCR0_SSE | XCR0_AVX;

    if (index || (value & ~all) || !(value & XCR0_X87) ||
        ((value & XCR0_AVX) && !(value & XCR0_SSE)))
        machine_fail("XSETBV of 0x%" PRIx64 " to register %u: #GP", value, index);
    machine_record(MACHINE_XSETBV, index, value);
    machine.xcr0 = value;
}

void machine_interrupts_accept(void) {
    machine_record(MACHINE_ACCEPT, 0, 0);
    machine.interrupt[machine.now] = 0; /* the host's handler sends its EOI */
}

/* ---- the extended state: SDM Vol. 1, "XSAVE Area" ---- */

#define AREA_X87       0
#define AREA_MXCSR     24
#define AREA_XMM0      160
#define AREA_XSTATE_BV 512
#define AREA_YMM0      576
#define MXCSR_INIT     0x1f80
#define MXCSR_RESERVED 0xffff0000u

static void put(uint8_t *area, unsigned offset, uint64_t value) {
    memcpy(area + offset, &value, sizeof(value));
}

static uint64_t get(const uint8_t *area, unsigned offset) {
    uint64_t value;

    memcpy(&value, area + offset, sizeof(value));
    return value;
}

void machine_xsave(uint8_t *area) {
    uint64_t saved = get(area, AREA_XSTATE_BV);

    if ((uintptr_t)area % 64)
        machine_fail("XSAVE to an address that is not a multiple of 64: #GP");
    if (machine.xcr0 & XCR0_X87)
        put(area, AREA_X87, machine.x87);
    if (machine.xcr0 & XCR0_SSE)
        memcpy(area + AREA_XMM0, machine.xmm, sizeof(machine.xmm));
    if (machine.xcr0 & XCR0_AVX)
        memcpy(area + AREA_YMM0, machine.ymm, sizeof(machine.ymm));
    if (machine.xcr0 & (XCR0_SSE | XCR0_AVX))
        memcpy(area + AREA_MXCSR, &machine.mxcsr, sizeof(machine.mxcsr));
    put(area, AREA_XSTATE_BV, saved | machine.xcr0);
}

/* A component that was not saved is initialized. */
static void restore(void *component, const uint8_t *from, size_t size, bool saved) {
    memset(component, 0, size);
    if (saved)
        memcpy(component, from, size);
}

void machine_xrstor(const uint8_t *area) {
    uint64_t saved = get(area, AREA_XSTATE_BV);

    if ((uintptr_t)area % 64 || (saved & ~machine.xcr0))
        machine_fail("XRSTOR: #GP");
    if (machine.xcr0 & XCR0_X87)
        machine.x87 = saved & XCR0_X87 ? get(area, AREA_X87) : 0;
    if (machine.xcr0 & XCR0_SSE)
        restore(machine.xmm, area + AREA_XMM0, sizeof(machine.xmm), saved & XCR0_SSE);
    if (machine.xcr0 & XCR0_AVX)
        restore(machine.ymm, area + AREA_YMM0, sizeof(machine.ymm), saved & XCR0_AVX);
    if (machine.xcr0 & (XCR0_SSE | XCR0_AVX)) {
        memcpy(&machine.mxcsr, area + AREA_MXCSR, sizeof(machine.mxcsr));
        if (machine.mxcsr & MXCSR_RESERVED)
            machine_fail("XRSTOR of MXCSR 0x%x: #GP", machine.mxcsr);
    }
}

/* ---- MSRs ---- */

uint64_t *machine_msr(uint32_t msr) {
    for (unsigned i = 0; i < MACHINE_MSRS; i++) {
        if (machine.msr[i].number == msr)
            return &machine.msr[i].value;
    }
    machine_fail("MSR 0x%x: #GP, or it is not the hypervisor's to access", msr);
}

uint64_t machine_rdmsr(uint32_t msr) {
    machine_step();
    if (msr == MSR_IA32_PRED_CMD)
        machine_fail("RDMSR of IA32_PRED_CMD, which is write-only: #GP");
    return *machine_msr(msr);
}

void machine_wrmsr(uint32_t msr, uint64_t value) {
    machine_step();
    machine_record(MACHINE_WRMSR, msr, value);
    *machine_msr(msr) = value;
}

/* ---- CPUID ---- */

struct cpuid_result *machine_leaf(uint32_t leaf, uint32_t subleaf) {
    for (unsigned i = 0; i < MACHINE_LEAVES; i++) {
        struct machine_leaf *it = &machine.leaf[i];
        if (it->leaf == leaf && it->subleaf == subleaf)
            return &it->result;
        if (i && !it->leaf && !it->subleaf) {
            *it = (struct machine_leaf){.leaf = leaf, .subleaf = subleaf};
            return &it->result;
        }
    }
    machine_fail("more than %d leaves of CPUID", MACHINE_LEAVES);
}

/* A leaf above the largest returns the data of the largest basic leaf. SDM Vol. 2A, "CPUID". */
struct cpuid_result machine_cpuid(uint32_t leaf, uint32_t subleaf) {
    uint32_t largest = machine_leaf(leaf & 0x80000000u, 0)->eax;

    if (leaf > largest)
        leaf = machine_leaf(0, 0)->eax;
    for (unsigned i = 0; i < MACHINE_LEAVES; i++) {
        if (machine.leaf[i].leaf == leaf && machine.leaf[i].subleaf == subleaf)
            return machine.leaf[i].result;
    }
    return (struct cpuid_result){0};
}

/* A Broadwell with four cores, as far as the hypervisor reads it. */
static const struct machine_leaf broadwell_leaves[] = {
    {0x00, 0, {0x0d, 0x756e6547, 0x6c65746e, 0x49656e69}},
    {0x01, 0, {0x000306d4, 0x05100800, 0x7ffafbff, 0xbfebfbff}},
    {0x02, 0, {0x76036301, 0x00f0b5ff, 0, 0x00c30000}},
    {0x04, 0, {0x1c004121, 0x01c0003f, 0x3f, 0}},
    {0x04, 1, {0x1c004122, 0x01c0003f, 0x3f, 0}},
    {0x04, 2, {0x1c004143, 0x01c0003f, 0x1ff, 0}},
    {0x04, 3, {0x1c03c163, 0x02c0003f, 0xfff, 6}},
    {0x06, 0, {0x77, 2, 9, 0}},
    {0x07, 0, {0, 0x021c2fbb, 0, 0x0c000000}},
    {0x0d, 0, {7, 832, 832, 0}},
    {0x0d, 1, {1, 0, 0, 0}},
    {0x0d, 2, {256, 576, 0, 0}},
    {0x80000000, 0, {0x80000008, 0, 0, 0}},
    {0x80000001, 0, {0, 0, 0x121, 0x2c100800}},
    {0x80000002, 0, {0x65746e49, 0x2952286c, 0x726f4320, 0x4d542865}},
    {0x80000003, 0, {0x35692029, 0x3033352d, 0x43205530, 0x40205550}},
    {0x80000004, 0, {0x332e3220, 0x7a484730, 0, 0}},
    {0x80000006, 0, {0, 0, 0x01006040, 0}},
    {0x80000007, 0, {0, 0, 0, 0x100}},
    {0x80000008, 0, {0x3027, 0, 0, 0}},
};
_Static_assert(sizeof(broadwell_leaves) <= sizeof(machine.leaf), "room for all of them");

static const struct {
    uint32_t number;
    uint64_t value;
} broadwell_msrs[] = {
    {MSR_IA32_EFER, EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE},
    {MSR_IA32_PAT, PAT_HOST},
    {MSR_IA32_PRED_CMD, 0},
    {MSR_IA32_STAR, 0},
    {MSR_IA32_LSTAR, 0},
    {MSR_IA32_CSTAR, 0},
    {MSR_IA32_FMASK, 0},
    {MSR_IA32_KERNEL_GS_BASE, 0},
    {MSR_IA32_TSC_AUX, 0},
};

void machine_processor_reset(void) {
    memset(&machine, 0, sizeof(machine));
    machine.tsc = 1000000;
    machine.cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
    machine.cr4 = CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_VMXE | CR4_OSXSAVE;
    machine.dr6 = DR6_RESET;
    machine.xcr0 = XCR0_X87;
    machine.mxcsr = MXCSR_INIT;
    machine.random = 0x1234567;
    memcpy(machine.leaf, broadwell_leaves, sizeof(broadwell_leaves));
    for (unsigned i = 0; i < sizeof(broadwell_msrs) / sizeof(broadwell_msrs[0]); i++) {
        machine.msr[i].number = broadwell_msrs[i].number;
        machine.msr[i].value = broadwell_msrs[i].value;
    }
    for (unsigned i = 0; i < MACHINE_CPUS; i++)
        park(&parked[i]);
}
