/* BOOTX64.EFI: from the firmware to the hypervisor.
 *
 * efi_main() is the whole way in its order: what this machine can do, what the configuration wants,
 * the files, the hypervisor's image, leaving the firmware. Everything that can stand in the way is
 * found out before the firmware is left; then the reason is on the screen and control goes back to
 * it. Read next: report.c, config.h, load.c. */
#include "arch/instructions.h"
#include "boot/firmware.h"
#include "boot/load.h"
#include "boot/machine.h"
#include "boot/screen.h"

#define VERSION "0.1"

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

static EFI_STATUS refuse(const char *reason)
{
    screen_print("PINWHEEL refused: %s\n", reason);
    screen_show();
    firmware_wait_for_key(10);
    return EFI_UNSUPPORTED;
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    uint64_t start = rdtsc();

    firmware_init(image, system);
    screen_clear();
    screen_print("Pinwheel " VERSION "\n");
    struct boot_info *info = firmware_alloc(sizeof(*info));
    if (!info)
        return refuse("there is not enough memory");
    info->magic = BOOT_INFO_MAGIC;
    info->tsc_at_start = start;
    machine_describe(info);
    const char *problem = load_prepare(info);
    if (problem)
        return refuse(problem);
    screen_print("leaving, %llu\n", (unsigned long long)(rdtsc() - start));
    screen_show();
    problem = load_start(info);
    return refuse(problem);
}
