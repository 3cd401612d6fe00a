/* The text screen of a PC as lines: 80 x 25 characters from B8000H, each with an attribute byte.
 *
 * A guest's memory there is plain RAM; a kernel that prints nowhere else becomes visible when this
 * is shown. IBM VGA, "Display Memory Organization". Pure; the memory is not trusted, and the guest
 * may write it meanwhile. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define VGA_TEXT_BASE    0xb8000u
#define VGA_TEXT_SIZE    0x8000u
#define VGA_TEXT_COLUMNS 80u
#define VGA_TEXT_ROWS    25u
#define VGA_TEXT_LINE    (VGA_TEXT_COLUMNS + 1)

/* Writes a row of the screen that begins with character `start` as text, without the blanks at its
 * end, and returns its length. Bytes that are not printable ASCII become something that is: lines
 * and blocks of code page 437 look alike, all else is '?'. memory: VGA_TEXT_SIZE bytes; row: less
 * than VGA_TEXT_ROWS. */
unsigned vga_text_row(const uint8_t *memory, uint16_t start, unsigned row,
                      char text[VGA_TEXT_LINE]);

/* How many rows there are up to the last that is not blank; 0: the screen is blank. */
unsigned vga_text_rows(const uint8_t *memory, uint16_t start);
