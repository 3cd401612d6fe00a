/* Text on the machine's screen: see framebuffer.h. */
#include "drivers/framebuffer.h"

#include "arch/instructions.h"
#include "drivers/text_screen.h"

#define GLYPH_WIDTH  8u
#define GLYPH_HEIGHT 16u
#define GLYPH_FIRST  ' '
#define LARGE_WIDTH  2560 /* from this width on, pixels are so small that glyphs are doubled */
#define BACKGROUND   0x0e1420

/* In drivers/font.asm: 16 rows of 8 pixels for each of the characters 32 to 126; bit 7 is the
 * leftmost pixel. */
extern const uint8_t font[][GLYPH_HEIGHT];

static const uint32_t style_rgb[] = {
    [TEXT_PLAIN] = 0xd5dae3, [TEXT_GOOD] = 0x8fdb7b, [TEXT_BAD] = 0xff7b72};

static struct framebuffer fb;
static struct text_screen screen;
static bool present, cleared;
static uint32_t shift; /* a dot of a glyph is 1 << shift pixels wide and high */

static uint32_t pixel_of(uint32_t rgb) {
    return fb.blue_first ? rgb : (rgb & 0xff) << 16 | (rgb & 0xff00) | rgb >> 16;
}

static uint32_t *pixel_at(uint32_t x, uint32_t y) {
    return (uint32_t *)fb.pixels + (uint64_t)y * fb.pixels_per_line + x;
}

void framebuffer_init(const struct framebuffer *framebuffer) {
    shift = framebuffer->width >= LARGE_WIDTH;
    uint32_t columns = framebuffer->width / (GLYPH_WIDTH << shift);
    uint32_t rows = framebuffer->height / (GLYPH_HEIGHT << shift);

    /* There is a margin of one character on each side. */
    present = columns >= 3 && rows >= 3 && framebuffer->pixels_per_line >= framebuffer->width;
    if (!present)
        return;
    fb = *framebuffer;
    text_screen_init(&screen, columns - 2, rows - 2);
}

void framebuffer_move(void *pixels) {
    if (present)
        fb.pixels = pixels;
}

static void framebuffer_clear(void) {
    for (uint32_t y = 0; y < fb.height; y++) {
        for (uint32_t x = 0; x < fb.width; x++)
            *pixel_at(x, y) = pixel_of(BACKGROUND);
    }
}

/* A text_draw. */
static void framebuffer_draw_cell(void *context, uint32_t row, uint32_t column,
                                  struct text_cell cell) {
    uint32_t left = (column + 1) * (GLYPH_WIDTH << shift);
    uint32_t top = (row + 1) * (GLYPH_HEIGHT << shift);
    uint32_t text = pixel_of(style_rgb[cell.style]), back = pixel_of(BACKGROUND);
    const uint8_t *glyph = font[cell.character - GLYPH_FIRST];

    (void)context;
    for (uint32_t y = 0; y < GLYPH_HEIGHT << shift; y++) {
        for (uint32_t x = 0; x < GLYPH_WIDTH << shift; x++)
            *pixel_at(left + x, top + y) = glyph[y >> shift] << (x >> shift) & 0x80 ? text : back;
    }
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
