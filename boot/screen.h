/* The boot loader's output, on the firmware's console.
 *
 * Text is collected first and shown in one call: each call of the firmware draws on the screen,
 * moves the cursor and waits for the serial port. ASCII only. UEFI 2.10, "Simple Text Output
 * Protocol". Read next: report.h. */
#pragma once
#include <stddef.h>

/* Appends to the text, with the conversions of lib/format.h. All text since the start is limited to
 * 8 KiB; what exceeds them is cut off. */
void screen_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Shows what was appended since the last call. */
void screen_show(void);

/* All text since the start, in memory that stays; *size is its length in bytes. */
const char *screen_text(size_t *size);

/* Clears the screen, so that printing does not scroll, which is slow. */
void screen_clear(void);

/* Shows a text of at most 8 KiB that is not kept. */
void screen_draw(const char *bytes, size_t size);
