/* The menu of a stick: see menu.h.
 *
 * The file has the form of pinwheel.cfg (lines.h), with other keys. */
#include "boot/menu.h"

#include "boot/lines.h"
#include "lib/format.h"
#include "lib/text.h"
#include "lib/version.h"

#define LINE_WIDTH (MENU_LINE_SIZE - 1) /* without the end of the line */
#define SHOWN_SIZE 32

struct parser {
    struct menu *menu;
    struct lines lines;
    uint32_t entry; /* MENU_ENTRIES: before the first one, or behind one too many */
};

static void fail(struct parser *parser, const char *reason, struct slice part) {
    char shown[SHOWN_SIZE] = {0};

    if (parser->menu->problem[0])
        return;
    slice_copy(shown, SHOWN_SIZE, part);
    format(parser->menu->problem, BOOT_PROBLEM_SIZE, MENU_FILE_NAME ":%u: %s%s",
           parser->lines.number, reason, shown);
}

static void set_text(struct parser *parser, char *to, size_t size, struct slice value) {
    if (slice_copy(to, size, value))
        return;
    to[0] = 0;
    fail(parser, "too long: ", value);
}

static void set_wait(struct parser *parser, struct slice value) {
    uint64_t seconds;
    struct slice rest = value;

    if (!slice_take_number(&rest, &seconds) || !slice_is_empty(rest) || seconds > MENU_WAIT_MAX)
        fail(parser, "wait is a number of seconds, at most 3600, not ", value);
    else
        parser->menu->seconds = (uint32_t)seconds;
}
_Static_assert(MENU_WAIT_MAX == 3600, "the limit in the text above");

static void parse_assignment(struct parser *parser, struct slice key, struct slice value) {
    if (!parser->menu->count && slice_equals(key, "wait")) {
        set_wait(parser, value);
        return;
    }
    if (parser->entry >= MENU_ENTRIES) {
        fail(parser, "not the key of an entry: ", key);
        return;
    }
    struct menu_entry *entry = &parser->menu->entry[parser->entry];
    if (slice_equals(key, "title"))
        set_text(parser, entry->title, sizeof(entry->title), value);
    else if (slice_equals(key, "config"))
        set_text(parser, entry->config, sizeof(entry->config), value);
    else if (slice_equals(key, "needs"))
        set_text(parser, entry->needs, sizeof(entry->needs), value);
    else
        fail(parser, "unknown key ", key);
}

static void parse_header(struct parser *parser, struct slice name) {
    struct menu *menu = parser->menu;

    parser->entry = menu->count;
    if (menu->count >= MENU_ENTRIES) {
        fail(parser, "one entry too many: ", name);
        return;
    }
    menu->entry[menu->count++] = (struct menu_entry){{0}, {0}, {0}};
}

void menu_parse(struct menu *menu, const char *text, size_t size) {
    struct parser parser = {.menu = menu, .lines = lines_of(text, size), .entry = MENU_ENTRIES};
    struct line line;

    *menu = (struct menu){.seconds = MENU_WAIT_DEFAULT};
    while (lines_next(&parser.lines, &line))
        if (line.kind == LINE_NAME)
            parse_header(&parser, line.name);
        else if (line.kind == LINE_ASSIGNMENT)
            parse_assignment(&parser, line.name, line.value);
        else if (line.kind == LINE_WRONG)
            fail(&parser, line.problem, slice_of("", 0));
    for (uint32_t i = menu->count; i > 0; i--) {
        if (!menu->entry[i - 1].title[0] || !menu->entry[i - 1].config[0])
            menu_remove(menu, i - 1);
    }
}

void menu_remove(struct menu *menu, uint32_t index) {
    if (index >= menu->count)
        return;
    for (uint32_t i = index + 1; i < menu->count; i++)
        menu->entry[i - 1] = menu->entry[i];
    menu->count--;
}

/* ---- keys and seconds ------------------------------------------------------------------------ */

bool menu_press(struct menu *menu, enum menu_key key, char digit) {
    menu->seconds = 0;
    if (digit >= '1' && digit <= '9' && (uint32_t)(digit - '1') < menu->count) {
        menu->selected = (uint32_t)(digit - '1');
        return true;
    }
    if (key == MENU_KEY_UP && menu->selected > 0)
        menu->selected--;
    if (key == MENU_KEY_DOWN && menu->selected + 1 < menu->count)
        menu->selected++;
    return key == MENU_KEY_ENTER;
}

bool menu_tick(struct menu *menu) {
    return menu->seconds && --menu->seconds == 0;
}

/* ---- the screen ------------------------------------------------------------------------------ */

/* One line, with blanks up to its end. */
static void add_line(struct text *text, const char *line) {
    text_add(text, "%-78s\n", line);
}
_Static_assert(LINE_WIDTH == 78, "the width above");

size_t menu_text(const struct menu *menu, char out[MENU_TEXT_SIZE]) {
    struct text text = {.out = out, .size = MENU_TEXT_SIZE};
    char line[LINE_WIDTH + 1] = {0};

    add_line(&text, "Pinwheel " PINWHEEL_VERSION ": what is this machine to run?");
    add_line(&text, "");
    for (uint32_t i = 0; i < menu->count; i++) {
        format(line, sizeof(line), "%s %u  %s", i == menu->selected ? " >" : "  ", i + 1,
               menu->entry[i].title);
        add_line(&text, line);
    }
    add_line(&text, "");
    add_line(&text, "A digit starts an entry; or choose with the arrow keys and press Enter.");
    line[0] = 0;
    if (menu->seconds)
        format(line, sizeof(line), "%u starts by itself in %u s; any key stops that.",
               menu->selected + 1, menu->seconds);
    add_line(&text, line);
    format(line, sizeof(line), "%s", menu->problem);
    add_line(&text, line);
    return text.length;
}
