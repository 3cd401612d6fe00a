/* Places a Linux kernel in a guest's memory and the information that it receives from its loader.
 *
 * The file is a bzImage: a boot sector and real-mode code with a header in them, which are not run
 * here, and then the protected-mode kernel, which unpacks itself. By the 64-bit boot protocol it is
 * entered in 64-bit mode 200H bytes behind its start, with all memory identity-mapped and RSI = the
 * "zero page", which has the addresses of the command line, the initial RAM disk, the memory map
 * and the ACPI tables. Linux, Documentation/arch/x86/boot.rst, "64-bit Boot Protocol"; the header's
 * version must be 2.12 or later. Pure; the file is not trusted. An initial RAM disk that is cut off
 * is refused: see initrd.h.
 *
 * The kernel is loaded at the address that it prefers; the initial RAM disk on the highest page
 * that memory and the kernel permit; the rest below 640 KiB. Read next: linux_internal.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "vmm/loaders/kernel_request.h"

/* The state in which vCPU 0 starts: 64-bit mode, paging on, interrupts off. Addresses are both
 * guest-physical and linear. The GDT has the two selectors, for flat segments of 4 GiB. */
struct linux_entry {
    uint64_t rip, rsp, rsi, cr3;
    uint64_t gdt_base;
    uint16_t gdt_limit;
    uint16_t code_selector, data_selector;
};

/* Whether the file has the signature of a bzImage header. linux_place() checks everything else. */
bool linux_is_kernel(const uint8_t *file, uint64_t size);

/* Returns NULL, or why the kernel cannot be started in words, which may be in request->reason; then
 * nothing has been written to the guest's memory. Nothing outside [ram, ram + ram_size) is written,
 * nothing outside the file and the initial RAM disk is read. */
const char *linux_place(const struct kernel_request *request, struct linux_entry *entry);
