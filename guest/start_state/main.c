/* A vCPU that starts must find each of its registers as the SDM has it after a reset or an INIT:
 * nothing of the guest that had the processor before, of another vCPU, or of the hypervisor.
 *
 * Looks at vCPU 0 as the loader starts it, at vCPU 1 after its first SIPI, and again after all of
 * its registers were filled and INIT has come. In the end both fill theirs, so that the next guest
 * to look finds what is left behind. No command line. Needs two vCPUs. SDM Vol. 3A, "IA-32 and
 * Intel 64 Processor States Following Power-up, Reset, or INIT"; Multiboot 0.6.96, "Machine state".
 * Read next: look.h. */
#include <stdarg.h>
#include <stdatomic.h>

#include "arch/control_registers.h"
#include "guest/lib/apic.h"
#include "guest/lib/console.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"
#include "guest/start_state/look.h"
#include "lib/format.h"
#include "lib/memory.h"

#define NAMED             8
#define SETTLE            100000u /* PAUSEs in which another vCPU takes an INIT */
#define MULTIBOOT_MAGIC   0x2badb002u
#define LOW_MEMORY        0xa0000u
#define EMPTY_TABLE       0xffffu /* limit FFFFH, base 0 */
#define CR0_RESET         (CR0_CD | CR0_NW | CR0_ET)
#define CPUID_XSTATE      0xd
#define CPUID_ADDRESSES   0x80000008
#define XSAVE_FCW_INITIAL 0x37f
#define XSAVE_MXCSR       24
#define XSAVE_MXCSR_MASK  28
#define XSAVE_BV          512
#define MXCSR_RESET       0x1f80

enum { EAX, ECX, EDX, EBX, ESP };
enum { ES, CS };

/* A start: by the loader, by the first SIPI, or after an INIT behind fill(). */
enum start { BY_LOADER, BY_SIPI, AFTER_INIT };
static const char *const starts[] = {"vCPU 0 at its start", "vCPU 1 at its start",
                                     "vCPU 1 after INIT"};

extern const char trampoline[], trampoline_end[]; /* trampoline.asm */

static atomic_bool filled;
static unsigned wrong; /* in the present group */

/* Some of those that are wrong are named; a register that is not reset may have thousands. */
__attribute__((format(printf, 3, 4))) static void expect(uint64_t value, uint64_t expected,
                                                         const char *fmt, ...) {
    char name[64];
    va_list args;

    if (value == expected || wrong++ >= NAMED)
        return;
    va_start(args, fmt);
    format_va(name, sizeof(name), fmt, args);
    va_end(args);
    print("# %s is 0x%lx, not 0x%lx\n", name, value, expected);
}

static void report_group(enum start start, const char *text) {
    report(!wrong, "%s: %s", starts[start], text);
    wrong = 0;
}

/* ---- what all processors have ---- */

static void check_general(const struct look *look, enum start start) {
    static const char *const names[] = {"EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI"};

    for (unsigned i = 0; i < 8; i++) {
        uint64_t expected = i == EDX ? cpuid(1, 0).eax : 0; /* the processor's signature */
        if (start == BY_LOADER && i == EAX)
            expected = MULTIBOOT_MAGIC;
        if (start == BY_LOADER && (i == EBX || i == ESP)) /* the information; a stack */
            expected = look->general[i] && look->general[i] <= LOW_MEMORY ? look->general[i] : 1;
        expect(look->general[i], expected, "%s", names[i]);
        expect(look->upper[i], 0, "R%u", 8 + i);
    }
    expect(look->flags, RFLAGS_ONE, "RFLAGS");
    report_group(start, "general-purpose registers and flags");
}

static void check_segments(const struct look *look, enum start start) {
    static const char *const names[] = {"ES", "CS", "SS", "DS", "FS", "GS"};
    uint64_t code = start == BY_LOADER ? 0x08 : LOOK_PAGE >> 4;

    for (unsigned i = 0; i < 6; i++) {
        expect(look->segment[i], i == CS ? code : start == BY_LOADER ? 0x10 : 0, "%s", names[i]);
        if (i != CS || start == BY_LOADER)
            expect(look->through[i], LOOK_MARK, "what is read through %s", names[i]);
    }
    expect(look->fs_base, 0, "FS base");
    expect(look->gs_base, 0, "GS base");
    expect(look->gdtr, EMPTY_TABLE, "GDTR");
    expect(look->idtr, EMPTY_TABLE, "IDTR");
    expect(look->ldtr, 0, "LDTR");
    expect(look->tr, 0, "TR");
    report_group(start, "segments and descriptor tables");
}

/* INIT keeps CD and NW, which fill() has cleared. */
static void check_control(const struct look *look, enum start start) {
    static const uint64_t cr0[] = {CR0_ET | CR0_PE, CR0_RESET, CR0_ET};
    struct cpuid offered = cpuid(CPUID_XSTATE, 0);
    uint64_t xcr0 = (uint64_t)offered.edx << 32 | offered.eax;

    expect(look->cr0, cr0[start], "CR0");
    expect(look->cr2, 0, "CR2");
    expect(look->cr3, 0, "CR3");
    expect(look->cr4, 0, "CR4");
    expect(look->cr8, 0, "CR8");
    expect(look->efer, 0, "EFER");
    expect(look->xcr0, start == AFTER_INIT ? xcr0 : XCR0_X87, "XCR0");
    for (unsigned i = 0; i < 4; i++)
        expect(look->dr[i], 0, "DR%u", i);
    expect(look->dr6, DR6_RESET, "DR6");
    expect(look->dr7, DR7_RESET, "DR7");
    report_group(start, "control and debug registers, EFER, XCR0");
}

/* ---- x87, SSE, AVX and what else XSAVE saves ---- */

static uint64_t get(const uint8_t *from, unsigned size) {
    uint64_t value = 0;

    memcpy(&value, from, size);
    return value;
}

/* In their initial state all bytes are 0 but those of FCW and MXCSR. XSTATE_BV may have a bit for a
 * component that is in its initial state. SDM Vol. 1, "Operation of XSAVE". */
static void check_vectors_initial(enum start start) {
    static uint8_t initial[LOOK_XSAVE_SIZE];
    uint64_t offered = cpuid(CPUID_XSTATE, 0).eax;

    memset(initial, 0, sizeof(initial));
    *(uint16_t *)initial = XSAVE_FCW_INITIAL;
    *(uint32_t *)(initial + XSAVE_MXCSR) = MXCSR_RESET;
    memcpy(initial + XSAVE_MXCSR_MASK, look_xsave + XSAVE_MXCSR_MASK, 4);
    memcpy(initial + XSAVE_BV, look_xsave + XSAVE_BV, 8);
    expect(get(initial + XSAVE_BV, 8) & ~offered, 0, "XSTATE_BV outside of what is offered");
    for (unsigned i = 0; i < LOOK_XSAVE_SIZE; i += 4)
        expect(get(look_xsave + i, 4), get(initial + i, 4), "offset %u of the XSAVE area", i);
    report_group(start, "x87, SSE and AVX registers are in their initial state");
}

static void check_vectors(enum start start) {
    if (start != AFTER_INIT) {
        check_vectors_initial(start);
        return;
    }
    report(memcmp(look_xsave, fill_xsave, LOOK_XSAVE_SIZE) == 0,
           "%s: x87, SSE and AVX registers are unchanged", starts[start]);
}

/* ---- MSRs and the local APIC ---- */

static uint64_t start_value(const struct start_msr *msr, enum start start) {
    uint32_t bits = cpuid(CPUID_ADDRESSES, 0).eax & 0xff;

    if (start == BY_LOADER && msr->number == MSR_IA32_APIC_BASE)
        return msr->start | APIC_BASE_BSP;
    if (msr->number == MSR_IA32_MTRR_PHYSBASE0 + 1)
        return msr->start | ((1ULL << bits) - (1ULL << 32));
    return msr->start;
}

static void check_msrs(const struct look *look, enum start start) {
    for (unsigned i = 0; i < START_MSR_COUNT; i++) {
        const struct start_msr *msr = &start_msrs[i];
        if (start_has_msr(msr->number))
            expect(look->msr[i], start == AFTER_INIT ? msr->after_init : start_value(msr, start),
                   "%s", msr->name);
    }
    report_group(start, start == AFTER_INIT ? "INIT keeps the other MSRs" : "the other MSRs");
}

/* The firmware has connected vCPU 0's LINT0 to the 8259s, and LINT1 to NMIs. */
static uint32_t apic_value(const struct start_apic *apic, enum start start) {
    if (start != BY_LOADER)
        return apic->value;
    switch (apic->offset) {
    case APIC_SVR:
        return apic->value | APIC_SVR_ENABLE;
    case APIC_LVT_LINT0:
        return APIC_DELIVERY_EXTINT << 8;
    case APIC_LVT_LINT1:
        return APIC_DELIVERY_NMI << 8;
    default:
        return apic->value;
    }
}

static void check_apic(const struct look *look, enum start start) {
    for (unsigned i = 0; i < START_APIC_COUNT; i++) {
        uint32_t expected = apic_value(&start_apic[i], start);
        expect(look->apic[i], expected, "offset 0x%x of the local APIC", start_apic[i].offset);
    }
    report_group(start, "local APIC");
}

/* ---- the starts ---- */

static void check(enum start start) {
    const struct look *look = (const struct look *)LOOK_AT;

    check_general(look, start);
    check_segments(look, start);
    check_control(look, start);
    check_vectors(start);
    check_msrs(look, start);
    check_apic(look, start);
}

/* INIT and SIPI, to the code that looks before it goes on to the trampoline. */
static bool start_other_vcpu(void) {
    memset((void *)LOOK_AT, 0, sizeof(struct look));
    memset(look_xsave, 0, sizeof(look_xsave));
    memcpy((void *)TRAMPOLINE, trampoline, (size_t)(trampoline_end - trampoline));
    memcpy((void *)LOOK_PAGE, look_real_mode, (size_t)(look_real_mode_end - look_real_mode));
    cpus[1].started = false;
    apic_send_init(1);
    spin(SETTLE);
    apic_send_sipi(1, LOOK_PAGE);
    for (uint32_t i = 0; i < wait_bound && !cpus[1].started; i++)
        pause();
    return cpus[1].started;
}

static void fill_other(void) {
    fill();
    atomic_store(&filled, true);
    fill_and_wait();
}

static bool fill_vcpu_1(void) {
    atomic_store(&filled, false);
    cpu_run(1, fill_other);
    for (uint32_t i = 0; i < wait_bound && !atomic_load(&filled); i++)
        pause();
    return atomic_load(&filled);
}

void guest_main(void) {
    apic_init(false);
    check(BY_LOADER);
    report(start_other_vcpu(), "vCPU 1 starts");
    check(BY_SIPI);
    report(fill_vcpu_1(), "vCPU 1 fills its registers");
    atomic_store(&cpus[1].work, NULL);
    report(start_other_vcpu(), "vCPU 1 starts again");
    check(AFTER_INIT);
    report(fill_vcpu_1(), "vCPU 1 fills its registers for the next guest");
    report_plan();
    fill();
    guest_exit(0);
}
