/* Boots a Linux on the bare machine: a UEFI application in place of Pinwheel's.
 *
 * It reads \guests\kernel, \guests\initrd and \guests\cmdline, leaves the firmware, loads the
 * kernel with Pinwheel's own loader (vmm/loaders/linux.c) into the machine's memory, from address
 * 0, and jumps to it. tests/linux/native.t compares the instructions from there to Linux's first
 * program with those of a guest. Only for an emulator with OVMF: the memory that the firmware
 * reserves must be above NATIVE_RAM. */
#include "arch/instructions.h"
#include "boot/files.h"
#include "boot/firmware.h"
#include "lib/format.h"
#include "lib/memory.h"
#include "vmm/loaders/linux.h"
#include "vmm/loaders/load_reason.h"

#define KEPT      (256ULL << 20)
#define ALIGNMENT (64ULL << 20)
#define UART_DATA 0x3f8
#define UART_LSR  0x3fd
#define LSR_THRE  0x20

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

static void print(const char *fmt, ...) {
    char line[128];
    va_list args;

    va_start(args, fmt);
    format_va(line, sizeof(line), fmt, args);
    va_end(args);
    for (const char *c = line; *c; c++) {
        while (!(in8(UART_LSR) & LSR_THRE))
            ;
        out8(UART_DATA, (uint8_t)*c);
    }
}

static bool read_files(struct file *kernel, struct file *initrd, struct file *command_line) {
    const char *problem = files_open();

    if (!problem)
        problem = files_read("\\guests\\kernel", FILE_SIZE_MAX, kernel);
    if (!problem)
        problem = files_read("\\guests\\initrd", FILE_SIZE_MAX, initrd);
    if (!problem)
        problem = files_read("\\guests\\cmdline", 2048, command_line);
    if (problem)
        print("NATIVE failed: %s\n", problem);
    return !problem;
}

/* The size of Linux's memory, or 0. */
static uint64_t leave_firmware(void) {
    UINTN count, key, size;
    UINT32 version;
    uint64_t end = 0;

    const uint8_t *map = (const uint8_t *)LibMemoryMap(&count, &key, &size, &version);
    for (UINTN i = 0; i < count; i++) {
        const EFI_MEMORY_DESCRIPTOR *d = (const EFI_MEMORY_DESCRIPTOR *)(map + i * size);
        if (d->Type == EfiConventionalMemory || d->Type == EfiBootServicesData)
            end = d->PhysicalStart + d->NumberOfPages * 4096;
    }
    end = (end + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    if (end <= KEPT || EFI_ERROR(BS->ExitBootServices(firmware_image, key)))
        return 0;
    return end - KEPT;
}

static _Noreturn void enter(const struct linux_entry *entry) {
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } gdt = {entry->gdt_limit, entry->gdt_base};

    __asm__ volatile("lgdt %0\n\t"
                     "mov %1, %%cr3\n\t"
                     "mov %2, %%ds\n\t"
                     "mov %2, %%es\n\t"
                     "mov %2, %%ss\n\t"
                     "mov %3, %%rsp\n\t"
                     "pushq %4\n\t"
                     "pushq %5\n\t"
                     "lretq"
                     :
                     : "m"(gdt), "r"(entry->cr3), "r"((uint32_t)entry->data_selector),
                       "r"(entry->rsp), "r"((uint64_t)entry->code_selector), "r"(entry->rip),
                       "S"(entry->rsi)
                     : "memory");
    __builtin_unreachable();
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system) {
    struct file kernel, initrd, command_line;
    struct linux_entry entry;
    static char words[2049];

    firmware_image = image;
    ST = system;
    BS = system->BootServices;
    BS->SetWatchdogTimer(0, 0, 0, NULL);
    if (!read_files(&kernel, &initrd, &command_line))
        return EFI_NOT_FOUND;
    memcpy(words, (const void *)command_line.base, command_line.size);
    uint64_t ram = leave_firmware();
    if (!ram)
        return EFI_ABORTED;
    __asm__ volatile("cli");
    uint8_t *memory = NULL;
    __asm__("" : "+r"(memory)); /* the compiler must not see NULL: RAM begins at address 0 */
    static char reason[LOAD_REASON_SIZE];
    const struct kernel_request request = {
        .ram = memory,
        .ram_size = ram,
        .file = (const uint8_t *)kernel.base,
        .file_size = kernel.size,
        .initrd = (const uint8_t *)initrd.base,
        .initrd_size = initrd.size,
        .command_line = words,
        .reason = reason,
    };
    const char *problem = linux_place(&request, &entry);
    if (problem) {
        print("NATIVE failed: %s\n", problem);
        for (;;)
            halt();
    }
    print("NATIVE entry tsc=%lu\n", rdtsc());
    enter(&entry);
}
