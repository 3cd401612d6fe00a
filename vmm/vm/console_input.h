/* The keyboard: bytes from the machine's serial port, and the periodic work of the consoles.
 *
 * No maskable interrupt is accepted while a guest runs, so the boot CPU polls the port: every
 * CONSOLE_TICK_US while it is idle, and also while it is busy if a byte came in the last minute;
 * otherwise between two turns, at least every SLICE_US. The port buffers 16 bytes, 1.4 ms of a
 * paste, in between. Read next: console_keys.h, vmm/pc/serial.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "lib/time.h"

#define CONSOLE_TICK_US 500

/* On the boot CPU: polls if a poll is due. */
void console_input_tick(void);
/* TSC: when the next poll is due; TIME_NEVER: for a busy CPU, between two turns is soon enough. */
uint64_t console_input_next(bool idle);
