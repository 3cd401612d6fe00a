/* The report of the machine's capabilities, which the boot loader prints first.
 *
 * It is limited to about a dozen lines: a line costs an emulated machine some 300,000 instructions,
 * most of them spent waiting for the serial port. Read next: refusal.h. */
#pragma once
#include "boot/refusal.h"
#include "lib/boot_info.h"

/* Describes this processor; works on any x86-64 processor. */
void report_read_processor(struct processor *processor);

/* Prints the report with screen_print(). Needs what machine_describe(), memory_map_read() and
 * machine_find_serial() fill in; `serial_problem` is what the last one has returned. */
void report_print(const struct processor *processor, const struct boot_info *info,
                  const char *serial_problem);

/* Prints what will be done against speculation, once the configuration has been read. */
void report_print_mitigations(const struct boot_info *info);
