/* The meaning of a byte that is typed: input for a guest, or a command after Ctrl-A. Pure. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define CONSOLE_ESCAPE  0x01  /* Ctrl-A */
#define CONSOLE_COMMAND 0x100 /* plus the key, in lower case */
#define CONSOLE_NOTHING (-1)

/* Interprets one byte. *escaped must be false before the first one. Returns a byte of input for the
 * guest (Ctrl-A twice is one Ctrl-A), CONSOLE_COMMAND plus a key, or CONSOLE_NOTHING: the byte was
 * a Ctrl-A, and the next one says what it means. */
int console_key(bool *escaped, uint8_t byte);
