/* Tables that survive the actions: see attacker.h. Each vCPU has a GDT with a task state segment of
 * its own. User code is one page, which only the user's part of the page tables has. */
#include "guest/attacker/attacker.h"
#include "guest/lib/apic.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "lib/memory.h"

#define CODE64       0x18 /* as in start.asm */
#define USER_DATA    0x23
#define USER_CODE    0x2b
#define TSS_SELECTOR 0x30 /* vCPU 0's; the next ones are 16 bytes apart */
#define GDT_ENTRIES  64
#define FIRST_RANDOM 32
#define STACK_SIZE   4096
#define USER_BASE    (1ULL << 39) /* the second entry of the highest table */
#define PAGE         0x1000ULL
#define PRESENT      3ULL
#define USER         7ULL
#define CR0_WANTED   (CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_PE)
#define CR4_WANTED   CR4_PAE
#define DR7_FIXED    0x400

struct tss {
    uint32_t reserved;
    uint64_t rsp[3], reserved2, ist[7], reserved3;
    uint16_t reserved4, io_map;
} __attribute__((packed));

struct pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

uint8_t scratch[SCRATCH_SIZE] __attribute__((aligned(4096)));

static uint64_t gdt[CPU_MAX][GDT_ENTRIES] __attribute__((aligned(16)));
static struct tss tss[CPU_MAX];
static uint8_t stacks[CPU_MAX][STACK_SIZE] __attribute__((aligned(16)));
static uint64_t pml4[512] __attribute__((aligned(4096))), pdpt[512] __attribute__((aligned(4096)));
static uint64_t pd[512] __attribute__((aligned(4096))), pt[512] __attribute__((aligned(4096)));
static uint8_t user[CPU_MAX][PAGE] __attribute__((aligned(4096)));
static struct pointer idt_pointer;

uint32_t my_index(void) {
    uint16_t selector;

    __asm__("str %0" : "=r"(selector));
    return selector < TSS_SELECTOR ? cpu_self()->index : (selector - TSS_SELECTOR) / 16u;
}

struct attacker *me(void) {
    return &attackers[my_index()];
}

/* ---- tables ---- */

static void fill_gdt(uint32_t index) {
    uint64_t *entry = gdt[index], base = (uintptr_t)&tss[index];
    uint64_t *system = &entry[TSS_SELECTOR / 8 + 2 * index];

    entry[1] = 0x00cf9b000000ffff; /* as in start.asm */
    entry[2] = 0x00cf93000000ffff;
    entry[3] = 0x00af9b000000ffff;
    entry[4] = 0x00cff3000000ffff; /* for user mode: data, 64-bit code */
    entry[5] = 0x00affb000000ffff;
    system[0] = (sizeof(tss[0]) - 1) | (base & 0xffffff) << 16 | 0x89ULL << 40 |
                (base >> 24 & 0xff) << 56; /* available; LTR makes it busy */
    system[1] = base >> 32;
    tss[index].rsp[0] = (uintptr_t)stacks[index] + STACK_SIZE;
    tss[index].io_map = sizeof(tss[0]);
}

static void fill_page_tables(void) {
    uint64_t cr3;

    __asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
    memcpy(pml4, (const void *)cr3, sizeof(pml4));
    pml4[1] = (uintptr_t)pdpt | USER;
    pdpt[0] = (uintptr_t)pd | USER;
    pd[0] = (uintptr_t)pt | USER;
    for (uint32_t i = 0; i < CPU_MAX; i++)
        pt[i] = (uintptr_t)user[i] | USER;
}

static void load_gdt(uint32_t entries) {
    struct pointer pointer = {(uint16_t)(8 * entries - 1), (uintptr_t)gdt[my_index()]};

    __asm__ volatile("lgdt %0" ::"m"(pointer));
}

void stage_enter(void) {
    uint32_t index = cpu_self()->index;
    struct pointer pointer = {8 * FIRST_RANDOM - 1, (uintptr_t)gdt[index]};

    if (index == 0 && !pml4[1]) {
        __asm__ volatile("sidt %0" : "=m"(idt_pointer));
        fill_page_tables();
    }
    while (!pml4[1])
        pause();
    fill_gdt(index);
    __asm__ volatile("lgdt %0" ::"m"(pointer));
    __asm__ volatile("ltr %w0" ::"r"(TSS_SELECTOR + 16 * index));
    __asm__ volatile("mov %0, %%cr3" ::"r"((uintptr_t)pml4) : "memory");
}

/* A breakpoint that is hit again and again would let nothing happen. */
void stage_repair(void) {
    uint16_t zero = 0;

    load_gdt(FIRST_RANDOM);
    __asm__ volatile("lidt %0" ::"m"(idt_pointer));
    __asm__ volatile("lldt %0" ::"r"(zero));
    __asm__ volatile("mov %0, %%dr7" ::"r"((uint64_t)DR7_FIXED));
    if (read_cr0() != CR0_WANTED)
        write_cr0(CR0_WANTED);
    if (read_cr4() != CR4_WANTED)
        write_cr4(CR4_WANTED);
    if (below(16) == 0)
        signals_repair();
    interrupts_on();
}

void stage_random_tables(uint32_t limit) {
    struct pointer pointer = idt_pointer;

    pointer.limit = (uint16_t)(limit * 16 + 15);
    for (uint32_t i = FIRST_RANDOM; i < GDT_ENTRIES; i++)
        gdt[my_index()][i] = any_number();
    load_gdt(GDT_ENTRIES);
    __asm__ volatile("lidt %0" ::"m"(pointer));
}

/* ---- user mode ---- */

_Noreturn void stage_user_code(const uint8_t bytes[15]) {
    uint32_t index = my_index();
    uint64_t at = USER_BASE + index * PAGE, data = below(4) ? at + 0x800 : any_number();
    uint64_t frame[5] = {at, USER_CODE, RFLAGS_ONE | RFLAGS_IF | RFLAGS_TF, at + 0xff0, USER_DATA};

    memcpy(user[index], bytes, 15);
    me()->in_user = true;
    __asm__ volatile("mov %0, %%rsp\n\t"
                     "mov %1, %%rsi\n\t"
                     "mov %1, %%rdi\n\t"
                     "mov %1, %%rbx\n\t"
                     "mov %2, %%rcx\n\t"
                     "mov %2, %%rax\n\t"
                     "mov %2, %%rdx\n\t"
                     "iretq" ::"r"(frame),
                     "r"(data), "r"((uint64_t)any())
                     : "memory", "rsi", "rdi", "rbx", "rcx", "rdx");
    __builtin_unreachable();
}
