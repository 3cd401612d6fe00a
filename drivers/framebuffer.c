/* Text on the machine's screen: see framebuffer.h. */
#include "drivers/framebuffer.h"

#include "arch/instructions.h"
#include "drivers/text_screen.h"

#define GLYPH_WIDTH  8u
#define GLYPH_HEIGHT 16u
#define GLYPH_FIRST  ' '
#define LARGE_WIDTH  2560 /* from this width on, pixels are so small that glyphs are doubled */
#define BACKGROUND   0x0e1420
#define STRIP_WORDS  8 /* at most: 8 dots of 2 pixels of 4 bytes */

/* In drivers/font.asm: 16 rows of 8 pixels for each of the characters 32 to 126; bit 7 is the
 * leftmost pixel. */
extern const uint8_t font[][GLYPH_HEIGHT];

static const uint32_t style_rgb[] = {
    [TEXT_PLAIN] = 0xd5dae3, [TEXT_GOOD] = 0x8fdb7b, [TEXT_BAD] = 0xff7b72};

static struct framebuffer fb;
static struct text_screen screen;
static bool present, cleared;
static uint32_t margin_columns, margin_rows; /* in characters, on each side */
static uint32_t shift; /* a dot of a glyph is 1 << shift pixels wide and high */

/* A colour of 8 bits in the bits of its mask. */
static uint32_t in_mask(uint32_t colour, uint32_t mask) {
    uint32_t bits = (uint32_t)__builtin_popcount(mask);
    uint32_t most = bits < 8 ? colour >> (8 - bits) : colour << (bits - 8);

    return most << __builtin_ctz(mask);
}

static uint32_t pixel_of(uint32_t rgb) {
    return in_mask(rgb >> 16, fb.red) | in_mask(rgb >> 8 & 0xff, fb.green) |
           in_mask(rgb & 0xff, fb.blue);
}

static uint8_t *pixel_at(uint32_t x, uint32_t y) {
    return (uint8_t *)fb.pixels + ((uint64_t)y * fb.pixels_per_line + x) * fb.pixel_size;
}

/* ---- strips: the pixels of eight dots side by side, which are a whole number of words ---- */

struct strip {
    uint64_t word[STRIP_WORDS];
    uint32_t words;
};

static struct strip make_strip(uint8_t dots, uint32_t on, uint32_t off) {
    struct strip strip = {.words = fb.pixel_size << shift};
    uint8_t *byte = (uint8_t *)strip.word;

    for (uint32_t x = 0; x < GLYPH_WIDTH << shift; x++, byte += fb.pixel_size) {
        uint32_t pixel = dots << (x >> shift) & 0x80 ? on : off;

        for (uint32_t i = 0; i < fb.pixel_size; i++)
            byte[i] = (uint8_t)(pixel >> 8 * i);
    }
    return strip;
}

/* Stores the beginning of the strip, this many bytes of it. */
static void draw_strip(const struct strip *strip, uint8_t *to, uint32_t bytes) {
    uint32_t i = 0;

    for (; i + 8 <= bytes; i += 8)
        __builtin_memcpy(to + i, &strip->word[i / 8], 8);
    for (; i < bytes; i++)
        to[i] = ((const uint8_t *)strip->word)[i];
}

void framebuffer_init(const struct framebuffer *framebuffer) {
    shift = framebuffer->width >= LARGE_WIDTH;
    uint32_t columns = framebuffer->width / (GLYPH_WIDTH << shift);
    uint32_t rows = framebuffer->height / (GLYPH_HEIGHT << shift);

    present = columns && rows && framebuffer->pixels_per_line >= framebuffer->width;
    if (!present)
        return;
    fb = *framebuffer;
    cleared = false;
    margin_columns = columns >= FRAMEBUFFER_COLUMNS + 2;
    margin_rows = rows >= FRAMEBUFFER_ROWS + 2;
    text_screen_init(&screen, columns - 2 * margin_columns, rows - 2 * margin_rows);
}

void framebuffer_move(void *pixels) {
    if (present)
        fb.pixels = pixels;
}

static void framebuffer_clear(void) {
    struct strip blank = make_strip(0, 0, pixel_of(BACKGROUND));
    uint32_t line = fb.width * fb.pixel_size, step = 8 * blank.words;

    for (uint32_t y = 0; y < fb.height; y++) {
        for (uint32_t at = 0; at < line; at += step)
            draw_strip(&blank, pixel_at(0, y) + at, line - at < step ? line - at : step);
    }
}

/* A text_draw. */
static void framebuffer_draw_cell(void *context, uint32_t row, uint32_t column,
                                  struct text_cell cell) {
    uint32_t left = (column + margin_columns) * (GLYPH_WIDTH << shift);
    uint32_t top = (row + margin_rows) * (GLYPH_HEIGHT << shift);
    uint32_t text = pixel_of(style_rgb[cell.style]), back = pixel_of(BACKGROUND);
    const uint8_t *glyph = font[cell.character - GLYPH_FIRST];

    (void)context;
    for (uint32_t y = 0; y < GLYPH_HEIGHT << shift; y++) {
        struct strip strip = make_strip(glyph[y >> shift], text, back);

        draw_strip(&strip, pixel_at(left, top + y), 8 * strip.words);
    }
}

void framebuffer_make_room(uint32_t rows) {
    if (present)
        text_screen_make_room(&screen, rows);
}

void framebuffer_write(const char *text, size_t size) {
    if (!fb.pixels)
        return;
    if (!cleared)
        framebuffer_clear();
    cleared = true;
    text_screen_put(&screen, text, size);
}

bool framebuffer_draw(uint32_t most) {
    if (!fb.pixels)
        return false;
    bool more = text_screen_draw(&screen, most, framebuffer_draw_cell, NULL);
    store_fence();
    return more;
}
