/* The machine's screen as one of the consoles: from the firmware's hands into ours. */
#pragma once
#include "lib/boot_info.h"

/* Under the loader's tables: nothing is drawn unless something is printed, which only panic() does
 * this early. */
void screen_prepare(const struct boot_framebuffer *screen);

/* Under our own: clears the screen and shows again what the boot loader said. */
void screen_start(const struct boot_info *info);
