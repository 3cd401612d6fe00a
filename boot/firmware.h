/* UEFI's boot services, as the boot loader uses them.
 *
 * GNU-EFI's library names their table BS and the system table ST. They exist until
 * ExitBootServices(), see leave.h. UEFI 2.10, "Services - Boot Services". Read next: leave.h. */
#pragma once
#include <stdint.h>

#include <efi.h>
#include <efilib.h>

/* The handle of BOOTX64.EFI itself; efi_main() sets it. */
extern EFI_HANDLE firmware_image;

/* Allocates `size` bytes in whole pages below the address `end` (0: anywhere), filled with zeros;
 * NULL if there is no such memory. It is of type EfiLoaderData, which the hypervisor never treats
 * as free memory. */
void *firmware_alloc(uint64_t size, uint64_t end);
