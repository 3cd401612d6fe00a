/* The hypervisor's output: see console.h.
 *
 *     console_line() --> ring --------> the UART's FIFO of 16 bytes
 *                    --> text_screen --> pixels
 *
 * Printing fills the left side, which takes a time that depends on nothing outside. A step moves on
 * the right side what a FIFO holds and some cells of the screen. */
#include "drivers/console.h"

#include <stdarg.h>
#include <stdbool.h>

#include "arch/spinlock.h"
#include "drivers/debug_port.h"
#include "drivers/framebuffer.h"
#include "drivers/uart.h"
#include "lib/format.h"

/* What guests may have waiting, what they make the hypervisor say, and a piece of results, are far
 * less than that. */
#define RING_SIZE (256u << 10)
/* Of the screen's, redrawn in one step: at most 32 KiB of pixels. */
#define CELLS_PER_STEP 32

static struct spinlock lock;
static bool lock_broken;
static bool in_background; /* others call console_step() */

/* The bytes for the serial port, numbered from the first one that was printed: from `sent` to `end`
 * they wait in the ring. Any CPU reads the two; the lock's holder writes them. */
static char ring[RING_SIZE];
static _Atomic uint64_t end, sent;
static atomic_bool screen_waits;

/* The owner of the unfinished line on each output; NULL: the last line is finished. */
static const void *open_on_serial, *open_on_screen;

/* ---- to the devices; the caller holds the lock ---- */

static uint64_t position_of(const _Atomic uint64_t *count) {
    return atomic_load_explicit(count, memory_order_relaxed);
}

static void advance(_Atomic uint64_t *count) {
    atomic_store_explicit(count, position_of(count) + 1, memory_order_relaxed);
}

/* Moves waiting bytes to the port as far as it has room. Also if none wait: what the port has
 * received is read too, which console_read() cannot do while this CPU holds the lock. */
static void serial_step(void) {
    unsigned room = uart_room();

    if (!uart_is_present())
        atomic_store(&sent, position_of(&end));
    for (; room && position_of(&sent) < position_of(&end); room--) {
        uart_write((uint8_t)ring[position_of(&sent) % RING_SIZE]);
        advance(&sent);
    }
}

static void console_finish(void) {
    while (position_of(&sent) < position_of(&end)) {
        serial_step();
        cpu_pause();
    }
    screen_waits = framebuffer_draw(UINT32_MAX);
}

/* Waits for room only if the ring is full. */
static void ring_add(char c) {
    while (position_of(&end) - position_of(&sent) >= RING_SIZE) {
        serial_step();
        cpu_pause();
    }
    ring[position_of(&end) % RING_SIZE] = c;
    advance(&end);
}

/* ---- lines ---- */

/* Adds a carriage return before each newline, which serial terminals need. */
static void console_to_serial(const char *text, size_t size) {
    static char last;

    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\n' && last != '\r')
            ring_add('\r');
        ring_add(text[i]);
        last = text[i];
    }
}

static void console_to_screen(const char *text, size_t size) {
    framebuffer_write(text, size);
    screen_waits = true;
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

/* Returns whether the lock was taken. */
static bool console_lock(void) {
    bool locked = !lock_broken;

    if (locked)
        spin_lock(&lock);
    return locked;
}

uint64_t console_line(unsigned outputs, const void *owner, const char *line, size_t shown,
                      size_t size) {
    bool locked = console_lock();

    if (outputs & CONSOLE_SERIAL)
        console_show(console_to_serial, &open_on_serial, owner, line, shown, size);
    if (outputs & CONSOLE_SCREEN)
        console_show(console_to_screen, &open_on_screen, owner, line, shown, size);
    if (!in_background)
        console_finish();
    uint64_t position = position_of(&end);
    if (locked)
        spin_unlock(&lock);
    return position;
}

void console_write(const char *text, size_t size) {
    console_line(CONSOLE_SERIAL | CONSOLE_SCREEN, NULL, text, 0, size);
    console_step();
}

/* Returns the line's size: what does not fit is cut off. */
static size_t console_format(char line[CONSOLE_LINE], const char *fmt, va_list args) {
    int length = format_va(line, CONSOLE_LINE, fmt, args);
    size_t size = length < 0 ? 0 : (size_t)length;

    return size < CONSOLE_LINE ? size : CONSOLE_LINE - 1;
}

void console_print(const char *fmt, ...) {
    char line[CONSOLE_LINE];
    va_list args;

    va_start(args, fmt);
    size_t size = console_format(line, fmt, args);
    va_end(args);
    console_write(line, size);
}

void console_verdict(const char *fmt, ...) {
    char line[CONSOLE_LINE];
    va_list args;

    va_start(args, fmt);
    size_t size = console_format(line, fmt, args);
    va_end(args);
    console_write(line, size);
    console_drain();
    debug_port_write(line, size);
}

/* ---- the background ---- */

void console_in_background(void) {
    in_background = true;
}

void console_step(void) {
    if (!spin_try_lock(&lock))
        return; /* another CPU prints or takes this step */
    serial_step();
    if (screen_waits)
        screen_waits = framebuffer_draw(CELLS_PER_STEP);
    spin_unlock(&lock);
}

bool console_waits(void) {
    return position_of(&sent) < position_of(&end) || screen_waits;
}

uint64_t console_position(void) {
    return position_of(&end);
}

bool console_has_room(uint64_t position) {
    uint64_t now = position_of(&sent);

    return position < now || position - now < CONSOLE_AHEAD;
}

int console_read(void) {
    if (spin_try_lock(&lock)) {
        uart_poll();
        spin_unlock(&lock);
    }
    return uart_read();
}

void console_drain(void) {
    bool locked = console_lock();

    in_background = false;
    console_finish();
    uart_drain();
    if (locked)
        spin_unlock(&lock);
}

void console_break_lock(void) {
    lock_broken = true;
    in_background = false;
}
