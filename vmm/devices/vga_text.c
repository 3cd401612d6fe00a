/* The text screen as lines: see vga_text.h. */
#include "vmm/devices/vga_text.h"

#define CHARACTERS (VGA_TEXT_SIZE / 2)

/* Code page 437, B0H to DFH: shades and blocks, lines, corners and crossings. */
static char shape(uint8_t character) {
    switch (character) {
    case 0xb0 ... 0xb2:
    case 0xdb ... 0xdf:
        return '#';
    case 0xb3:
    case 0xba:
        return '|';
    case 0xc4:
        return '-';
    case 0xcd:
        return '=';
    default:
        return '+';
    }
}

static char printable(uint8_t character) {
    if (character == 0 || character == 0xff)
        return ' ';
    if (character >= ' ' && character <= '~')
        return (char)character;
    return character >= 0xb0 && character < 0xe0 ? shape(character) : '?';
}

unsigned vga_text_row(const uint8_t *memory, uint16_t start, unsigned row,
                      char text[VGA_TEXT_LINE]) {
    unsigned length = 0;

    for (unsigned column = 0; column < VGA_TEXT_COLUMNS; column++) {
        uint32_t at = (start + row * VGA_TEXT_COLUMNS + column) % CHARACTERS;
        text[column] = printable(*(const volatile uint8_t *)&memory[2 * at]);
        if (text[column] != ' ')
            length = column + 1;
    }
    text[length] = 0;
    return length;
}

unsigned vga_text_rows(const uint8_t *memory, uint16_t start) {
    char text[VGA_TEXT_LINE];
    unsigned rows = 0;

    for (unsigned row = 0; row < VGA_TEXT_ROWS; row++) {
        if (vga_text_row(memory, start, row, text) != 0)
            rows = row + 1;
    }
    return rows;
}
