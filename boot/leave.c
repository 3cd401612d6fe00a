/* Leaving the firmware: see leave.h. */
#include "boot/leave.h"

#include "arch/control_registers.h"
#include "arch/instructions.h"
#include "arch/msr.h"
#include "boot/firmware.h"
#include "boot/memory_map.h"

#define LEAVE_ATTEMPTS 8

/* Proves to ExitBootServices() that the caller has seen the latest memory map. */
static UINTN map_key;

/* The library allocates a buffer for the map. It is not freed: that would change the map again. */
const char *memory_map_read(struct boot_info *info) {
    UINTN count, size;
    UINT32 version;
    const EFI_MEMORY_DESCRIPTOR *map = LibMemoryMap(&count, &map_key, &size, &version);

    if (!map)
        return "the firmware reports no memory map";
    if (!memory_map_regions(map, count * size, size, info->region, BOOT_MAX_REGIONS,
                            &info->region_count))
        return "the firmware's memory map is malformed or has too many ranges";
    return NULL;
}

/* ExitBootServices() fails if an event changed the map after it was read. Then the map is read
 * again; UEFI allows only the memory services after the first failure. */
const char *leave_firmware(struct boot_info *info, uint64_t entry) {
    unsigned attempts = 0;

    do {
        const char *problem = memory_map_read(info);
        if (problem)
            return problem;
        if (attempts++ == LEAVE_ATTEMPTS)
            return "the firmware does not exit its boot services";
    } while (EFI_ERROR(BS->ExitBootServices(firmware_image, map_key)));
    interrupts_off();
    /* Indirect-branch tracking would end the jump with #CP, and MOV to CR3 with PCIDs keep old
     * translations. */
    write_cr4((read_cr4() & (CR4_HOST | CR4_KEPT)) | CR4_PAE);
    wrmsr(MSR_IA32_EFER, rdmsr(MSR_IA32_EFER) | EFER_NXE);
    __asm__ volatile("mov %0, %%cr3\n\t"
                     "cld\n\t"
                     "jmp *%1"
                     :
                     : "r"(info->firmware_cr3), "r"(entry), "D"(info)
                     : "memory");
    __builtin_unreachable();
}
