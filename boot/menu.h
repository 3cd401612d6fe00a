/* The menu of a stick: which of several configurations to start.
 *
 *     wait = 10                  # seconds until the first entry starts by itself
 *     [story]                    # an entry
 *     title  = The stale EOI     # what the menu shows
 *     config = \pinwheel.cfg     # what it starts
 *     needs  = \linux\vmlinuz    # without this file the entry is left out
 *
 * The parser accepts any bytes; a mistake leaves out its line, and the first one is kept. Pure, no
 * allocation: the caller reads files and keys, shows the text and counts the seconds. Read next:
 * choose.c. docs/configuration.md describes the file. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/boot_info.h"

#define MENU_FILE_NAME    "menu.cfg"
#define MENU_ENTRIES      9 /* each has a digit */
#define MENU_TITLE_SIZE   70
#define MENU_PATH_SIZE    128
#define MENU_WAIT_DEFAULT 10
#define MENU_WAIT_MAX     3600
#define MENU_LINE_SIZE    79   /* in column 80 some firmware begins a new line */
#define MENU_TEXT_SIZE    2048 /* enough for menu_text() */

struct menu_entry {
    char title[MENU_TITLE_SIZE];
    char config[MENU_PATH_SIZE];
    char needs[MENU_PATH_SIZE]; /* empty: nothing */
};

struct menu {
    struct menu_entry entry[MENU_ENTRIES];
    uint32_t count;
    uint32_t selected;
    uint32_t seconds; /* until the selected entry starts; 0: it does not by itself */
    char problem[BOOT_PROBLEM_SIZE];
};

enum menu_key { MENU_KEY_UP, MENU_KEY_DOWN, MENU_KEY_ENTER, MENU_KEY_OTHER };

/* Parses the whole file. Entries without a title or a configuration are left out. */
void menu_parse(struct menu *menu, const char *text, size_t size);

/* Leaves out the entry. */
void menu_remove(struct menu *menu, uint32_t index);

/* A key was pressed; `digit` is '1' to '9', or 0 for another key. It stops the countdown. Returns
 * whether the selected entry is to be started. */
bool menu_press(struct menu *menu, enum menu_key key, char digit);

/* A second has passed. Returns whether the selected entry is to be started. */
bool menu_tick(struct menu *menu);

/* Writes what the screen is to show, as lines of equal length, so that each draws over the last
 * one's. Returns the length. */
size_t menu_text(const struct menu *menu, char out[MENU_TEXT_SIZE]);
