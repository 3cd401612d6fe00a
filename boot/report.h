/* What the user is told before anything starts: what this machine has of what Pinwheel needs.
 *
 * Kept to about a dozen lines: a line costs an emulated machine some 300,000 instructions, most of
 * them spent in waiting for the serial port. Read next: refusal.h. */
#pragma once
#include "boot/refusal.h"
#include "lib/boot_info.h"

/* Asks the processor; any x86-64 processor can be asked. */
void report_read_processor(struct processor *processor);

/* About a dozen lines. */
void report_print(const struct processor *processor, const struct boot_info *info);
