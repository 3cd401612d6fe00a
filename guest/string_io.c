/* INS and OUTS in each mode: 64-bit code, 32-bit code, real mode; with REP, with DF set, across
 * pages, and into pages that are not present or not writable.
 *
 * No command line. Needs two vCPUs. SDM Vol. 2A, "INS/INSB/INSW/INSD". */
#include "guest/lib/apic.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"
#include "lib/memory.h"

#define SCRATCH       0xe0 /* four bytes that can be written and read */
#define CONSOLE       0xe9
#define FW_CFG_SELECT 0x510
#define FW_CFG_DATA   0x511
#define FW_CFG_RAM    3
#define PAGE          4096u
#define PAGE_PRESENT  1u
#define PAGE_WRITABLE 2u
#define PAGE_DIRTY    0x40u
#define WINDOW        (1ULL << 39) /* linear address of the pages under test */
#define PAGE_FAULT_W  2u
#define PAGE_FAULT_WP 3u
#define REAL_PAGE     0x9000u /* of the real-mode code */
#define SIPI_ROUNDS   20000u

static uint8_t pages[3][PAGE] __attribute__((aligned(4096)));
static uint64_t tables[3][PAGE / 8] __attribute__((aligned(4096)));

static void select(uint16_t item) {
    __asm__ volatile("outw %0, %1" : : "a"(item), "Nd"((uint16_t)FW_CFG_SELECT));
}

/* ---- 64-bit code ---- */

static void test_simple(void) {
    static const uint32_t out = 0x12345678;
    uint32_t in = 0;
    uint16_t half = 0;
    uint64_t from = (uint64_t)&out, to = (uint64_t)&in;

    __asm__ volatile("outsl" : "+S"(from) : "d"(SCRATCH) : "memory");
    report(inl(SCRATCH) == out && from == (uint64_t)&out + 4, "OUTSD");
    __asm__ volatile("insl" : "+D"(to) : "d"(SCRATCH) : "memory");
    report(in == out && to == (uint64_t)&in + 4, "INSD");
    to = (uint64_t)&half;
    __asm__ volatile("insw" : "+D"(to) : "d"(SCRATCH + 2) : "memory");
    report(half == 0x1234 && to == (uint64_t)&half + 2, "INSW");
    to = (uint64_t)&in + 3;
    __asm__ volatile("std; insb; cld" : "+D"(to) : "d"(SCRATCH) : "memory");
    report(in == 0x78345678 && to == (uint64_t)&in + 2, "INSB with DF set");
    to = (uint64_t)&in | 0xabcdULL << 32;
    __asm__ volatile("addr32 insb" : "+D"(to) : "d"(SCRATCH + 1) : "memory");
    report(in == 0x78345656 && to == (uint64_t)&in + 1, "INSB with 32-bit addresses");
}

static void test_repeated(void) {
    static const char text[] = "# this line was printed by REP OUTSB\n";
    uint8_t buffer[100];
    uint64_t from = (uint64_t)text, to, count = sizeof(text) - 1, ram = 0;

    __asm__ volatile("rep outsb" : "+S"(from), "+c"(count) : "d"(CONSOLE) : "memory");
    report(from == (uint64_t)text + sizeof(text) - 1 && count == 0, "REP OUTSB");
    select(0);
    memset(buffer, 0xee, sizeof(buffer));
    to = (uint64_t)buffer;
    count = 99;
    __asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(FW_CFG_DATA) : "memory");
    report(!memcmp(buffer, "QEMU\0\0", 6) && buffer[98] == 0 && buffer[99] == 0xee && !count &&
               to == (uint64_t)buffer + 99,
           "REP INSB of more bytes than one VM exit transfers");
    to = (uint64_t)buffer;
    __asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(FW_CFG_DATA) : "memory");
    report(to == (uint64_t)buffer && buffer[0] == 'Q', "REP INSB with a count of 0");
    select(FW_CFG_RAM);
    to = (uint64_t)&ram;
    count = 8;
    __asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(FW_CFG_DATA) : "memory");
    report(ram == 4 << 20, "fw_cfg reports the size of memory");
}

/* ---- pages ---- */

/* WINDOW: a writable page, a read-only page, and one that is not present. */
static void map_window(void) {
    uint64_t *top;

    __asm__ volatile("mov %%cr3, %0" : "=r"(top));
    tables[2][0] = (uint64_t)pages[1] | PAGE_PRESENT | PAGE_WRITABLE;
    tables[2][1] = (uint64_t)pages[0] | PAGE_PRESENT;
    tables[1][0] = (uint64_t)tables[2] | PAGE_PRESENT | PAGE_WRITABLE;
    tables[0][0] = (uint64_t)tables[1] | PAGE_PRESENT | PAGE_WRITABLE;
    top[WINDOW >> 39] = (uint64_t)tables[0] | PAGE_PRESENT | PAGE_WRITABLE;
}

static uint64_t rdi, rcx;

static void insert(uint64_t to) {
    __asm__ volatile("mov %2, %%rdi; mov $8, %%ecx\n"
                     "0: rep insb; mov %%rdi, %0; mov %%rcx, %1"
                     : "=m"(rdi), "=m"(rcx)
                     : "r"(to), "d"(FW_CFG_DATA)
                     : "rdi", "rcx", "memory");
}

/* The registers at the page fault. The handler continues the instruction at scratch_page. */
static volatile uint64_t fault_rdi, fault_rcx, fault_code, fault_address;

__attribute__((naked)) static void on_page_fault(void) {
    __asm__ volatile("mov %rdi, fault_rdi(%rip)\n\t"
                     "mov %rcx, fault_rcx(%rip)\n\t"
                     "popq fault_code(%rip)\n\t"
                     "mov %cr2, %rdi\n\t"
                     "mov %rdi, fault_address(%rip)\n\t"
                     "mov $scratch_page, %rdi\n\t"
                     "iretq");
}

static uint8_t scratch_page[64] __attribute__((used));

static void test_faults(void) {
    map_window();
    interrupt_handle_raw(VECTOR_PF, (uintptr_t)on_page_fault);
    select(0);
    memset(pages, 0, sizeof(pages));
    insert(WINDOW + PAGE - 3); /* three bytes fit */
    report(fault_rdi == WINDOW + PAGE && fault_rcx == 5 && !memcmp(pages[1] + PAGE - 3, "QEM", 3),
           "REP INSB stops after three bytes at a page that is not writable");
    report(fault_address == WINDOW + PAGE && fault_code == PAGE_FAULT_WP,
           "the page fault has the right CR2 and error code");
    report(scratch_page[0] == 'U' && rcx == 0, "REP INSB continues without losing a byte");
    report((tables[2][0] & PAGE_DIRTY) && !(tables[2][1] & PAGE_DIRTY),
           "only the writable page has its dirty bit set");
    insert(WINDOW + 2 * PAGE);
    report(fault_address == WINDOW + 2 * PAGE && fault_code == PAGE_FAULT_W && fault_rcx == 8,
           "REP INSB to a page that is not present faults at once");
}

static void test_crossing(void) {
    uint32_t value = 0;
    uint64_t from;

    tables[2][1] = (uint64_t)pages[0] | PAGE_PRESENT;
    memset(pages, 0, sizeof(pages));
    memcpy(pages[1] + PAGE - 2, "\x11\x22", 2);
    memcpy(pages[0], "\x33\x44", 2);
    from = WINDOW + PAGE - 2;
    __asm__ volatile("outsl" : "+S"(from) : "d"(SCRATCH) : "memory");
    report(inl(SCRATCH) == 0x44332211, "OUTSD across two pages that are not adjacent in memory");
    tables[2][1] |= PAGE_WRITABLE;
    __asm__ volatile("invlpg (%0)" : : "r"(WINDOW + PAGE) : "memory");
    outl(SCRATCH, 0x55667788);
    from = WINDOW + PAGE - 1;
    __asm__ volatile("insl" : "+D"(from) : "d"(SCRATCH) : "memory");
    memcpy(&value, pages[1] + PAGE - 1, 1);
    report(value == 0x88 && !memcmp(pages[0], "\x77\x66\x55", 3),
           "INSD across two pages that are not adjacent in memory");
}

static void outs_non_canonical(uint64_t from) {
    __asm__ volatile("outsb" : "+S"(from) : "d"(SCRATCH) : "memory");
}

static void test_canonical(void) {
    uint64_t code = 1;

    report(expect_exception(outs_non_canonical, 0x800000000000, &code) == VECTOR_GP && code == 0,
           "OUTSB from a non-canonical address raises #GP");
}

/* ---- 32-bit code ---- */

/* Called by far calls from 64-bit code. */
__asm__(".code32\n"
        "code32_ins: insl; lretl\n"
        "code32_outs: outsb %fs:(%esi), %dx; lretl\n"
        ".code64\n");
extern const char code32_ins[], code32_outs[];

#define CODE32 0x08
#define DATA   0x10

struct far_pointer {
    uint32_t offset;
    uint16_t selector;
} __attribute__((packed));

static void call_ins(uint64_t to) {
    const struct far_pointer far = {(uint32_t)(uint64_t)code32_ins, CODE32};

    __asm__ volatile("lcall *%1" : "+D"(to) : "m"(far), "d"(SCRATCH) : "memory");
}

static void call_outs(uint64_t from) {
    const struct far_pointer far = {(uint32_t)(uint64_t)code32_outs, CODE32};

    __asm__ volatile("lcall *%1" : "+S"(from) : "m"(far), "d"(SCRATCH) : "memory");
}

static void test_code32(void) {
    uint32_t value = 0;
    uint8_t byte = 0xa5;
    uint64_t code = 1;

    outl(SCRATCH, 0xcafe1234);
    call_ins((uint64_t)&value);
    report(value == 0xcafe1234, "INSD in 32-bit code");
    report(expect_exception(call_outs, (uint64_t)&byte, &code) == VECTOR_GP && code == 0,
           "OUTSB from a null segment in 32-bit code raises #GP");
    __asm__ volatile("mov %0, %%fs" : : "r"((uint16_t)DATA));
    call_outs((uint64_t)&byte);
    report(inb(SCRATCH) == 0xa5, "OUTSB from FS in 32-bit code");
}

/* ---- real mode ---- */

/* A SIPI starts vCPU 1 here. Its results are at the end of its page. */
__asm__(".pushsection .rodata\n"
        ".code16\n"
        "real_code: cli; cld\n"
        "mov %cs, %ax; mov %ax, %ds; mov %ax, %es\n"
        "mov $0xe0, %dx\n"
        "mov $0xf00, %si; outsl\n"                 /* four bytes from F00H */
        "mov $0xf10, %di; mov $6, %cx; rep insb\n" /* the first of them, six times, to F10H */
        "mov $0xf20, %di; insl\n"                  /* all four to F20H */
        "mov %si, 0xf30; mov %di, 0xf32; mov %cx, 0xf34\n"
        "movb $1, 0xf40\n"
        "0: hlt; jmp 0b\n"
        "real_code_end:\n"
        ".code64\n"
        ".popsection\n");
extern const uint8_t real_code[], real_code_end[];

static void test_real_mode(void) {
    volatile uint8_t *page = (volatile uint8_t *)(uint64_t)REAL_PAGE;
    uint16_t registers[3];

    memset((void *)page, 0, PAGE);
    memcpy((void *)page, real_code, (uint64_t)(real_code_end - real_code));
    memcpy((void *)(page + 0xf00), "\xde\xad\xbe\xef", 4);
    apic_send_init(1);
    spin(SIPI_ROUNDS);
    apic_send_sipi(1, REAL_PAGE);
    for (uint32_t i = 0; i < wait_bound && !page[0xf40]; i++)
        pause();
    if (!report(page[0xf40] == 1, "vCPU 1 runs INS and OUTS in real mode"))
        return;
    report(inl(SCRATCH) == 0xefbeadde, "OUTSD in real mode");
    report(!memcmp((void *)(page + 0xf10), "\xde\xde\xde\xde\xde\xde\0", 7),
           "REP INSB in real mode");
    report(!memcmp((void *)(page + 0xf20), "\xde\xad\xbe\xef\0", 5), "INSD in real mode");
    memcpy(registers, (void *)(page + 0xf30), sizeof(registers));
    report(registers[0] == 0xf04 && registers[1] == 0xf24 && registers[2] == 0,
           "SI, DI and CX in real mode");
}

void guest_main(void) {
    apic_init(true);
    test_simple();
    test_repeated();
    test_faults();
    test_crossing();
    test_canonical();
    test_code32();
    test_real_mode();
    report_done();
}
