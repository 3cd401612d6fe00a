/* The hypervisor's output and input: lines of text, on the serial port and on the screen.
 *
 * Any CPU may print at any time; the text of one call is not interleaved with that of another.
 * Several sources share the outputs, each with lines of its own: the hypervisor, and each guest's
 * console. Read next: uart.h, framebuffer.h, vmm/pc/guest_console.h. */
#pragma once
#include <stddef.h>

/* Sets up the serial port; once, before anything is printed. For the screen: framebuffer_init(). */
void console_init(void);

/* Print to all outputs. console_print() formats as lib/format.h does; text beyond CONSOLE_LINE - 1
 * bytes is cut off. */
#define CONSOLE_LINE 512
void console_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void console_write(const char *text, size_t size);

/* Shows a line of `owner`, which may still be unfinished: `size` bytes so far, of which the first
 * `shown` have been shown before. On an output where another owner has printed since, the line is
 * shown from its beginning; another owner's unfinished line there is ended. `outputs` is a set of
 * CONSOLE_... */
#define CONSOLE_SERIAL 1u
#define CONSOLE_SCREEN 2u
void console_line(unsigned outputs, const void *owner, const char *line, size_t shown, size_t size);

/* The next byte received on the serial port, or -1. Only one CPU may call it; it never waits for
 * CPUs that print. */
int console_read(void);

/* Waits until all output has been sent, before the machine is switched off. */
void console_drain(void);

/* For panic(): from now on printing does not take the lock, whose holder may have been stopped. */
void console_break_lock(void);
