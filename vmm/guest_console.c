/* A guest's console: see guest_console.h. */
#include "vmm/guest_console.h"

#include "drivers/console.h"

static void flush(struct guest_console *console) {
    if (!console->length)
        return;
    console->line[console->length] = 0;
    if (console->prefix)
        console_print("[%s] %s\n", console->prefix, console->line);
    else
        console_print("%s\n", console->line);
    console->length = 0;
}

void guest_console_put(struct guest_console *console, char c) {
    spin_lock(&console->lock);
    if (c == '\n') {
        if (!console->length)
            console->line[console->length++] = ' ';
        flush(console);
    } else if (c != '\r') {
        /* Control characters could fool the reader's terminal. */
        console->line[console->length++] = c == '\t' || (uint8_t)c >= ' ' ? c : '?';
        if (console->length == GUEST_CONSOLE_LINE)
            flush(console);
    }
    spin_unlock(&console->lock);
}

void guest_console_flush(struct guest_console *console) {
    spin_lock(&console->lock);
    flush(console);
    spin_unlock(&console->lock);
}
