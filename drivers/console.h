/* What the hypervisor says to people: lines of text on every console that the machine has.
 *
 * Any CPU may print; a call's text comes out in one piece. */
#pragma once
#include <stddef.h>

void console_init(void);

/* Formats as lib/format.h does, at most CONSOLE_LINE bytes at a time. */
#define CONSOLE_LINE 512
void console_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void console_write(const char *text, size_t size);

/* Shows a line of `owner` as far as it has come: of the `size` bytes the first `shown` are out
 * already. Where another has printed since, the line begins again; where another's is unfinished,
 * that one is cut off. What the hypervisor prints is never cut. */
#define CONSOLE_SERIAL 1u
#define CONSOLE_SCREEN 2u
void console_line(unsigned outputs, const void *owner, const char *line, size_t shown, size_t size);

/* A byte that was typed on the serial port; -1: none. One CPU may call it, and does not wait for
 * those that print. */
int console_read(void);

/* Waits until everything is out: before the power goes. */
void console_drain(void);

/* For panic(): from now on the lock is not waited for. */
void console_break_lock(void);
