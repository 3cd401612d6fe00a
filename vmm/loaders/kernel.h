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

/* How vCPU 0 starts: by the boot protocol of the kernel's file. The other protocol's state is 0. */
struct kernel_entry {
    bool is_linux;
    struct linux_entry linux64;
    struct multiboot_entry multiboot;
};

/* Returns NULL, or why the kernel cannot be started in words, which may be in request->reason; then
 * the guest's memory may have been written to. */
const char *kernel_place(const struct kernel_request *request, struct kernel_entry *entry);

/* NULL, or what the kernel asks for and does not get, in words. */
const char *kernel_warning(const struct kernel_entry *entry);
