/* Loading the hypervisor: its image, the page tables for it, leaving the firmware.
 *
 * In two parts, because after ExitBootServices() nothing can be reported any more: what can fail
 * is in load_prepare(). */
#pragma once
#include <stdint.h>

#include "lib/boot_info.h"

/* Fills in the regions as they are at this time. Returns NULL, or what failed, in words. */
const char *memory_map_read(struct boot_info *info);

/* Places the image in memory, builds the tables, takes the trampoline's page; the regions have been
 * read. Fills in image_base, image_size, trampoline and firmware_cr3. Returns NULL, or what failed,
 * in words. */
const char *load_prepare(struct boot_info *info);

/* Leaves the firmware, fills in the final regions and jumps to the hypervisor. Returns only if the
 * firmware does not let go; then hardly any of its services can still be called. */
const char *load_start(struct boot_info *info);
