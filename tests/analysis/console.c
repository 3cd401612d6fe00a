/* What is printed on the machine's screen, guests' output included: any texts, on a screen of any
 * size. A file that the firmware reads, of which each call may return any number of bytes.
 * Assumed: a text and a file are as large as their reader is told, here of sizes that stand for
 * others; a screen is the work of text_screen_init(). */
#include "boot/pieces.h"
#include "drivers/text_screen.h"
#include "tests/analysis/any.h"

static struct text_screen screen;
static char text[300];

static uint8_t file[3 * PIECE_SIZE];

static bool read_piece(void *context, void *to, uint64_t *size) {
    (void)context;
    *(uint8_t *)to = (uint8_t)any();
    *size = any();
    return any_bool();
}

static void draw(void *context, uint32_t row, uint32_t column, struct text_cell cell) {
    (void)context;
    (void)cell;
    claim(row < TEXT_ROWS_MAX && column < TEXT_COLUMNS_MAX);
}

int main(void) {
    pieces_read(read_piece, NULL, file, any_below(sizeof(file) + 1));
    text_screen_init(&screen, (uint32_t)any(), (uint32_t)any());
    while (any_bool()) {
        any_bytes(text, sizeof(text));
        text_screen_put(&screen, text, any_below(sizeof(text) + 1));
        text_screen_make_room(&screen, (uint32_t)any());
        text_screen_draw(&screen, (uint32_t)any(), draw, NULL);
        text_style_of(slice_of(text, any_below(sizeof(text) + 1)));
    }
    return 0;
}
