/* Loads the hypervisor's image from the ELF file inside BOOTX64.EFI, and builds its page tables.
 *
 * The file is of this build and linked at the top of the address space (linker.ld). It gets one
 * contiguous piece of physical memory, and each segment is mapped with its own rights. The same
 * tables contain an identity map, under which the boot loader finishes its work and the firmware's
 * runtime services can be called later. ELF-64 Object File Format, version 1.5. Read next:
 * leave.h. */
#pragma once
#include <stdint.h>

#include "lib/boot_info.h"

/* Places the image in memory, builds the page tables and allocates the trampoline's page. Needs the
 * regions in `info`; fills in image_base, image_size, trampoline and firmware_cr3. Returns NULL, or
 * what failed, in words. */
const char *image_load(struct boot_info *info);

/* The virtual address of the hypervisor's first instruction, for after image_load(). */
uint64_t image_entry(void);
