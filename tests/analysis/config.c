/* The configuration file, the menu, and what a processor says about leaks through speculative
 * execution: any bytes, any number of them.
 * Assumed: a file is as large as its reader is told, here at most 700 bytes, which stand for any
 * number: the longest value that is stored has 511. */
#include "boot/config.h"
#include "boot/menu.h"
#include "tests/analysis/any.h"

static char file[700], names[256], out[MENU_TEXT_SIZE];
static struct config config;
static struct boot_guest guest[BOOT_MAX_GUESTS];
static struct menu menu;
static struct speculation_processor processor;
static struct speculation speculation;

int main(void) {
    /* No more guests, and no more entries, are stored. */
    /*@ widen_hints global:"all", 9, 16; */
    any_bytes(file, sizeof(file));
    config_parse(&config, "pinwheel.cfg", guest, file, any_below(sizeof(file) + 1));
    config_check(&config, any());
    menu_parse(&menu, file, any_below(sizeof(file) + 1));
    while (any_bool()) {
        menu_text(&menu, out);
        if (any_bool())
            menu_press(&menu, (enum menu_key)any_below(MENU_KEY_OTHER + 1), (char)any());
        else
            menu_tick(&menu);
        if (any_bool() && menu.count)
            menu_remove(&menu, any_below(menu.count));
    }
    any_bytes(&processor, sizeof(processor));
    speculation = speculation_decide(&processor, &config.mitigations);
    speculation_names(speculation.on, names, sizeof(names));
    return 0;
}
