/* Which graphics modes can be drawn on: see graphics.h. */
#include "boot/graphics.h"

#define LOW    0x0000ffu
#define MIDDLE 0x00ff00u
#define HIGH   0xff0000u

static bool is_consecutive(uint32_t mask) {
    uint32_t lowest = mask & -mask;

    return mask && !((mask + lowest) & mask);
}

/* The bytes up to the highest bit of any mask, that of the unused bits included. */
static uint32_t size_of_pixel(uint32_t bits) {
    uint32_t size = 4;

    while (size > 1 && !(bits >> (8 * size - 8)))
        size--;
    return size;
}

bool graphics_framebuffer(const struct graphics_mode *mode, struct boot_framebuffer *framebuffer) {
    struct boot_framebuffer f = {.base = mode->base,
                                 .size = mode->size,
                                 .width = mode->width,
                                 .height = mode->height,
                                 .pixels_per_line = mode->pixels_per_line,
                                 .pixel_size = 4,
                                 .green = MIDDLE};

    switch (mode->format) {
    case GRAPHICS_RGB:
        f.red = LOW, f.blue = HIGH;
        break;
    case GRAPHICS_BGR:
        f.red = HIGH, f.blue = LOW;
        break;
    case GRAPHICS_BIT_MASK:
        f.red = mode->red, f.green = mode->green, f.blue = mode->blue;
        f.pixel_size = size_of_pixel(f.red | f.green | f.blue | mode->unused);
        break;
    default:
        return false;
    }
    uint64_t line = (uint64_t)f.pixel_size * f.pixels_per_line;
    if (!is_consecutive(f.red) || !is_consecutive(f.green) || !is_consecutive(f.blue) ||
        (f.red & f.green) || (f.red & f.blue) || (f.green & f.blue) || !f.base || !f.width ||
        !f.height || f.pixels_per_line < f.width || line > f.size / f.height)
        return false;
    *framebuffer = f;
    return true;
}
