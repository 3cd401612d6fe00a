/* Leaving the firmware: its memory map, ExitBootServices(), the jump into the hypervisor.
 *
 * After ExitBootServices() nothing can be reported any more, so all that can fail is done before,
 * by image_load(). UEFI 2.10, "EFI_BOOT_SERVICES.GetMemoryMap()" and
 * "EFI_BOOT_SERVICES.ExitBootServices()". Read next: memory_map.h, which turns the firmware's map
 * into regions. */
#pragma once
#include <stdint.h>

#include "lib/boot_info.h"

/* Fills in info->region and region_count from the firmware's current memory map. Returns NULL, or
 * what failed, in words. */
const char *memory_map_read(struct boot_info *info);

/* Reads the final memory map, exits the boot services and jumps to the hypervisor at the virtual
 * address `entry`, as lib/boot_info.h describes. Returns only if the firmware does not exit them,
 * with the reason in words; then hardly any of its services may still be called. */
const char *leave_firmware(struct boot_info *info, uint64_t entry);
