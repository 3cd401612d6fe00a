/* Loads a guest's kernel, whichever format it has.
 *
 * What the hypervisor does when it creates a guest, tools/check-kernel.c does on the host before a
 * machine boots, so both refuse the same files with the same words. Pure. Read next: linux.h,
 * multiboot.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "vmm/loaders/linux.h"
#include "vmm/loaders/multiboot.h"

struct kernel_request {
    uint8_t *ram; /* the guest's memory, from guest-physical address 0 */
    uint64_t ram_size;
    const uint8_t *file;
    uint64_t file_size;
    const uint8_t *initrd; /* NULL: none */
    uint64_t initrd_size;
    const char *kernel_name, *initrd_name, *command_line; /* not NULL */
    char *reason; /* LOAD_REASON_SIZE bytes, for a reason with numbers */
};

/* How vCPU 0 starts: by the boot protocol of the kernel's file. */
struct kernel_entry {
    bool is_linux;
    const char *warning; /* NULL, or what the kernel asks for and does not get, in words */
    union {
        struct linux_entry linux64;
        struct multiboot_entry multiboot;
    };
};

/* Returns NULL, or why the kernel cannot be started in words, which may be in request->reason; then
 * the guest's memory may have been written to. */
const char *kernel_place(const struct kernel_request *request, struct kernel_entry *entry);
