/* A guest's console: its text goes out line by line, so that guests do not cut into each other's
 * lines. With several guests each line begins with the guest's name. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "arch/spinlock.h"

#define GUEST_CONSOLE_LINE 256

struct guest_console {
    struct spinlock lock; /* any vCPU may write */
    const char *prefix;   /* the guest's name, or NULL: no prefix */
    uint32_t length;
    char line[GUEST_CONSOLE_LINE + 1];
};

void guest_console_put(struct guest_console *console, char c);
/* What is left of an unfinished line. */
void guest_console_flush(struct guest_console *console);
