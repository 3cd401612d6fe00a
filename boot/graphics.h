/* Whether a mode of the Graphics Output Protocol is a framebuffer that can be drawn on.
 *
 * A machine may have several such protocols: of each display, of a splitter that mirrors them,
 * which may have no framebuffer at all, and of a serial console. Pure. UEFI 2.10, "Graphics Output
 * Protocol". Read next: machine.c. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "lib/boot_info.h"

/* EFI_GRAPHICS_PIXEL_FORMAT */
enum graphics_format { GRAPHICS_RGB, GRAPHICS_BGR, GRAPHICS_BIT_MASK, GRAPHICS_BLT_ONLY };

struct graphics_mode {
    uint32_t format;                   /* enum graphics_format */
    uint32_t red, green, blue, unused; /* the masks of GRAPHICS_BIT_MASK */
    uint32_t width, height, pixels_per_line;
    uint64_t base, size; /* of the framebuffer */
};

/* Fills in *framebuffer if the mode has pixels in memory, of one to four bytes, in which each
 * colour has bits of its own, side by side. Else returns false and leaves it unchanged. */
bool graphics_framebuffer(const struct graphics_mode *mode, struct boot_framebuffer *framebuffer);
