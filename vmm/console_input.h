/* What is typed on the machine's serial port, and the slow tick of the consoles.
 *
 * The boot CPU looks at the port, since no maskable interrupt is taken while a guest runs: when it
 * has nothing to do each CONSOLE_TICK_US, else between two turns, at least each SLICE_US. The port
 * keeps 16 bytes until then, and more while something is printed: who types loses nothing, who
 * pastes to a busy machine may. Read next:
 * console_keys.h, devices/serial.h. */
#pragma once
#include <stdint.h>

#define CONSOLE_TICK_US 500

/* On the boot CPU, as often as it likes: does something only when it is due. */
void console_input_tick(void);
/* TSC: when it is due. */
uint64_t console_input_next(void);
