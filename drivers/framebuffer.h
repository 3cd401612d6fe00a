/* Text on the machine's screen, for machines without a serial port.
 *
 * UEFI provides a linear framebuffer, which keeps working after the firmware is left. It is only
 * written, because reading it is slow: text_screen.h keeps what is shown. It is mapped as
 * write-combining memory (vmm/host/host_memory.c), so the processor collects stores; where it is
 * uncached, for a panic before that, stores of 8 bytes make less of them.
 * UEFI 2.10, "EFI Graphics Output Protocol". Read next: text_screen.h. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct framebuffer {
    void *pixels;           /* where it is mapped; NULL: it is not mapped yet */
    uint32_t width, height; /* pixels */
    uint32_t pixels_per_line;
    uint32_t pixel_size;       /* bytes, 1 to 4 */
    uint32_t red, green, blue; /* masks of a pixel: consecutive bits, at least one of each */
};

/* What a panic needs, and what the smallest screens have. */
#define FRAMEBUFFER_COLUMNS 80
#define FRAMEBUFFER_ROWS    25

/* Sets the screen up; the first framebuffer_write() clears it. Does nothing if the screen is too
 * small for text. */
void framebuffer_init(const struct framebuffer *framebuffer);

/* The mapping of the screen has changed; NULL: it is no longer mapped. */
void framebuffer_move(void *pixels);

/* Scrolls the text up until the given number of rows fits below it. */
void framebuffer_make_room(uint32_t rows);

/* Appends text, which framebuffer_draw() draws: at most this many characters at once. Returns
 * whether there are more to draw. They do nothing without a mapped screen. One CPU at a time may
 * call them. */
void framebuffer_write(const char *text, size_t size);
bool framebuffer_draw(uint32_t most);
