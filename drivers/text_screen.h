/* A screen of text: a grid of characters, the position of the next one, and which of them changed.
 *
 * New text appears at the bottom and the oldest lines disappear at the top. A full screen moves up
 * by a quarter of its rows at once, because a move redraws nearly the whole screen. The owner of
 * the pixels draws the cells that changed. Pure. Read next: framebuffer.h. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/text.h"

#define TEXT_COLUMNS_MAX 240
#define TEXT_ROWS_MAX    128

/* Results are shown in green or red, to be seen from a distance. */
enum text_style { TEXT_PLAIN, TEXT_GOOD, TEXT_BAD };

/* The style of the first line of a text. A guest's name in brackets at its beginning does not
 * count. */
enum text_style text_style_of(struct slice text);

/* A character, ASCII 32 to 126, and its style. */
struct text_cell {
    uint8_t character;
    uint8_t style; /* enum text_style */
};

struct text_screen {
    uint32_t columns, rows;
    uint32_t column, row;           /* of the next character; one past the end: a new row first */
    enum text_style style;          /* of the current line */
    uint32_t next_row, next_column; /* the cell to check next, row by row and round */
    uint32_t unchecked;             /* how many cells from there on may have changed */
    struct text_cell cell[TEXT_ROWS_MAX][TEXT_COLUMNS_MAX];
    struct text_cell drawn[TEXT_ROWS_MAX][TEXT_COLUMNS_MAX]; /* by text_screen_draw() */
};

/* Makes an empty screen. `columns` and `rows` are clamped to 1 to TEXT_..._MAX. The owner's pixels
 * must show an empty screen too. */
void text_screen_init(struct text_screen *screen, uint32_t columns, uint32_t rows);

/* Appends text. Newline and tab act as usual, carriage returns are ignored, and every other
 * character that is not printable ASCII, even if it has several bytes in UTF-8, becomes a question
 * mark. */
void text_screen_put(struct text_screen *screen, const char *text, size_t size);

/* Makes room for so many rows of text: moves the text up as far as it takes, and begins a new row.
 */
void text_screen_make_room(struct text_screen *screen, uint32_t rows);

/* Calls `draw` for cells that have changed since they were drawn, at most this many. Returns false
 * if all have been drawn. */
typedef void text_draw(void *context, uint32_t row, uint32_t column, struct text_cell cell);
bool text_screen_draw(struct text_screen *screen, uint32_t most, text_draw *draw, void *context);
