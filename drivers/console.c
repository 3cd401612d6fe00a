/* The hypervisor's output: see console.h. */
#include "drivers/console.h"

#include <stdarg.h>
#include <stdbool.h>

#include "arch/spinlock.h"
#include "drivers/framebuffer.h"
#include "drivers/uart.h"
#include "lib/format.h"

static struct spinlock lock;
static bool lock_broken;

/* The owner of the unfinished line on each output; NULL: the last line is finished. */
static const void *open_on_serial, *open_on_screen;

void console_init(void) {
    uart_init();
}

/* Adds a carriage return before each newline, which serial terminals need. */
static void console_to_serial(const char *text, size_t size) {
    static char last;

    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\n' && last != '\r')
            uart_write('\r');
        uart_write((uint8_t)text[i]);
        last = text[i];
    }
}

/* Shows the line on one output, see console_line(). `open` is the owner of its unfinished line. */
static void console_show(void (*output)(const char *, size_t), const void **open, const void *owner,
                         const char *line, size_t shown, size_t size) {
    bool is_open = *open == owner;

    if (*open && !is_open)
        output("\n", 1);
    if (!is_open)
        shown = 0;
    output(line + shown, size - shown);
    *open = size && line[size - 1] == '\n' ? NULL : owner;
}

void console_line(unsigned outputs, const void *owner, const char *line, size_t shown,
                  size_t size) {
    bool locked = !lock_broken;

    if (locked)
        spin_lock(&lock);
    if (outputs & CONSOLE_SERIAL)
        console_show(console_to_serial, &open_on_serial, owner, line, shown, size);
    if (outputs & CONSOLE_SCREEN)
        console_show(framebuffer_write, &open_on_screen, owner, line, shown, size);
    if (locked)
        spin_unlock(&lock);
}

void console_write(const char *text, size_t size) {
    console_line(CONSOLE_SERIAL | CONSOLE_SCREEN, NULL, text, 0, size);
}

void console_print(const char *fmt, ...) {
    char line[CONSOLE_LINE];
    va_list args;

    va_start(args, fmt);
    int length = format_va(line, sizeof(line), fmt, args);
    va_end(args);
    size_t size = length < 0 ? 0 : (size_t)length;
    console_write(line, size < sizeof(line) ? size : sizeof(line) - 1);
}

int console_read(void) {
    if (spin_try_lock(&lock)) {
        uart_poll();
        spin_unlock(&lock);
    }
    return uart_read();
}

void console_drain(void) {
    uart_drain();
}

void console_break_lock(void) {
    lock_broken = true;
}
