/* Text on the machine's screen, for machines without a serial port.
 *
 * UEFI leaves a linear framebuffer of 32-bit pixels, which keeps working without the firmware.
 * Writing to it is all that happens: reading is slow, and on it lies what the firmware drew. The
 * processor's write-combining buffers collect the stores (vmm/host/host_memory.c). What is where is
 * decided by text_screen.h. UEFI 2.10, "Graphics Output Protocol". */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct framebuffer {
    void *pixels; /* where it is mapped; NULL: nowhere yet */
    uint32_t width, height;
    uint32_t pixels_per_line;
    bool blue_first; /* bytes blue, green, red, unused; else red, green, blue, unused */
};

/* From now on what is written is drawn; the first time, the screen is cleared. Does nothing if the
 * screen is too small for text. */
void framebuffer_init(const struct framebuffer *framebuffer);

/* The same screen is mapped elsewhere now; NULL: nowhere. */
void framebuffer_move(void *pixels);

/* Draws lines of text; does nothing where there is no screen. One CPU at a time. */
void framebuffer_write(const char *text, size_t size);
