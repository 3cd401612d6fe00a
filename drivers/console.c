/* What the hypervisor says to people: see console.h. */
#include "drivers/console.h"

#include <stdarg.h>
#include <stdbool.h>

#include "arch/spinlock.h"
#include "drivers/format.h"
#include "drivers/framebuffer.h"
#include "drivers/uart.h"

static struct spinlock lock;
static bool lock_broken;

void console_init(void) {
    uart_init();
}

/* Serial terminals want a carriage return before each newline. */
static void put_serial(const char *text, size_t size) {
    size_t start = 0;

    for (size_t i = 0; i < size; i++) {
        if (text[i] != '\n')
            continue;
        uart_write(text + start, i - start);
        uart_write("\r\n", 2);
        start = i + 1;
    }
    uart_write(text + start, size - start);
}

void console_write(const char *text, size_t size) {
    bool locked = !lock_broken;

    if (locked)
        spin_lock(&lock);
    put_serial(text, size);
    framebuffer_write(text, size);
    if (locked)
        spin_unlock(&lock);
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

void console_drain(void) {
    uart_drain();
}

void console_break_lock(void) {
    lock_broken = true;
}
