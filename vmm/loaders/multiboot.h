/* Places a Multiboot image in a guest's memory and the information that it receives from its
 * loader.
 *
 * Multiboot 0.6.96 is the smallest contract between a loader and a kernel: a header in the first
 * 8192 bytes of the file says how to load it, and the kernel is entered in 32-bit protected mode
 * with EAX = 2BADB002H and EBX = the address of an information structure. Accepted are ELF32 files,
 * and files that have their load addresses in the header (the "a.out kludge"). Pure; the file is
 * not trusted.
 *
 * The image is loaded where it asks to be; the information with its strings and tables in one page
 * at 9E000H, below 640 KiB; the module (an initial RAM disk) on the first page behind the image and
 * at or above 1 MiB. If the image covers 9E000H the information goes behind the image, too. Read
 * next: multiboot.c, multiboot_info.c. */
#pragma once
#include <stdint.h>

#define MULTIBOOT_ENTRY_MAGIC 0x2badb002u /* in EAX at entry */

struct multiboot_request {
    uint8_t *ram; /* the guest's memory, from guest-physical address 0 */
    uint64_t ram_size;
    const uint8_t *file;
    uint64_t file_size;
    const uint8_t *module; /* NULL: none */
    uint64_t module_size;
    /* NULL: empty. The kernel receives its name and the command line, separated by a blank. */
    const char *kernel_name, *module_name, *command_line;
    char *reason; /* LOAD_REASON_SIZE bytes, for a reason with numbers */
};

/* The registers with which vCPU 0 starts, besides EAX. Multiboot 0.6.96, "Machine state". */
struct multiboot_entry {
    uint32_t eip;
    uint32_t ebx;
};

/* Returns NULL, or why the image cannot be started in words, which may be in request->reason; then
 * the guest's memory may have been written to. Nothing outside [ram, ram + ram_size) is written,
 * nothing outside the file and the module is read. */
const char *multiboot_place(const struct multiboot_request *request, struct multiboot_entry *entry);
