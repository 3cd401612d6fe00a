/* BOOTX64.EFI: the way from the firmware to the hypervisor.
 *
 * efi_main() takes every step in order: it reports the machine's capabilities, reads the guests'
 * configuration and files, loads the hypervisor's image and leaves the firmware. Each condition
 * that prevents a start is checked before the last step, while the reason can still be printed and
 * control returned to the firmware. Read next: report.c, guests.c, image.c, leave.c. */
#include "arch/instructions.h"
#include "boot/firmware.h"
#include "boot/guests.h"
#include "boot/image.h"
#include "boot/leave.h"
#include "boot/machine.h"
#include "boot/report.h"
#include "boot/screen.h"
#include "drivers/debug_port.h"
#include "lib/version.h"

#define READING_SECONDS 10

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

static void wait_for_key(void) {
    SIMPLE_INPUT_INTERFACE *keyboard = ST->ConIn;
    EFI_INPUT_KEY key;

    if (!keyboard) {
        BS->Stall(READING_SECONDS * 1000000);
        return;
    }
    while (!EFI_ERROR(keyboard->ReadKeyStroke(keyboard, &key)))
        ; /* discards keys typed before */
    WaitForSingleEvent(keyboard->WaitForKey, READING_SECONDS * 10000000ULL); /* in 100 ns */
    keyboard->ReadKeyStroke(keyboard, &key);
}

/* Returns to the firmware. The reasons have been printed. */
static EFI_STATUS give_up(void) {
    size_t size;
    const char *text;

    screen_print("Pinwheel returns to the firmware: press a key, or wait %d seconds.\n",
                 READING_SECONDS);
    screen_show();
    text = screen_text(&size);
    debug_port_write(text, size);
    wait_for_key();
    return EFI_UNSUPPORTED;
}

static EFI_STATUS refuse(const char *problem) {
    screen_print("PINWHEEL refused: %s\n", problem);
    return give_up();
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system) {
    uint64_t start = rdtsc();
    static struct processor processor;
    static char refusal[2048];
    const char *problem;

    firmware_image = image;
    ST = system; /* GNU-EFI's library uses these two */
    BS = system->BootServices;
    /* The boot manager's watchdog would reset the machine while a slow USB stick is read. */
    BS->SetWatchdogTimer(0, 0, 0, NULL);
    screen_clear();
    screen_print("Pinwheel " PINWHEEL_VERSION
                 ", a hypervisor that shows every interrupt decision\n\n");
    struct boot_info *info = firmware_alloc(sizeof(*info), 0);
    if (!info)
        return refuse("there is not enough memory");
    info->magic = BOOT_INFO_MAGIC;
    info->tsc_at_start = start;

    report_read_processor(&processor);
    machine_describe(info);
    problem = memory_map_read(info);
    if (problem)
        return refuse(problem);
    const char *serial_problem = machine_find_serial(info);
    report_print(&processor, info, serial_problem);
    if (refusal_text(&processor, refusal, sizeof(refusal))) {
        screen_print("\n%s", refusal);
        return give_up();
    }

    problem = guests_read(info);
    if (!problem)
        problem = image_load(info);
    if (problem)
        return refuse(problem);
    report_print_mitigations(info);
    screen_show();
    info->report = (uint64_t)screen_text(&info->report_size);
    return refuse(leave_firmware(info, image_entry()));
}
