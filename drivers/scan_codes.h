/* What the codes of a PC keyboard mean: scan code set 1, which the keyboard controller translates
 * to since the PC AT, on a keyboard with US layout. A key sends its code when it is pressed, and
 * the code plus 80H when it is released; newer keys have a prefix. Pure. Read next: keyboard.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define SCAN_CODES_TEXT 4 /* bytes, at most, of a key */

/* All 0 before the first code. */
struct scan_codes {
    bool left_shift, right_shift, left_control, right_control, capitals;
    bool extended; /* the last code was the prefix E0H */
    uint8_t skip;  /* codes of the Pause key that are still to come */
};

/* Reads a code. Writes what a serial terminal would send for the key, and returns its length: 0 if
 * the key was released, changes others, or means nothing. */
unsigned scan_codes_read(struct scan_codes *codes, uint8_t code, char text[SCAN_CODES_TEXT]);
