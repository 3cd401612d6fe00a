/* The guests: the configuration file and the files that it names, in memory.
 *
 * The one step of the boot loader where the user's own text decides. Read next: config.h, files.h.
 */
#pragma once
#include "lib/boot_info.h"

/* Reads everything into info->guest. Mistakes are printed, each as "PINWHEEL config: ...";
 * info->guest_count includes the guests that are not to be started for one. Returns NULL, or why no
 * guest can be started, in words. */
const char *guests_read(struct boot_info *info);
