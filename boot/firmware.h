/* The firmware, as the boot loader uses it: what UEFI calls the boot services.
 *
 * They are called through GNU-EFI's library, which calls them BS, and the system table ST. All
 * ends with ExitBootServices(). UEFI 2.10, "Services - Boot Services". */
#pragma once
#include <stdint.h>

#include <efi.h>
#include <efilib.h>

/* Our own; efi_main() sets it. */
extern EFI_HANDLE firmware_image;

/* `size` bytes, zeroed, in whole pages below the address `end` (0: anywhere); NULL if there is no
 * such memory. It stays ours for good: it is of type EfiLoaderData, which the hypervisor never
 * takes for free memory. */
void *firmware_alloc(uint64_t size, uint64_t end);
