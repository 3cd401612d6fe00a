/* Instructions that the hypervisor emulates must have the effects that the processor gives them: RF
 * in the flags that a fault saves, single steps, a TSC that the guest sets, and the timer that
 * depends on it. Read next: mmio.c, for instructions on device memory.
 *
 * xAPIC mode. No command line. SDM Vol. 1, "EFLAGS Register"; Vol. 3B, "IA32_TSC_ADJUST Register
 * Support". */
#include "arch/control_registers.h"
#include "guest/lib/apic.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"

#define VECTOR           0x51
#define JUMP             100000000000ULL
#define A_WHILE          1000000000ULL /* ticks: more than any path through the hypervisor takes */
#define CPUID_TSC_ADJUST (1u << 1)
#define SEND_IPIS        10

static volatile uint32_t count;

static void on_interrupt(uint8_t vector) {
    (void)vector;
    count++;
    apic_eoi();
}

/* ---- faults ---- */

static volatile uint64_t saved_flags, faults;

__attribute__((interrupt)) static void on_ud(struct interrupted *frame) {
    saved_flags = frame->rflags;
    faults++;
    frame->rip += 3;
}

__attribute__((interrupt)) static void on_gp(struct interrupted *frame, uint64_t error_code) {
    saved_flags = frame->rflags;
    faults += 1 + error_code;
    frame->rip += 3;
}

static void test_fault(const char *what) {
    report(faults == 1 && (saved_flags & RFLAGS_RF), "%s saves RF", what);
    faults = saved_flags = 0;
}

static void test_faults(void) {
    interrupt_handle_raw(VECTOR_UD, (uintptr_t)on_ud);
    interrupt_handle_raw(VECTOR_GP, (uintptr_t)on_gp);
    __asm__ volatile("ud2; nop");
    test_fault("a #UD that the processor raises");
    __asm__ volatile("vmxoff"); /* causes a VM exit */
    test_fault("a #UD that the hypervisor injects");
    __asm__ volatile("mov %0, %%cr4" : : "a"(0xffffffffULL));
    test_fault("a #GP for reserved bits of CR4");
    __asm__ volatile("rdmsr; nop" : : "c"(0x12345678) : "eax", "edx");
    test_fault("a #GP for an MSR that does not exist");
    __asm__ volatile("rdmsr; nop; wrmsr; nop" : : "c"(MSR_IA32_MISC_ENABLE) : "eax", "edx");
    report(!faults, "IA32_MISC_ENABLE can be written with what it reads");
    __asm__ volatile("mov $2, %%eax; xor %%edx, %%edx; wrmsr; nop; rdmsr; nop" /* BTF */
                     "; xor %%eax, %%eax; wrmsr; nop"
                     :
                     : "c"(MSR_IA32_DEBUGCTL)
                     : "eax", "edx", "cc");
    report(!faults, "IA32_DEBUGCTL can be read, and BTF written");
}

/* ---- single steps ---- */

static volatile uint64_t steps;

__attribute__((interrupt)) static void on_db(struct interrupted *frame) {
    (void)frame;
    steps++;
}

/* Counts the single steps of these instructions. While TF is set each instruction traps, from the
 * one after the POPFQ that sets TF to the POPFQ that clears it. */
#define STEPS(instructions)                                                                        \
    ({                                                                                             \
        steps = 0;                                                                                 \
        __asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq; " instructions                       \
                         "; pushfq; andl $~0x100, (%%rsp); popfq"                                  \
                         :                                                                         \
                         :                                                                         \
                         : "rax", "rbx", "rcx", "rdx", "cc", "memory");                            \
        steps;                                                                                     \
    })
#define LOAD_SS "mov %%ss, %%eax; mov %%eax, %%ss; "

/* CPUID, IN and MOV from CR8 take three different paths in the hypervisor. */
static void test_steps(void) {
    interrupt_handle_raw(VECTOR_DB, (uintptr_t)on_db);
    report(STEPS("nop") == 4, "single steps: NOP traps");
    report(STEPS("cpuid; nop; inb $0x61, %%al; mov %%cr8, %%rax") == 7,
           "single steps: CPUID, IN and MOV from CR8 trap");
    report(STEPS(LOAD_SS "nop") == 5, "single steps: MOV to SS and the next instruction trap once");
    report(STEPS(LOAD_SS "cpuid") == 5, "single steps: MOV to SS and CPUID trap once");
    report(STEPS(LOAD_SS ".byte 0xf1") >= 5, "single steps: MOV to SS and INT1 trap");
}

/* ---- the debug registers ---- */

static volatile uint64_t dr6_seen, dr7_seen;

static uint64_t read_dr6(void) {
    uint64_t value;

    __asm__ volatile("mov %%dr6, %0" : "=r"(value));
    return value;
}

static void write_dr7(uint64_t value) {
    __asm__ volatile("mov %0, %%dr7" ::"r"(value));
}

/* With general detect still set, the first MOV here would raise the next #DB. */
__attribute__((interrupt)) static void on_general_detect(struct interrupted *frame) {
    uint64_t dr7;

    (void)frame;
    steps++;
    dr6_seen = read_dr6();
    __asm__ volatile("mov %%dr7, %0" : "=r"(dr7));
    dr7_seen = dr7;
}

static void test_debug_registers(void) {
    interrupt_handle_raw(VECTOR_DB, (uintptr_t)on_general_detect);
    steps = 0;
    __asm__ volatile("mov %0, %%dr6" ::"r"(DR6_RESET | DR6_BS | 1));
    write_dr7(DR7_RESET | DR7_GD);
    (void)read_dr6();
    report(steps == 1 && dr7_seen == DR7_RESET, "a #DB clears general detect in DR7");
    report(dr6_seen == (DR6_RESET | DR6_BS | DR6_BD), "it keeps BS in DR6 and sets BD");
}

/* ---- the TSC ---- */

static bool near(uint64_t value, uint64_t expected) {
    return value - expected < A_WHILE;
}

static void test_tsc(void) {
    report(cpuid(7, 0).ebx & CPUID_TSC_ADJUST, "CPUID offers IA32_TSC_ADJUST");
    report(rdmsr(MSR_IA32_TSC_ADJUST) == 0, "IA32_TSC_ADJUST is 0 at first");
    uint64_t before = rdtsc();
    wrmsr(MSR_IA32_TSC_ADJUST, JUMP);
    report(near(rdtsc(), before + JUMP), "a write to IA32_TSC_ADJUST moves the TSC");
    report(near(rdmsr(MSR_IA32_TSC), before + JUMP), "RDMSR of IA32_TSC reads the same as RDTSC");
    report(rdmsr(MSR_IA32_TSC_ADJUST) == JUMP, "IA32_TSC_ADJUST reads back");
    before = rdtsc();
    wrmsr(MSR_IA32_TSC, 5);
    report(near(rdtsc(), 5), "a write to IA32_TSC sets the TSC");
    report(near(JUMP - before - rdmsr(MSR_IA32_TSC_ADJUST), 0),
           "a write to IA32_TSC changes IA32_TSC_ADJUST by the same amount");
}

/* Sets a deadline and checks that the timer waits for it. Where this machine is itself virtual and
 * loses the processor for longer than that, the attempt is repeated. */
static bool waits_for_deadline(uint64_t *deadline) {
    for (unsigned i = 0; i < 30; i++) {
        count = 0;
        *deadline = rdtsc() + 300000;
        wrmsr(MSR_IA32_TSC_DEADLINE, *deadline);
        bool waits = count == 0 && rdmsr(MSR_IA32_TSC_DEADLINE) == *deadline;
        if (waits || rdtsc() < *deadline)
            return waits;
        while (!count)
            pause();
    }
    return false;
}

/* The guest's TSC differs widely from the processor's here. */
static void test_deadline(void) {
    uint64_t deadline;

    interrupt_handle(VECTOR, on_interrupt);
    apic_write(APIC_LVT_TIMER, APIC_LVT_TIMER_TSC_DEADLINE | VECTOR);
    interrupts_on();
    report(waits_for_deadline(&deadline), "a deadline in the future does not fire yet");
    while (!count)
        pause();
    report(rdtsc() >= deadline, "a deadline fires when the guest's TSC reaches it");
    report(rdmsr(MSR_IA32_TSC_DEADLINE) == 0 && count == 1, "a deadline fires once");
    wrmsr(MSR_IA32_TSC_DEADLINE, rdtsc());
    report(count == 2, "a deadline of now fires at once");
    wrmsr(MSR_IA32_TSC_DEADLINE, rdtsc() + JUMP);
    wrmsr(MSR_IA32_TSC_ADJUST, rdmsr(MSR_IA32_TSC_ADJUST) + 2 * JUMP);
    report(count == 3, "a deadline fires when the TSC jumps past it");
    wrmsr(MSR_IA32_TSC_DEADLINE, 1);
    report(count == 4, "a deadline long in the past fires at once");
    wrmsr(MSR_IA32_TSC_ADJUST, 0);
    interrupts_off();
}

/* ---- hypercalls ---- */

static uint64_t send_ipis(uint64_t low, uint64_t high, uint64_t first, uint64_t icr) {
    uint64_t result;

    __asm__ volatile("vmcall"
                     : "=a"(result)
                     : "a"(SEND_IPIS), "b"(low), "c"(high), "d"(first), "S"(icr)
                     : "memory");
    return result;
}

static void test_hypercalls(void) {
    count = 0;
    interrupts_on();
    report(send_ipis(1, 0, 0, VECTOR) == 1 && count == 1,
           "the hypercall sends an IPI to this vCPU");
    interrupts_off();
    report(send_ipis(~0ULL, ~0ULL, 0, VECTOR) == 1,
           "the hypercall skips APIC IDs that no vCPU has");
    report(send_ipis(~0ULL, ~0ULL, 0xffffff80, VECTOR) == 0,
           "to the hypercall, FFFFFFFFH is not a broadcast");
    report(send_ipis(~0ULL, ~0ULL, 0xffffffff, VECTOR) == 0,
           "to the hypercall, APIC IDs do not wrap around");
    report((int64_t)send_ipis(1, 0, 0, APIC_DELIVERY_INIT << 8) < 0, "the hypercall refuses INIT");
    interrupts_on();
    pause_only(); /* ends the blocking by STI */
    report(count == 2, "the hypercalls have sent two interrupts in all");
    interrupts_off();
}

void guest_main(void) {
    apic_init(false);
    test_faults();
    test_steps();
    test_debug_registers();
    test_tsc();
    test_deadline();
    test_hypercalls();
    report_done();
}
