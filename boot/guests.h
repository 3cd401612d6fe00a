/* Reads the configuration file and the files that it names into memory.
 *
 * Read next: config.h, files.h. */
#pragma once
#include "lib/boot_info.h"

/* Fills in info->guest and guest_count, and the regions again, since the files take memory. Prints
 * each mistake as "PINWHEEL config: ..."; a guest with a mistake is counted but has its `problem`
 * set. Returns NULL, or why no guest can be started, in words. */
const char *guests_read(struct boot_info *info);
