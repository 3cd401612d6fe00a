/* What is typed: bytes from the machine's serial port and its keyboard, for a guest or as commands
 * to Pinwheel; and the periodic work of the consoles: sending the output that waits, printing
 * results.
 *
 * No maskable interrupt is accepted while a guest runs, so the boot CPU polls the port: every
 * CONSOLE_TICK_US while it is idle, and also while it is busy if a byte came in the last minute or
 * output waits; otherwise between two turns, at least every SLICE_US. In between the port's FIFOs
 * hold 16 bytes, which pasted text fills, and output empties, in 1.4 ms; a keyboard is slower. Read
 * next: console_keys.h, results.h, vmm/pc/serial.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "lib/time.h"

#define CONSOLE_TICK_US 500

/* If a poll is due: reads the port, and shows unfinished lines of the guests' consoles that are old
 * enough. On the boot CPU. */
void console_input_tick(void);
/* The TSC at which the next poll is due. TIME_NEVER: the CPU is not `idle`, and nobody types, so it
 * is soon enough between two turns. On the boot CPU. */
uint64_t console_input_next(bool idle);
