/* A guest's console: what the guest says, on the serial port and on the screen.
 *
 * A guest that is alone has the serial port to itself: each byte goes out at once and as it is. The
 * screen, and with several guests the serial port too, gets lines, so that guests do not cut into
 * each other's; then each begins with the guest's name. An unfinished line, a prompt for example,
 * is shown when the guest has been quiet for a while: of a guest that is alone, and of the one that
 * somebody types to. Lines of all others are whole, so that a program can read them. Read next:
 * drivers/console.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "arch/spinlock.h"

#define GUEST_CONSOLE_LINE 256

/* What a guest can speak by. Each makes lines of its own. */
enum guest_console_kind { GUEST_CONSOLE_SERIAL, GUEST_CONSOLE_VIRTIO, GUEST_CONSOLES };

struct guest_console {
    struct spinlock lock; /* any vCPU may write */
    const char *prefix;   /* the guest's name, or NULL: it is alone */
    uint32_t length;      /* of the line; with `shown` of it out already */
    uint32_t shown;
    uint64_t changed; /* TSC */
    uint8_t escape;   /* how far a terminal's escape sequence has come: 0 there is none */
    char line[GUEST_CONSOLE_LINE];
};

void guest_console_put(struct guest_console *console, char c);
/* Shows what is unfinished if it is old enough, and the guest alone or typed to. On a slow tick. */
void guest_console_tick(struct guest_console *console, uint64_t now, bool typed_to);
/* What is unfinished counts as not shown yet. */
void guest_console_again(struct guest_console *console);
/* Ends an unfinished line. */
void guest_console_flush(struct guest_console *console);
