/* BOOTX64.EFI: from the firmware to the hypervisor.
 *
 * efi_main() is the whole way in its order: what this machine can do, which guests it is to run,
 * the hypervisor's image, leaving the firmware. Everything that can stand in the way is found out
 * before the firmware is left; then the reason is on the screen and control goes back to it. Read
 * next: report.c, guests.c, load.c. */
#include "arch/instructions.h"
#include "boot/firmware.h"
#include "boot/guests.h"
#include "boot/load.h"
#include "boot/machine.h"
#include "boot/report.h"
#include "boot/screen.h"

#define VERSION         "0.1"
#define READING_SECONDS 10

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

/* With the reasons on the screen already. */
static EFI_STATUS give_up(void)
{
    screen_print("Pinwheel goes back to the firmware: press a key, or wait %d seconds.\n",
                 READING_SECONDS);
    screen_show();
    firmware_wait_for_key(READING_SECONDS);
    return EFI_UNSUPPORTED;
}

static EFI_STATUS refuse(const char *reason)
{
    screen_print("PINWHEEL refused: %s\n", reason);
    return give_up();
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    uint64_t start = rdtsc();
    static struct processor processor;
    static char refusal[2048];
    const char *problem;

    firmware_init(image, system);
    screen_clear();
    screen_print("Pinwheel " VERSION ", a hypervisor to watch interrupts with\n\n");
    struct boot_info *info = firmware_alloc(sizeof(*info));
    if (!info)
        return refuse("there is not enough memory");
    info->magic = BOOT_INFO_MAGIC;
    info->tsc_at_start = start;

    report_read_processor(&processor);
    machine_describe(info);
    problem = load_read_regions(info);
    if (problem)
        return refuse(problem);
    report_print(&processor, info);
    if (refusal_text(&processor, refusal, sizeof(refusal))) {
        screen_print("\n%s", refusal);
        return give_up();
    }

    problem = guests_read(info);
    if (!problem)
        problem = load_prepare(info);
    if (problem)
        return refuse(problem);
    screen_show();
    info->report = (uint64_t)screen_text(&info->report_size);
    return refuse(load_start(info));
}
