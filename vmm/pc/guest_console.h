/* A guest's console: shows a guest's output on the machine's serial port and screen.
 *
 * A single guest has the serial port to itself: each byte is sent at once and unchanged. The
 * screen, and with several guests the serial port too, receives whole lines, so that the output of
 * guests does not mix; with several guests each line begins with the guest's name. An unfinished
 * line, such as a prompt, is shown after a short silence, but only if its guest is the only one or
 * receives the input: all other lines stay whole, for programs that read them. In lines, only
 * well-formed UTF-8 without control characters is shown. Each output device of a guest has a
 * console of its own.
 *
 * A guest that prints faster than the serial port sends has to wait, and delays only itself: what
 * it prints is not accepted, and the vCPU executes the instruction again when it has its next turn.
 * Any CPU may call. Read next: drivers/console.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "arch/spinlock.h"
#include "lib/utf8.h"

#define GUEST_CONSOLE_LINE 256

struct guest_console {
    struct spinlock lock;      /* protects the rest */
    const char *prefix;        /* the guest's name; NULL: it is the only guest */
    uint32_t length;           /* of the unfinished line */
    uint32_t shown;            /* how much of the unfinished line has been printed */
    uint64_t changed;          /* TSC at the last byte */
    _Atomic uint64_t position; /* of its last text, for console_has_room() */
    struct utf8 character;     /* that is not complete yet */
    uint8_t escape;            /* state of the escape-sequence filter; 0: outside of a sequence */
    char line[GUEST_CONSOLE_LINE];
};

/* The guest prints a character. */
void guest_console_put(struct guest_console *console, char c);
/* False: the guest has to wait before it prints the next byte. Then some of the waiting output is
 * sent. */
bool guest_console_has_room(struct guest_console *console);
/* To call periodically, with the TSC: shows an unfinished line that is old enough, if the guest is
 * the only one or somebody is typing for it. */
void guest_console_tick(struct guest_console *console, uint64_t now, bool typed_to);
/* Makes the next tick show the whole unfinished line again. */
void guest_console_again(struct guest_console *console);
/* Ends an unfinished line. */
void guest_console_flush(struct guest_console *console);
