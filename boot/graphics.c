/* Which graphics modes can be drawn on: see graphics.h. */
#include "boot/graphics.h"

#define LOW    0x0000ffu
#define MIDDLE 0x00ff00u
#define HIGH   0xff0000u

static bool has_masks(const struct graphics_mode *mode, uint32_t red, uint32_t blue) {
    return mode->format == GRAPHICS_BIT_MASK && mode->red == red && mode->green == MIDDLE &&
           mode->blue == blue;
}

bool graphics_framebuffer(const struct graphics_mode *mode, struct boot_framebuffer *framebuffer) {
    bool blue_first = mode->format == GRAPHICS_BGR || has_masks(mode, HIGH, LOW);
    bool red_first = mode->format == GRAPHICS_RGB || has_masks(mode, LOW, HIGH);
    uint64_t size = 4ULL * mode->pixels_per_line * mode->height;

    if (!(blue_first || red_first) || !mode->base || !mode->width || !mode->height ||
        mode->pixels_per_line < mode->width || size > mode->size)
        return false;
    *framebuffer = (struct boot_framebuffer){
        .base = mode->base,
        .size = mode->size,
        .width = mode->width,
        .height = mode->height,
        .pixels_per_line = mode->pixels_per_line,
        .blue_first = blue_first,
    };
    return true;
}
