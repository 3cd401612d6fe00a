/* The machine's screen, which the firmware has described, as one of the consoles. Read next:
 * drivers/framebuffer.h. */
#pragma once
#include "lib/boot_info.h"

/* Prepares the screen while the boot loader's page tables are in use. Only panic() prints this
 * early.
 */
void screen_prepare(const struct boot_framebuffer *screen);

/* Under the hypervisor's own page tables: clears the screen and prints the boot loader's report on
 * it again. No screen is used if it cannot be mapped. */
void screen_start(const struct boot_info *info);
