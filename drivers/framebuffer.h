/* Text on the machine's screen, for machines without a serial port.
 *
 * UEFI provides a linear framebuffer of 32-bit pixels, which keeps working after the firmware is
 * left. It is only written, because reading it is slow: text_screen.h keeps what is shown. It is
 * mapped as write-combining memory (vmm/host/host_memory.c), so the processor collects stores.
 * UEFI 2.10, "EFI Graphics Output Protocol". Read next: text_screen.h. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct framebuffer {
    void *pixels;           /* where it is mapped; NULL: it is not mapped yet */
    uint32_t width, height; /* pixels */
    uint32_t pixels_per_line;
    bool blue_first; /* bytes of a pixel: blue, green, red, unused; else red, green, blue, unused */
};

/* Sets the screen up; the first framebuffer_write() clears it. Does nothing if the screen is too
 * small for text. */
void framebuffer_init(const struct framebuffer *framebuffer);

/* The mapping of the screen has changed; NULL: it is no longer mapped. */
void framebuffer_move(void *pixels);

/* Appends text, which framebuffer_draw() draws: at most this many characters at once. Returns
 * whether there are more to draw. They do nothing without a mapped screen. One CPU at a time may
 * call them. */
void framebuffer_write(const char *text, size_t size);
bool framebuffer_draw(uint32_t most);
