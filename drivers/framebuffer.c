/* Text on the machine's screen: see framebuffer.h.
 *
 * A character is drawn row by row, two pixels with a store; rows that look as they did before are
 * left out, which are most. */
#include "drivers/framebuffer.h"

#include "arch/instructions.h"
#include "drivers/text_screen.h"

#define GLYPH_WIDTH  8
#define GLYPH_HEIGHT 16
#define GLYPH_FIRST  ' '
#define LARGE_WIDTH  2560 /* from here on pixels are small: characters get twice the size */
#define BACKGROUND   0x0e1420

/* drivers/font.asm: 16 rows of 8 pixels for each of the characters 32 to 126, leftmost pixel in
 * bit 7. */
extern const uint8_t font[][GLYPH_HEIGHT];

static const uint32_t style_rgb[TEXT_STYLES] = {
    [TEXT_PLAIN] = 0xd5dae3, [TEXT_ACCENT] = 0x7fc7ff, [TEXT_GOOD] = 0x8fdb7b,
    [TEXT_BAD] = 0xff7b72,   [TEXT_FAINT] = 0x7c8798,
};

/* Two neighbouring pixels, the left one in the lower half. */
typedef uint64_t pixel_pair __attribute__((aligned(4)));

static struct framebuffer fb;
static struct text_screen screen;
static bool cleared;
static uint32_t scale;                     /* 0: there is no screen */
static uint64_t origin;                    /* of the first character, in pixels */
static pixel_pair pair_of[TEXT_STYLES][4]; /* by the two bits of a glyph */

static uint32_t pixel_of(uint32_t rgb)
{
    return fb.blue_first ? rgb : (rgb & 0xff) << 16 | (rgb & 0xff00) | rgb >> 16;
}

static void mix_colours(void)
{
    uint64_t back = pixel_of(BACKGROUND);

    for (unsigned style = 0; style < TEXT_STYLES; style++) {
        uint64_t text = pixel_of(style_rgb[style]);
        pair_of[style][0] = back << 32 | back;
        pair_of[style][1] = text << 32 | back;
        pair_of[style][2] = back << 32 | text;
        pair_of[style][3] = text << 32 | text;
    }
}

static void clear(void)
{
    uint32_t *pixels = fb.pixels;

    for (uint32_t y = 0; y < fb.height; y++) {
        uint32_t *line = pixels + (uint64_t)y * fb.pixels_per_line;
        for (uint32_t x = 0; x + 1 < fb.width; x += 2)
            *(pixel_pair *)(line + x) = pair_of[TEXT_PLAIN][0];
        line[fb.width - 1] = (uint32_t)pair_of[TEXT_PLAIN][0];
    }
}

void framebuffer_init(const struct framebuffer *framebuffer)
{
    uint32_t size = framebuffer->width >= LARGE_WIDTH ? 2 : 1;
    uint32_t columns = framebuffer->width / (GLYPH_WIDTH * size);
    uint32_t rows = framebuffer->height / (GLYPH_HEIGHT * size);

    /* With a margin of one character on each side. */
    if (columns < 3 || rows < 3 || framebuffer->pixels_per_line < framebuffer->width)
        return;
    fb = *framebuffer;
    scale = size;
    text_screen_init(&screen, columns - 2, rows - 2);
    origin = (uint64_t)GLYPH_HEIGHT * scale * fb.pixels_per_line + GLYPH_WIDTH * scale;
    mix_colours();
}

void framebuffer_move(void *pixels)
{
    if (scale)
        fb.pixels = pixels;
}

static void draw_row(pixel_pair *to, const pixel_pair *pairs, uint32_t bits)
{
    if (scale == 1) {
        to[0] = pairs[bits >> 6];
        to[1] = pairs[bits >> 4 & 3];
        to[2] = pairs[bits >> 2 & 3];
        to[3] = pairs[bits & 3];
        return;
    }
    for (unsigned i = 0; i < GLYPH_WIDTH; i++)
        to[i] = pairs[bits >> (GLYPH_WIDTH - 1 - i) & 1 ? 3 : 0];
}

static void draw_cell(void *context, uint32_t row, uint32_t column, struct text_cell before,
                      struct text_cell now)
{
    uint64_t cell =
        (uint64_t)row * GLYPH_HEIGHT * scale * fb.pixels_per_line + column * GLYPH_WIDTH * scale;
    uint32_t *to = (uint32_t *)fb.pixels + origin + cell;
    const uint8_t *old = font[before.character - GLYPH_FIRST];
    const uint8_t *new = font[now.character - GLYPH_FIRST];

    (void)context;
    for (unsigned y = 0; y < GLYPH_HEIGHT; y++, to += (uint64_t)scale * fb.pixels_per_line) {
        if (new[y] == old[y] && (new[y] == 0 || now.style == before.style))
            continue;
        for (uint32_t i = 0; i < scale; i++)
            draw_row((pixel_pair *)(to + (uint64_t)i * fb.pixels_per_line), pair_of[now.style],
                     new[y]);
    }
}

void framebuffer_write(const char *text, size_t size)
{
    if (!fb.pixels)
        return;
    if (!cleared)
        clear();
    cleared = true;
    text_screen_put(&screen, text, size);
    text_screen_draw(&screen, draw_cell, NULL);
    store_fence();
}
