/* Attacks on registers, descriptor tables and instructions: see attacker.h. */
#include "arch/msr.h"
#include "guest/attacker/attacker.h"
#include "guest/lib/instructions.h"
#include "lib/memory.h"

static const uint32_t known[] = {
    0x10,       0x17,       0x1b,       0x3a,       0x3b,       0x48,       0x49,       0x79,
    0x8b,       0xc1,       0xe7,       0xfe,       0x10a,      0x10b,      0x122,      0x174,
    0x175,      0x176,      0x179,      0x17a,      0x186,      0x198,      0x1a0,      0x1d9,
    0x200,      0x20f,      0x250,      0x277,      0x2ff,      0x345,      0x38d,      0x38f,
    0x480,      0x48b,      0x491,      0x600,      0x6e0,      0x800,      0x802,      0x808,
    0x80b,      0x80f,      0x828,      0x830,      0x83f,      0x8ff,      0xc80,      0xd90,
    0xda0,      0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000102, 0xc0000103,
    0x40000000, 0x4b564d00,
};

static uint32_t any_msr(void) {
    switch (below(8)) {
    case 0:
        return below(0x2000);
    case 1:
        return 0xc0000000 + below(0x2000);
    case 2:
        return (uint32_t)any_number();
    case 3:
        return 0x800 + below(0x100);
    case 4:
        return 0x200 + below(0x10);
    default:
        return known[below(sizeof(known) / sizeof(known[0]))];
    }
}

void act_rdmsr(void) {
    rdmsr(any_msr());
}

/* What this guest itself needs stays: its GS, no SYSCALL and no SYSENTER for its user code. The
 * local APIC's base and the ICR have actions of their own. */
void act_wrmsr(void) {
    uint32_t msr = any_msr();
    uint64_t value = any_number();

    if (msr == MSR_IA32_GS_BASE || msr == MSR_IA32_FS_BASE || msr == MSR_IA32_APIC_BASE ||
        msr == MSR_X2APIC_ICR)
        return;
    if (msr == MSR_IA32_EFER)
        value = below(2) ? value & ~EFER_SCE : EFER_LME | EFER_LMA | (any() & EFER_NXE);
    if (msr == MSR_IA32_SYSENTER_CS)
        value = 0;
    wrmsr(msr, value);
}

/* ---- control and debug registers ---- */

void act_control_register(void) {
    uint64_t bit = 1ULL << below(64);

    switch (below(5)) {
    case 0:
        write_cr0(read_cr0() ^ bit);
        break;
    case 1:
        write_cr4(read_cr4() ^ bit);
        break;
    case 2:
        write_cr8(any_number());
        break;
    case 3:
        __asm__ volatile("xsetbv" ::"a"(any()), "d"(below(2)), "c"(below(4)));
        break;
    default:
        __asm__ volatile("clts\n\tlmsw %w0" ::"r"(any() | 1));
        break;
    }
    write_cr8(0);
}

/* Breakpoints on data and on user code: the kernel's own code must go on. */
void act_debug_register(void) {
    uint64_t address = below(2) ? (uintptr_t)scratch + below(SCRATCH_SIZE) : any_number();

    __asm__ volatile("mov %0, %%dr0" ::"r"(address));
    __asm__ volatile("mov %0, %%dr3" ::"r"(address ^ below(64)));
    __asm__ volatile("mov %0, %%dr6" ::"r"((uint64_t)any()));
    __asm__ volatile("mov %0, %%dr7" ::"r"((uint64_t)(any() & 0xffff33ff)));
    *(volatile uint64_t *)(scratch + below(SCRATCH_SIZE - 8)) = any();
    if (below(4) == 0)
        __asm__ volatile("mov %0, %%dr7" ::"r"(any_number()));
    __asm__ volatile("mov %%dr2, %%rax" ::: "rax"); /* #DB with general detect */
}

/* ---- descriptor tables ---- */

static void load_selector(uint16_t selector) {
    switch (below(6)) {
    case 0:
        __asm__ volatile("mov %0, %%ds" ::"r"((uint32_t)selector));
        break;
    case 1:
        __asm__ volatile("mov %0, %%es" ::"r"((uint32_t)selector));
        break;
    case 2:
        __asm__ volatile("mov %0, %%fs" ::"r"((uint32_t)selector));
        break;
    case 3:
        __asm__ volatile("lldt %w0" ::"r"((uint32_t)selector));
        break;
    case 4:
        __asm__ volatile("lar %w0, %%eax\n\tlsl %w0, %%eax\n\tverw %w0" ::"r"((uint32_t)selector)
                         : "eax", "cc");
        break;
    default:
        __asm__ volatile("mov %0, %%ss" ::"r"((uint32_t)selector));
        break;
    }
}

/* Random descriptors, and interrupts through gates beyond the limit of the IDT: the gate of the
 * task, the call and the segment types as well. */
void act_descriptors(void) {
    stage_random_tables(32 + below(224));
    if (below(2))
        load_selector((uint16_t)(8 * (32 + below(40)) + below(8)));
    else if (below(2))
        __asm__ volatile("int $0xfe");
    else
        __asm__ volatile("sidt %0\n\tsgdt %0" : "=m"(*(struct { uint8_t b[10]; } *)scratch));
}

/* ---- instructions ---- */

/* The bytes of each, after their number. RSI and RDI point to memory. */
static const uint8_t instructions[][13] = {
    {2, 0x0f, 0xa2},                                     /* CPUID */
    {2, 0x0f, 0x31},                                     /* RDTSC */
    {3, 0x0f, 0x01, 0xf9},                               /* RDTSCP */
    {2, 0x0f, 0x33},                                     /* RDPMC */
    {2, 0xf3, 0x90},                                     /* PAUSE */
    {2, 0x0f, 0x08},                                     /* INVD */
    {2, 0x0f, 0x09},                                     /* WBINVD */
    {3, 0x0f, 0x01, 0xc1},                               /* VMCALL */
    {3, 0x0f, 0x01, 0xc2},                               /* VMLAUNCH */
    {3, 0x0f, 0x01, 0xc3},                               /* VMRESUME */
    {3, 0x0f, 0x01, 0xc4},                               /* VMXOFF */
    {3, 0x0f, 0x01, 0xc5},                               /* PCONFIG */
    {3, 0x0f, 0x01, 0xc6},                               /* WRMSRNS: an MSR that does not exist */
    {3, 0x0f, 0x01, 0xc8},                               /* MONITOR */
    {3, 0x0f, 0x01, 0xc9},                               /* MWAIT */
    {3, 0x0f, 0x01, 0xca},                               /* CLAC */
    {3, 0x0f, 0x01, 0xcf},                               /* ENCLS */
    {4, 0x66, 0x0f, 0x01, 0xcf},                         /* SEAMCALL */
    {4, 0x66, 0x0f, 0x01, 0xcc},                         /* TDCALL */
    {3, 0x0f, 0x01, 0xd0},                               /* XGETBV */
    {3, 0x0f, 0x01, 0xd4},                               /* VMFUNC */
    {3, 0x0f, 0x01, 0xd7},                               /* ENCLU */
    {3, 0x0f, 0x01, 0x3e},                               /* INVLPG */
    {2, 0x0f, 0x37},                                     /* GETSEC */
    {3, 0x0f, 0x78, 0xc1},                               /* VMREAD */
    {3, 0x0f, 0x79, 0xc1},                               /* VMWRITE */
    {3, 0x0f, 0xc7, 0x36},                               /* VMPTRLD */
    {3, 0x0f, 0xc7, 0x3e},                               /* VMPTRST */
    {4, 0x66, 0x0f, 0xc7, 0x36},                         /* VMCLEAR */
    {4, 0xf3, 0x0f, 0xc7, 0x36},                         /* VMXON */
    {5, 0x66, 0x0f, 0x38, 0x80, 0x0e},                   /* INVEPT */
    {5, 0x66, 0x0f, 0x38, 0x81, 0x0e},                   /* INVVPID */
    {5, 0x66, 0x0f, 0x38, 0x82, 0x0e},                   /* INVPCID */
    {3, 0x0f, 0xc7, 0xf0},                               /* RDRAND */
    {3, 0x0f, 0xc7, 0xf8},                               /* RDSEED */
    {3, 0x0f, 0xc7, 0x2e},                               /* XSAVES */
    {3, 0x0f, 0xc7, 0x1e},                               /* XRSTORS */
    {4, 0xf3, 0x0f, 0xae, 0xf6},                         /* UMONITOR */
    {4, 0x66, 0x0f, 0xae, 0xf6},                         /* TPAUSE */
    {3, 0x0f, 0xae, 0x3e},                               /* CLFLUSH */
    {2, 0x0f, 0xaa},                                     /* RSM */
    {2, 0x0f, 0x0b},                                     /* UD2 */
    {1, 0xcc},                                           /* INT3 */
    {1, 0xf1},                                           /* INT1 */
    {2, 0xcd, 0xfd},                                     /* INT FDH */
    {2, 0xcd, 0x0d},                                     /* INT 0DH */
    {2, 0xcd, 0x02},                                     /* INT 2 */
    {4, 0xfa, 0xfb, 0x0f, 0xa2},                         /* CPUID in the shadow of STI */
    {8, 0x66, 0xb8, 0x10, 0x00, 0x8e, 0xd0, 0x0f, 0xa2}, /* CPUID in the shadow of MOV SS */
    {12, 0x9c, 0x48, 0x81, 0x0c, 0x24, 0x00, 0x01, 0x00, 0x00, 0x9d, 0x0f, 0xa2}, /* TF, CPUID */
};

#define RET 0xc3

void act_instruction(void) {
    static uint8_t code[CPU_MAX][16];
    const uint8_t *bytes = instructions[below(sizeof(instructions) / sizeof(instructions[0]))];
    uint8_t *here = code[my_index()];
    uint64_t a = any_number(), c = any_number(), d = any_number();
    void *memory = below(8) ? scratch + below(SCRATCH_SIZE - 64) : (void *)any_number();

    memcpy(here, bytes + 1, bytes[0]);
    here[bytes[0]] = RET;
    __asm__ volatile("call *%3"
                     : "+a"(a), "+c"(c), "+d"(d)
                     : "r"(here), "S"(memory), "D"(memory)
                     : "rbx", "r8", "r9", "r10", "r11", "memory", "cc");
}

/* These two can switch off single-stepping. */
#define POPF 0x9d
#define IRET 0xcf

void act_user_code(void) {
    static const uint8_t first[] = {0x0f, 0x0f, 0xcd, 0xf3, 0x66, 0x48, 0xf1, 0xcc,
                                    0x8e, 0xe4, 0xec, 0x9d, 0xcf, 0xff, 0xf4, 0xfa};
    uint8_t bytes[15];

    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)any();
    if (below(2))
        bytes[0] = first[below(sizeof(first))];
    for (unsigned i = 0; i < sizeof(bytes); i++)
        if (bytes[i] == POPF || bytes[i] == IRET) {
            signals_alarm();
            break;
        }
    stage_user_code(bytes);
}
