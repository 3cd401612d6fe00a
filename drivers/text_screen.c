/* A screen of text: see text_screen.h.
 *
 * Positions are compared by < and >=, never by ==: a CPU that panics may take over the screen while
 * another CPU, which it has stopped, was changing it. */
#include "drivers/text_screen.h"

#include <stdbool.h>

#include "lib/memory.h"
#include "lib/range.h"

#define TAB_STOP 8

static const struct text_cell blank = {' ', TEXT_PLAIN};

/* A line that begins with `begin`, and contains `part`, is good if it contains `good`, otherwise
 * bad. */
static const struct {
    const char *begin, *part, *good; /* `good` is NULL: never */
} rules[] = {
    {"PINWHEEL done ", "", " failed=0"},    {"PINWHEEL panic: ", "", NULL},
    {"PINWHEEL refused: ", "", NULL},       {"PINWHEEL config: ", "", NULL},
    {"GUEST ", "", " result=pass "},        {"not ok ", "", NULL},
    {"", " passed, ", " passed, 0 failed"}, /* the sum of the scorecard */
};

enum text_style text_style_of(struct slice text) {
    struct slice line = {text.text, text.at, slice_find(text, "\n")};
    size_t name = slice_begins_with(line, "[") ? slice_find(line, "] ") : line.end;

    if (name < line.end)
        line.at = name + 2;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (!slice_begins_with(line, rules[i].begin) || slice_find(line, rules[i].part) == line.end)
            continue;
        return rules[i].good && slice_find(line, rules[i].good) < line.end ? TEXT_GOOD : TEXT_BAD;
    }
    return TEXT_PLAIN;
}

static void clear_row(struct text_screen *screen, uint32_t row) {
    for (uint32_t column = 0; column < screen->columns; column++)
        screen->cell[row][column] = blank;
}

void text_screen_init(struct text_screen *screen, uint32_t columns, uint32_t rows) {
    memset(screen, 0, sizeof(*screen));
    screen->columns = range_clamp(1, columns, TEXT_COLUMNS_MAX);
    screen->rows = range_clamp(1, rows, TEXT_ROWS_MAX);
    for (uint32_t row = 0; row < screen->rows; row++)
        clear_row(screen, row);
    memcpy(screen->drawn, screen->cell, sizeof(screen->drawn));
}

/* The position of the next character may be one row below the last. */
static void move_up_by(struct text_screen *screen, uint32_t rows) {
    uint32_t lines = range_clamp(1, rows, screen->rows);

    for (uint32_t row = 0; row < screen->rows; row++) {
        uint32_t from = row + lines;

        if (from < screen->rows)
            memmove(screen->cell[row], screen->cell[from], sizeof(screen->cell[row]));
        else
            clear_row(screen, row);
    }
    screen->row = range_clamp(lines, screen->row, screen->rows) - lines;
}

static void move_up(struct text_screen *screen) {
    move_up_by(screen, screen->rows / 4);
}

/* A newline on the last row does not move the text up; the next character does. Otherwise the last
 * row would stay empty. */
static void new_line(struct text_screen *screen) {
    if (screen->row >= screen->rows)
        move_up(screen);
    screen->column = 0;
    screen->row++;
}

static void put_character(struct text_screen *screen, uint8_t character) {
    if (screen->column >= screen->columns)
        new_line(screen);
    while (screen->row >= screen->rows)
        move_up(screen);
    screen->cell[screen->row][screen->column] =
        character == ' ' ? blank : (struct text_cell){character, (uint8_t)screen->style};
    screen->column++;
}

static void put_byte(struct text_screen *screen, uint8_t byte) {
    bool continuation = (byte & 0xc0) == 0x80; /* of a UTF-8 character */

    if (byte == '\n')
        new_line(screen);
    else if (byte == '\t')
        do
            put_character(screen, ' ');
        while (screen->column % TAB_STOP && screen->column < screen->columns);
    else if (byte != '\r' && !continuation)
        put_character(screen, byte >= ' ' && byte <= '~' ? byte : '?');
}

void text_screen_put(struct text_screen *screen, const char *text, size_t size) {
    bool line_begins = screen->column == 0;

    for (size_t i = 0; i < size; i++) {
        if (line_begins)
            screen->style = text_style_of((struct slice){text, i, size});
        put_byte(screen, (uint8_t)text[i]);
        line_begins = text[i] == '\n';
    }
    screen->unchecked = screen->rows * screen->columns;
}

void text_screen_make_room(struct text_screen *screen, uint32_t rows) {
    uint32_t highest = screen->rows - range_clamp(1, rows, screen->rows);

    if (screen->column)
        new_line(screen);
    if (screen->row > highest)
        move_up_by(screen, screen->row - highest);
    screen->unchecked = screen->rows * screen->columns;
}

bool text_screen_draw(struct text_screen *screen, uint32_t most, text_draw *draw, void *context) {
    for (; screen->unchecked && most; screen->unchecked--) {
        if (screen->next_column >= screen->columns) {
            screen->next_column = 0;
            screen->next_row++;
        }
        if (screen->next_row >= screen->rows)
            screen->next_row = 0;
        uint32_t row = screen->next_row, column = screen->next_column++;
        struct text_cell now = screen->cell[row][column];
        struct text_cell *drawn = &screen->drawn[row][column];

        if (drawn->character == now.character && drawn->style == now.style)
            continue;
        *drawn = now;
        draw(context, row, column, now);
        most--;
    }
    return screen->unchecked > 0;
}
