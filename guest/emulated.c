/* Instructions that the hypervisor emulates must have the effects that the processor gives them:
 * the flags of instructions on device memory, RF in the flags that a fault saves, single steps, a
 * TSC that the guest sets, and the timer that depends on it.
 *
 * xAPIC mode. No command line. SDM Vol. 1, "EFLAGS Register"; Vol. 3B, "IA32_TSC_ADJUST Register
 * Support". */
#include "arch/control_registers.h"
#include "guest/lib/apic.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"

#define VECTOR           0x51
#define NO_MEMORY        0x42000000ULL
#define JUMP             100000000000ULL
#define A_WHILE          1000000000ULL /* ticks: more than any path through the hypervisor takes */
#define CPUID_TSC_ADJUST (1u << 1)
#define SEND_IPIS        10
#define IOAPIC_ID_MASK   0x0f000000u

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

/* The guest's TSC differs widely from the processor's here. */
static void test_deadline(void) {
    interrupt_handle(VECTOR, on_interrupt);
    apic_write(APIC_LVT_TIMER, APIC_LVT_TIMER_TSC_DEADLINE | VECTOR);
    count = 0;
    interrupts_on();
    uint64_t deadline = rdtsc() + 300000;
    wrmsr(MSR_IA32_TSC_DEADLINE, deadline);
    report(count == 0 && rdmsr(MSR_IA32_TSC_DEADLINE) == deadline,
           "a deadline in the future does not fire yet");
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
    pause(); /* ends the blocking by STI */
    report(count == 2, "the hypercalls have sent two interrupts in all");
    interrupts_off();
}

/* ---- instructions on device memory ---- */

/* The I/O APIC's ID register, of which four bits can be written. */
static volatile uint32_t *id_register(uint32_t value) {
    volatile uint32_t *window = (volatile uint32_t *)(IOAPIC_DEFAULT_BASE + IOAPIC_DATA);

    *(volatile uint32_t *)(IOAPIC_DEFAULT_BASE + IOAPIC_INDEX) = IOAPIC_REG_ID;
    *window = value;
    return window;
}

/* Executes one instruction on the ID register, whose value is `value` before; returns the flags. */
#define ON_ID(value, instruction, ...)                                                             \
    ({                                                                                             \
        volatile uint32_t *id = id_register(value);                                                \
        uint64_t after = RFLAGS_ONE;                                                               \
        __asm__ volatile("push %[flags]; popfq; " instruction "; pushfq; pop %[flags]"             \
                         : [id] "+m"(*id), [flags] "+r"(after)                                     \
                         : __VA_ARGS__                                                             \
                         : "cc", "memory");                                                        \
        after;                                                                                     \
    })
#define STATUS (RFLAGS_CF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

static void expect_id(const char *what, uint64_t flags, uint32_t id, uint64_t expected_flags) {
    uint32_t now = *(volatile uint32_t *)(IOAPIC_DEFAULT_BASE + IOAPIC_DATA);

    report(now == id && (flags & STATUS) == expected_flags, "%s on the I/O APIC", what);
}

static void test_arithmetic(void) {
    uint64_t flags;

    flags = ON_ID(0x01000000, "orl $0x06000000, %[id]", "i"(0));
    expect_id("OR", flags, 0x07000000, 0);
    flags = ON_ID(0x07000000, "andl %[reg], %[id]", [reg] "r"(0xf3ffffffu));
    expect_id("AND", flags, 0x03000000, 0);
    flags = ON_ID(0x0f000000, "xorl $0x0f000000, %[id]", "i"(0));
    expect_id("XOR", flags, 0, RFLAGS_ZF);
    flags = ON_ID(0x0f000000, "addl $0x01000000, %[id]", "i"(0)); /* bit 28 cannot be written */
    expect_id("ADD", flags, 0, 0);
    flags = ON_ID(0x01000000, "subl $0x02000000, %[id]", "i"(0));
    expect_id("SUB", flags, 0x0f000000, RFLAGS_CF | RFLAGS_SF);
    flags = ON_ID(0x05000000, "cmpl $0x05000000, %[id]", "i"(0));
    expect_id("CMP", flags, 0x05000000, RFLAGS_ZF);
    flags = ON_ID(0x05000000, "testl $0x02000000, %[id]", "i"(0));
    expect_id("TEST", flags, 0x05000000, RFLAGS_ZF);
    flags = ON_ID(0x05000000, "notl %[id]", "i"(0));
    expect_id("NOT", flags, 0x0a000000, 0);
    flags = ON_ID(0x01000000, "negl %[id]", "i"(0));
    expect_id("NEG", flags, 0x0f000000, RFLAGS_CF | RFLAGS_SF);
    flags = ON_ID(0x04000000, "lock; incl %[id]", "i"(0));
    expect_id("LOCK INC", flags, 0x04000000, 0);
    flags = ON_ID(0x04000000, "decl %[id]", "i"(0));
    expect_id("DEC", flags, 0x03000000, 0);
}

static void test_registers(void) {
    uint32_t value = 0x09000000;
    volatile uint32_t *id = id_register(0x06000000);

    __asm__ volatile("xchg %0, %1" : "+r"(value), "+m"(*id));
    report(value == 0x06000000 && *id == 0x09000000, "XCHG on the I/O APIC");
    value = 0x00123456;
    __asm__ volatile("add %1, %0" : "+r"(value) : "m"(*id) : "cc");
    report(value == 0x09123456, "ADD from the I/O APIC to a register");
}

static void test_lapic(void) {
    volatile uint32_t *tpr = apic_register(APIC_TPR), *svr = apic_register(APIC_SVR);
    uint32_t value = 0x50;

    *tpr = 0x20;
    __asm__ volatile("xchg %0, %1" : "+r"(value), "+m"(*tpr));
    report(value == 0x20 && *tpr == 0x50, "XCHG on the local APIC");
    __asm__ volatile("andl $0xffffff0f, %0" : "+m"(*tpr) : : "cc");
    report(*tpr == 0, "AND on the local APIC");
    __asm__ volatile("orl $0x100, %0; btl $8, %0" : "+m"(*svr) : : "cc");
    report(*svr == (APIC_SVR_ENABLE | APIC_SPURIOUS_VECTOR), "OR on the local APIC");
}

/* ---- strings ---- */

static void test_strings(void) {
    static uint32_t copy[8];
    uint64_t to = NO_MEMORY, left = 100, from;
    uint32_t value = 0x0b000000;
    volatile uint32_t *id = id_register(0);

    __asm__ volatile("rep stosb" : "+D"(to), "+c"(left) : "a"(0xff) : "memory");
    report(to == NO_MEMORY + 100 && left == 0, "REP STOSB to an address without a device");
    to = (uint64_t)id;
    __asm__ volatile("stosl" : "+D"(to) : "a"(0x0a000000) : "memory");
    report(*id == 0x0a000000 && to == (uint64_t)id + 4, "STOSD to the I/O APIC");
    to = (uint64_t)id;
    from = (uint64_t)&value;
    __asm__ volatile("movsl" : "+D"(to), "+S"(from) : : "memory");
    report(*id == 0x0b000000 && from == (uint64_t)&value + 4, "MOVSD to the I/O APIC");
    to = (uint64_t)copy;
    from = (uint64_t)apic_register(APIC_ID);
    left = 8;
    __asm__ volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(left) : : "memory");
    report(copy[0] == *apic_register(APIC_ID) && copy[4] == *apic_register(APIC_VERSION) && !left,
           "REP MOVSD from the local APIC");
    to = (uint64_t)&copy[1];
    from = (uint64_t)id;
    __asm__ volatile("std; movsl; cld" : "+D"(to), "+S"(from) : : "memory");
    report(copy[1] == 0x0b000000 && to == (uint64_t)copy && from == (uint64_t)id - 4,
           "MOVSD with DF set");
}

void guest_main(void) {
    apic_init(false);
    test_faults();
    test_steps();
    test_debug_registers();
    test_tsc();
    test_deadline();
    test_hypercalls();
    test_arithmetic();
    test_registers();
    test_lapic();
    test_strings();
    report_done();
}
