/* A screen of text: a grid of characters, which of them changed, and where the next one goes.
 *
 * Text comes in at the bottom and the oldest lines leave at the top. A full screen moves up by a
 * quarter at once: moving costs a redraw of nearly everything, so that it is done once for many
 * lines. Pure: whoever owns the pixels asks for the changes and draws them. Read next:
 * framebuffer.h. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define TEXT_COLUMNS_MAX 240
#define TEXT_ROWS_MAX    128

/* A machine's screen is read from two metres away: results are green or red. */
enum text_style { TEXT_PLAIN, TEXT_GOOD, TEXT_BAD };

/* The style of a line, by how it begins. `line` ends at its newline or at `size`, whichever comes
 * first. A guest's name in brackets at the beginning does not count. */
enum text_style text_style_of(const char *line, size_t size);

/* One character: ASCII 32 to 126, and in which style. */
struct text_cell {
    uint8_t character;
    uint8_t style; /* enum text_style */
};

struct text_screen {
    uint32_t columns, rows;
    uint32_t column, row;  /* of the next character; one past the end: move on first */
    enum text_style style; /* of the line that is being written */
    struct text_cell cell[TEXT_ROWS_MAX][TEXT_COLUMNS_MAX];
    struct text_cell drawn[TEXT_ROWS_MAX][TEXT_COLUMNS_MAX];
};

/* Makes an empty screen of so many cells, or the most there can be, and at least one. What the
 * owner of the pixels shows must be empty too. */
void text_screen_init(struct text_screen *screen, uint32_t columns, uint32_t rows);

/* Adds text: newline and tab as usual, carriage return nothing, any other character outside ASCII's
 * printable ones is a question mark (one for a whole UTF-8 character). */
void text_screen_put(struct text_screen *screen, const char *text, size_t size);

/* Calls `draw` for each cell that is not what it was at the last call. */
typedef void text_draw(void *context, uint32_t row, uint32_t column, struct text_cell cell);
void text_screen_draw(struct text_screen *screen, text_draw *draw, void *context);
