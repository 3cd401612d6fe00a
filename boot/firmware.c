/* The firmware as the boot loader uses it: see firmware.h. */
#include "boot/firmware.h"

#include "lib/memory.h"

EFI_HANDLE firmware_image;

void *firmware_alloc(uint64_t size, uint64_t end) {
    EFI_PHYSICAL_ADDRESS address = end - 1;
    UINTN pages = EFI_SIZE_TO_PAGES(size);

    /* Address 0 means failure, so page 0 is not used even if the firmware allocates it. */
    if (EFI_ERROR(BS->AllocatePages(end ? AllocateMaxAddress : AllocateAnyPages, EfiLoaderData,
                                    pages, &address)) ||
        !address)
        return NULL;
    return memset((void *)address, 0, pages * EFI_PAGE_SIZE);
}
