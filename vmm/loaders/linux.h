/* Places a Linux kernel in a guest's memory and tells it what it got.
 *
 * The file is a bzImage: a boot sector and real-mode code that are not used here, with a header
 * among them, and then the kernel proper, which unpacks itself. By the 64-bit boot protocol (Linux,
 * Documentation/arch/x86/boot.rst, "64-bit Boot Protocol"; header version 2.12 or later) it starts
 * in 64-bit mode 200H bytes into the kernel proper, all memory mapped to its own address, with
 * RSI = the "zero page", which says where command line, initial RAM disk, memory and ACPI tables
 * are. Pure; the file is not trusted. An initial RAM disk that is cut off is refused: initrd.h.
 *
 * Where things go: the kernel where it prefers to be; the initial RAM disk as high as the kernel
 * and memory allow, on a page; the rest below 640 KiB, see linux_internal.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct linux_request {
    uint8_t *ram; /* the guest's memory, from guest-physical address 0 */
    uint64_t ram_size;
    const uint8_t *file;
    uint64_t file_size;
    const uint8_t *initrd; /* NULL: none */
    uint64_t initrd_size;
    const char *command_line; /* NULL counts as empty */
    uint64_t acpi_rsdp;       /* guest-physical; 0: none */
    char *reason;             /* LOAD_REASON_SIZE bytes, for words with numbers in them */
};

/* How vCPU 0 starts: 64-bit mode, paging on, interrupts off. Addresses are guest-physical and
 * linear at once. The GDT has both selectors, as flat 4 GiB segments. */
struct linux_entry {
    uint64_t rip, rsp, rsi, cr3;
    uint64_t gdt_base;
    uint16_t gdt_limit;
    uint16_t code_selector, data_selector;
};

/* Whether the file has the header's signature. All else is for linux_place() to find out. */
bool linux_is_kernel(const uint8_t *file, uint64_t size);

/* Returns NULL, or why the kernel cannot be placed, in words; then the guest's memory may have been
 * written to. The words may be in request->reason. Nothing outside [ram, ram + ram_size) is
 * written, nothing outside the file and the initial RAM disk is read. */
const char *linux_place(const struct linux_request *request, struct linux_entry *entry);
