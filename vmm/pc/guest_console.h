/* A guest's console: shows a guest's output on the machine's serial port and screen.
 *
 * If there is only one guest, it has the serial port to itself: each byte goes out at once and
 * unchanged. The screen, and with several guests the serial port too, gets whole lines, so that the
 * guests' output does not mix; with several guests each line begins with the guest's name. An
 * unfinished line, such as a prompt, is shown after a short silence, but only if the guest is the
 * only one or receives the keyboard's input: all other lines stay whole for programs that read
 * them. Each of a guest's output devices has a console of its own. Read next: drivers/console.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "arch/spinlock.h"

#define GUEST_CONSOLE_LINE 256

struct guest_console {
    struct spinlock lock; /* any vCPU may write */
    const char *prefix;   /* the guest's name; NULL: it is the only guest */
    uint32_t length;      /* of the unfinished line */
    uint32_t shown;       /* how much of it has been printed */
    uint64_t changed;     /* TSC at the last byte */
    uint8_t escape;       /* state of the escape-sequence filter; 0: outside of a sequence */
    char line[GUEST_CONSOLE_LINE];
};

void guest_console_put(struct guest_console *console, char c);
/* Periodic: shows an unfinished line that is old enough, if the guest is the only one or
 * `typed_to`.
 */
void guest_console_tick(struct guest_console *console, uint64_t now, bool typed_to);
/* The next tick shows the whole unfinished line again. */
void guest_console_again(struct guest_console *console);
/* Ends an unfinished line. */
void guest_console_flush(struct guest_console *console);
