/* The choice of a configuration: see choose.h.
 *
 * UEFI 2.10, "Simple Text Input Protocol" and "Simple Text Output Protocol". */
#include "boot/choose.h"

#include "boot/config.h"
#include "boot/files.h"
#include "boot/firmware.h"
#include "boot/menu.h"
#include "boot/screen.h"

#define MENU_SIZE_MAX (64ULL << 10)
#define SECOND        10000000ULL /* in 100 ns */

static bool read_menu(struct menu *menu) {
    struct file file;

    if (files_read(MENU_FILE_NAME, MENU_SIZE_MAX, &file))
        return false;
    menu_parse(menu, (const char *)file.base, file.size);
    for (uint32_t i = menu->count; i-- > 0;) {
        const struct menu_entry *entry = &menu->entry[i];

        if (!files_exist(entry->config) || (entry->needs[0] && !files_exist(entry->needs)))
            menu_remove(menu, i);
    }
    return menu->count > 0;
}

static void draw(const struct menu *menu) {
    static char text[MENU_TEXT_SIZE];

    if (ST->ConOut)
        ST->ConOut->SetCursorPosition(ST->ConOut, 0, 0);
    screen_draw(text, menu_text(menu, text));
}

/* Whether the key chooses the selected entry. */
static bool press(struct menu *menu) {
    EFI_INPUT_KEY key;

    if (EFI_ERROR(ST->ConIn->ReadKeyStroke(ST->ConIn, &key)))
        return false;
    return menu_press(menu,
                      key.ScanCode == SCAN_UP     ? MENU_KEY_UP
                      : key.ScanCode == SCAN_DOWN ? MENU_KEY_DOWN
                      : key.UnicodeChar == L'\r'  ? MENU_KEY_ENTER
                                                  : MENU_KEY_OTHER,
                      key.UnicodeChar < 0x80 ? (char)key.UnicodeChar : 0);
}

/* Waits for a second or a key. Without a keyboard, or without a timer, the first entry starts. */
static bool step(struct menu *menu, EFI_EVENT timer) {
    EFI_EVENT events[] = {timer, ST->ConIn->WaitForKey};
    UINTN index;

    if (EFI_ERROR(BS->WaitForEvent(2, events, &index)))
        return true;
    return index == 0 ? menu_tick(menu) : press(menu);
}

static void run_menu(struct menu *menu) {
    EFI_EVENT timer;
    bool chosen = menu->seconds == 0;

    if (!ST->ConIn || EFI_ERROR(BS->CreateEvent(EVT_TIMER, 0, NULL, NULL, &timer)))
        return;
    screen_clear();
    if (!EFI_ERROR(BS->SetTimer(timer, TimerPeriodic, SECOND))) {
        while (!chosen) {
            draw(menu);
            chosen = step(menu, timer);
        }
    }
    BS->CloseEvent(timer);
    screen_clear();
}

const char *choose_configuration(void) {
    static struct menu menu;

    if (!read_menu(&menu))
        return CONFIG_FILE_NAME;
    run_menu(&menu);
    screen_print("Chosen       %s (%s)\n", menu.entry[menu.selected].title,
                 menu.entry[menu.selected].config);
    return menu.entry[menu.selected].config;
}
