/* Places a Multiboot image in a guest's memory and the information that it receives from its
 * loader.
 *
 * Multiboot 0.6.96 is the smallest contract between a loader and a kernel: a header in the first
 * 8192 bytes of the file says how to load it, and the kernel is entered in 32-bit protected mode
 * with EAX = 2BADB002H and EBX = the address of an information structure. Accepted are ELF files,
 * ELF64 too, and files that have their load addresses in the header (the "a.out kludge"). What a
 * kernel relies on beside the letter of the specification is accepted as well: an entry point that
 * is a physical address, a stack at the entry, a video mode that it does not need. Pure; the file
 * is not trusted: the time is bounded by its size and that of the guest's memory.
 *
 * The image is loaded where it asks to be, but not from 640 KiB to 1 MiB; a stack of one page and
 * the information with its strings and tables in the two pages from 9D000H, below 640 KiB; the
 * module (an initial RAM disk) on the first page behind the image and at or above 1 MiB. If the
 * image covers one of the two pages, they go behind the image, too. Read next: multiboot.c,
 * multiboot_elf.c, multiboot_info.c. */
#pragma once
#include <stdint.h>

#include "vmm/loaders/kernel_request.h"

#define MULTIBOOT_ENTRY_MAGIC 0x2badb002u /* in EAX at entry */

/* The registers with which vCPU 0 starts, besides EAX. Multiboot 0.6.96, "Machine state", which
 * leaves ESP to the kernel. */
struct multiboot_entry {
    uint32_t eip;
    uint32_t ebx;
    uint32_t esp;
    const char *warning; /* NULL, or what the kernel asks for and does not get, in words */
};

/* Returns NULL, or why the image cannot be started in words, which may be in request->reason; then
 * the guest's memory may have been written to. Nothing outside [ram, ram + ram_size) is written,
 * nothing outside the file and the module is read. */
const char *multiboot_place(const struct kernel_request *request, struct multiboot_entry *entry);
