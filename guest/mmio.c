/* Instructions on device memory must have the effects that the processor gives them on RAM:
 * results, flags, faults, and the rest of an operand that is partly in RAM.
 *
 * xAPIC mode. No command line. Needs two vCPUs and 4 MiB. SDM Vol. 2, "Instruction Set Reference".
 * Read next: string_io.c, for INS and OUTS. */
#include "arch/control_registers.h"
#include "guest/lib/apic.h"
#include "guest/lib/console.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"
#include "lib/memory.h"

#define NO_MEMORY         0x42000000ULL
#define END_OF_RAM        0x400000ULL
#define ALL_ONES          0xffffffffffffffffULL
#define PAGE              4096u
#define PAGE_PRESENT      1u
#define WINDOW            (1ULL << 39) /* linear address of the code that is unmapped */
#define CALLS             2000u
#define CPUID_1_ECX_MOVBE (1u << 22)
#define CPUID_1_ECX_AVX   (1u << 28)
#define XCR0_ALL          (XCR0_X87 | XCR0_SSE | XCR0_AVX)

/* ---- arithmetic ---- */

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

/* ---- bits, shifts, conditions ---- */

static void test_bits(void) {
    uint64_t flags;

    flags = ON_ID(0x01000000, "btl $24, %[id]", "i"(0));
    expect_id("BT", flags, 0x01000000, RFLAGS_CF);
    flags = ON_ID(0x01000000, "lock; btsl %[reg], %[id]", [reg] "r"(26));
    expect_id("LOCK BTS", flags, 0x05000000, 0);
    flags = ON_ID(0x05000000, "btrl $24, %[id]", "i"(0));
    expect_id("BTR", flags, 0x04000000, RFLAGS_CF);
    flags = ON_ID(0x05000000, "btcl $25, %[id]", "i"(0));
    expect_id("BTC", flags, 0x07000000, 0);
    flags = ON_ID(0x03000000, "btsl %[reg], -4(%[at])", [at] "r"(id), [reg] "r"(32 + 27));
    expect_id("BTS of a bit string", flags, 0x0b000000, 0);
    flags = ON_ID(0x03000000, "shll $1, %[id]", "i"(0));
    expect_id("SHL", flags, 0x06000000, 0);
    flags = ON_ID(0x03000000, "shrl %[id]", "i"(0));
    expect_id("SHR", flags, 0x01000000, 0);
    flags = ON_ID(0x04000000, "sarl %%cl, %[id]", "c"(2));
    expect_id("SAR", flags & ~RFLAGS_OF, 0x01000000, 0);
    flags = ON_ID(0x04000000, "roll $1, %[id]", "i"(0));
    expect_id("ROL", flags, 0x08000000, 0);
    flags = ON_ID(0x06000000, "stc; rcrl $1, %[id]", "i"(0)); /* bit 31 cannot be written */
    expect_id("RCR", flags, 0x03000000, RFLAGS_OF);
}

static void test_conditions(void) {
    uint64_t value = ALL_ONES;
    volatile uint32_t *id = id_register(0x06000000);

    __asm__ volatile("test %k0, %k0; setz %1; cmovnz %2, %k0"
                     : "+r"(value)
                     : "m"(*(volatile uint8_t *)NO_MEMORY), "m"(*id)
                     : "cc", "memory");
    report(value == 0x06000000, "SETcc to an address without a device, CMOVcc from the I/O APIC");
    value = ALL_ONES;
    __asm__ volatile("test %k0, %k0; cmovz %1, %k0" : "+r"(value) : "m"(*id) : "cc");
    report(value == 0xffffffff, "CMOVcc that does not hold clears the upper half");
    __asm__ volatile("imull $3, %1, %k0" : "=r"(value) : "m"(*id) : "cc");
    report(value == 0x12000000, "IMUL from the I/O APIC");
    value = 0x100;
    __asm__ volatile("mull %1" : "+a"(value), "+m"(*id) : : "rdx", "cc");
    report(value == 0, "MUL by the I/O APIC");
    __asm__ volatile("smsw %0; clflush %0" : : "m"(*(volatile uint16_t *)NO_MEMORY) : "memory");
    report(*(volatile uint16_t *)NO_MEMORY == (uint16_t)ALL_ONES, "SMSW and CLFLUSH");
    if (!(cpuid(1, 0).ecx & CPUID_1_ECX_MOVBE)) {
        report_skip("MOVBE", "the processor does not have it");
        return;
    }
    value = 0x0000000b;
    __asm__ volatile("movbe %k0, %1; movbe %1, %k0" : "+r"(value), "=m"(*id));
    report(*id == 0x0b000000 && value == 0x0b, "MOVBE to and from the I/O APIC");
}

static void test_atomic(void) {
    uint64_t flags, rax = 0x02000000, other;
    uint32_t value = 0x01000000;
    volatile uint32_t *id = id_register(0x03000000);

    __asm__ volatile("lock; cmpxchgl %2, %1; pushfq; pop %3"
                     : "+a"(rax), "+m"(*id), "+r"(value), "=r"(flags)
                     :
                     : "cc", "memory");
    report(rax == 0x03000000 && *id == 0x03000000 && (flags & STATUS) == (RFLAGS_CF | RFLAGS_SF),
           "CMPXCHG of another value");
    __asm__ volatile("lock; cmpxchgl %2, %1; pushfq; pop %3"
                     : "+a"(rax), "+m"(*id), "+r"(value), "=r"(flags)
                     :
                     : "cc", "memory");
    report(*id == 0x01000000 && (flags & STATUS) == RFLAGS_ZF, "CMPXCHG of this value");
    __asm__ volatile("lock; xaddl %0, %1" : "+r"(value), "+m"(*id) : : "cc", "memory");
    report(value == 0x01000000 && *id == 0x02000000, "XADD on the I/O APIC");
    rax = other = 0;
    __asm__ volatile("lock; cmpxchg8b %2"
                     : "+a"(rax), "+d"(other), "+m"(*(volatile uint64_t *)NO_MEMORY)
                     : "b"(0), "c"(0)
                     : "cc", "memory");
    report(rax == 0xffffffff && other == 0xffffffff, "CMPXCHG8B at an address without a device");
}

/* ---- the stack, SSE and AVX ---- */

static void test_stack(void) {
    uint64_t value;

    __asm__ volatile("pushq %1; popq %0" : "=r"(value) : "m"(*(volatile uint64_t *)NO_MEMORY));
    report(value == ALL_ONES, "PUSH from an address without a device");
    __asm__ volatile("mov %%rsp, %0; pushq $5; popq %1; sub %%rsp, %0"
                     : "=&r"(value)
                     : "m"(*(volatile uint64_t *)NO_MEMORY)
                     : "memory");
    report(value == 0, "POP to an address without a device");
}

static void test_vectors(void) {
    _Alignas(32) uint64_t ymm[4] = {0x0c000000, 2, 3, 4};
    volatile uint32_t *id = id_register(0);
    bool avx = cpuid(1, 0).ecx & CPUID_1_ECX_AVX;

    write_cr0((read_cr0() & ~(CR0_EM | CR0_TS)) | CR0_MP);
    write_cr4(read_cr4() | CR4_OSFXSR | (avx ? CR4_OSXSAVE : 0));
    __asm__ volatile("movdqa %1, %%xmm9; movd %%xmm9, %0" : "=m"(*id) : "m"(ymm));
    report(*id == 0x0c000000, "MOVD to the I/O APIC");
    __asm__ volatile("movd %1, %%xmm9; movdqa %%xmm9, %0" : "=m"(ymm) : "m"(*id));
    report(ymm[0] == 0x0c000000 && ymm[1] == 0, "MOVD from the I/O APIC");
    __asm__ volatile("movups (%1), %%xmm9; movdqa %%xmm9, (%1); movups %%xmm9, %0"
                     : "=m"(ymm)
                     : "r"(NO_MEMORY)
                     : "memory");
    report(ymm[0] == ALL_ONES && ymm[1] == ALL_ONES && ymm[2] == 3,
           "MOVUPS and MOVDQA at an address without a device");
    __asm__ volatile("xorps %%xmm9, %%xmm9; movhps (%1), %%xmm9; movups %%xmm9, %0"
                     : "=m"(ymm)
                     : "r"(NO_MEMORY));
    report(ymm[0] == 0 && ymm[1] == ALL_ONES, "MOVHPS");
    if (!avx) {
        report_skip("VMOVDQU", "there is no AVX");
        report_skip("VMOVQ", "there is no AVX");
        return;
    }
    __asm__ volatile("xsetbv" ::"a"((uint32_t)XCR0_ALL), "d"(0), "c"(0));
    ymm[2] = ymm[3] = 0;
    __asm__ volatile("vmovdqu (%1), %%ymm9; vmovntdq %%ymm9, (%1); vmovdqu %%ymm9, %0"
                     : "=m"(ymm)
                     : "r"(NO_MEMORY)
                     : "memory");
    report(ymm[0] == ALL_ONES && ymm[3] == ALL_ONES, "VMOVDQU of 256 bits");
    __asm__ volatile("vmovq (%1), %%xmm9; vmovdqu %%ymm9, %0" : "=m"(ymm) : "r"(NO_MEMORY));
    report(ymm[0] == ALL_ONES && !ymm[1] && !ymm[2] && !ymm[3], "VMOVQ clears the rest");
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

static void test_more_strings(void) {
    uint32_t value = 0x0b000000, words[2] = {0x0b000000, 0x0c000000};
    volatile uint32_t *id = id_register(0x0b000000);
    uint64_t to = (uint64_t)id, from = (uint64_t)words, rax = ALL_ONES, flags, left = 5;

    __asm__ volatile("lodsl" : "+S"(to), "+a"(rax));
    report(rax == value && to == (uint64_t)id + 4, "LODSD from the I/O APIC");
    to = (uint64_t)id;
    __asm__ volatile("cmpsl; pushfq; pop %2"
                     : "+D"(to), "+S"(from), "=r"(flags)
                     :
                     : "cc", "memory");
    report((flags & STATUS) == RFLAGS_ZF && from == (uint64_t)&words[1], "CMPSD with the I/O APIC");
    to = NO_MEMORY;
    __asm__ volatile("repe scasb; pushfq; pop %2"
                     : "+D"(to), "+c"(left), "=r"(flags)
                     : "a"(0xff)
                     : "cc");
    report(to == NO_MEMORY + 5 && left == 0 && (flags & RFLAGS_ZF), "REPE SCASB to the end");
    left = 5;
    __asm__ volatile("repne scasb" : "+D"(to), "+c"(left) : "a"(0xff) : "cc");
    report(to == NO_MEMORY + 6 && left == 4, "REPNE SCASB ends at the first");
    to = (uint64_t)id;
    from = (uint64_t)apic_register(APIC_ID);
    __asm__ volatile("movsl" : "+D"(to), "+S"(from) : : "memory");
    report(*id == *apic_register(APIC_ID), "MOVSD from the local APIC to the I/O APIC");
}

/* ---- an operand that ends behind RAM ---- */

static void test_end_of_ram(void) {
    uint8_t *last = (uint8_t *)(END_OF_RAM - 3), saved[3];
    uint64_t value;

    memcpy(saved, last, 3);
    memcpy(last, "\x11\x22\x33", 3);
    __asm__ volatile("mov (%1), %0" : "=r"(value) : "r"(last) : "memory");
    report(value == 0xffffffffff332211, "a load across the end of RAM");
    __asm__ volatile("movq %0, (%1)" : : "r"(0x8877665544aabbccULL), "r"(last) : "memory");
    report(!memcmp(last, "\xcc\xbb\xaa", 3), "a store across the end of RAM");
    memcpy(last, saved, 3);
}

/* ---- code that is unmapped meanwhile ---- */

static uint8_t code[PAGE] __attribute__((aligned(4096)));
static uint64_t tables[3][PAGE / 8] __attribute__((aligned(4096)));
static volatile uint32_t page_faults;
static volatile bool stop;

__attribute__((interrupt)) static void on_page_fault(struct interrupted *frame,
                                                     uint64_t error_code) {
    (void)frame;
    (void)error_code;
    page_faults++;
}

static void unmap_and_map(void) {
    volatile uint64_t *entry = &tables[2][0];
    uint64_t mapped = *entry;

    while (!stop) {
        *entry = 0;
        spin(5);
        *entry = mapped;
        spin(4);
        pause();
    }
}

/* While vCPU 0 executes `mov (%rdi), %eax; ret` on the I/O APIC. Each call is made or faults. */
static void test_unmapped_code(void) {
    volatile uint32_t *id = id_register(0x05000000);
    uint64_t *top;
    uint32_t right = 0;

    __asm__ volatile("mov %%cr3, %0" : "=r"(top));
    memcpy(code, "\x8b\x07\xc3", 3);
    tables[2][0] = (uint64_t)code | PAGE_PRESENT;
    tables[1][0] = (uint64_t)tables[2] | PAGE_PRESENT;
    tables[0][0] = (uint64_t)tables[1] | PAGE_PRESENT;
    top[WINDOW >> 39] = (uint64_t)tables[0] | PAGE_PRESENT;
    interrupt_handle_raw(VECTOR_PF, (uintptr_t)on_page_fault);
    if (!report(cpus_start(2) == 2 && cpu_run(1, unmap_and_map), "vCPU 1 unmaps and maps code"))
        return;
    for (uint32_t i = 0; i < CALLS; i++) {
        uint32_t value;
        __asm__ volatile("call *%2" : "=a"(value) : "D"(id), "r"(WINDOW) : "memory");
        right += value == 0x05000000;
    }
    stop = true;
    report(cpu_wait(1) && right == CALLS, "vCPU 0 executes it on the I/O APIC");
    print("# %u page faults in %u calls\n", page_faults, CALLS);
}

void guest_main(void) {
    apic_init(false);
    test_arithmetic();
    test_registers();
    test_lapic();
    test_bits();
    test_conditions();
    test_atomic();
    test_stack();
    test_vectors();
    test_strings();
    test_more_strings();
    test_end_of_ram();
    test_unmapped_code();
    report_done();
}
