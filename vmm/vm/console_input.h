/* What is typed on the machine's serial port, and the slow tick of the consoles.
 *
 * The boot CPU looks at the port, since no maskable interrupt is taken while a guest runs: each
 * CONSOLE_TICK_US when it has nothing to do, and when it is busy but somebody has typed in the last
 * minute; else between two turns, at least each SLICE_US. The port keeps 16 bytes, 1.4 ms of a
 * paste, until then. Read next: console_keys.h, devices/serial.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define CONSOLE_TICK_US 500

/* On the boot CPU, as often as it likes: does something only when it is due. */
void console_input_tick(void);
/* TSC: when it is due; to a CPU that is not idle, UINT64_MAX: between two turns will do. */
uint64_t console_input_next(bool idle);
