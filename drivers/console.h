/* The hypervisor's output and input: lines of text, on the serial port and on the screen.
 *
 * Any CPU may print at any time; the text of one call is not interleaved with that of another.
 * Several sources share the outputs, each with lines of its own: the hypervisor, and each guest's
 * console.
 *
 * Both outputs are slow: a line of 100 bytes takes a serial port 9 ms. So printing only stores the
 * text, and the scheduler's CPUs send it in the background, step by step: nobody waits. A source
 * that prints without end, such as a guest, asks before whether there is room for it; it has to
 * come back later if its last byte still has CONSOLE_AHEAD bytes in front of it. So no source
 * delays another one's text by more than that, and those that print at the same time take turns.
 * Read next: uart.h, framebuffer.h, vmm/pc/guest_console.h. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Print to all outputs. console_print() formats as lib/format.h does; text beyond CONSOLE_LINE - 1
 * bytes is cut off. */
#define CONSOLE_LINE 512
void console_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void console_write(const char *text, size_t size);

/* Prints a line that says how the run ended, waits until it has been sent, and writes it to the
 * debug port too: programs that read it there are not deceived by a guest. */
void console_verdict(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Shows a line of `owner`, which may still be unfinished: `size` bytes so far, of which the first
 * `shown` have been shown before. On an output where another owner has printed since, the line is
 * shown from its beginning; another owner's unfinished line there is ended. `outputs` is a set of
 * CONSOLE_... Returns the line's position among all that is printed, for console_has_room(). */
#define CONSOLE_SERIAL 1u
#define CONSOLE_SCREEN 2u
uint64_t console_line(unsigned outputs, const void *owner, const char *line, size_t shown,
                      size_t size);

/* Until this is called, and again from console_drain() on, printing waits until all has been sent.
 */
void console_in_background(void);

/* Sends a part of what waits: never waits for the port, and takes some 10 us. Any CPU; whoever
 * waits for room, and the boot CPU as long as console_waits(). */
void console_step(void);
bool console_waits(void);

/* The position of the end of all that has been printed. */
uint64_t console_position(void);

/* Whether the source whose last text is at this position (0: none yet) may print a line now. */
#define CONSOLE_AHEAD 4096
bool console_has_room(uint64_t position);

/* The next byte received on the serial port, or -1. Only one CPU may call it; it never waits for
 * CPUs that print. */
int console_read(void);

/* Waits until all output has been sent, before the machine is switched off. */
void console_drain(void);

/* For panic(): from now on printing does not take the lock, whose holder may have been stopped, and
 * waits until all has been sent. */
void console_break_lock(void);
