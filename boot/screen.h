/* What the user sees while the boot loader runs: the firmware's console.
 *
 * Text is collected and shown at once, since every call of the firmware's console costs: it draws
 * on the screen, moves the cursor and waits for the serial port. ASCII only. */
#pragma once
#include <stddef.h>

/* Adds to the text that waits; what does not fit into 8 KiB in all is cut off. */
void screen_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Shows what was added since the last time. */
void screen_show(void);

/* All text since the start. */
const char *screen_text(size_t *size);

/* Empties the screen: printing then does not scroll, which is slow. */
void screen_clear(void);
