/* What is typed on the machine's serial port: input for a guest, or a command after Ctrl-A. Pure.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define CONSOLE_ESCAPE  0x01  /* Ctrl-A */
#define CONSOLE_COMMAND 0x100 /* plus the key, in lower case */
#define CONSOLE_NOTHING (-1)

/* Takes one byte; *escaped is false at first. Returns a byte of input (Ctrl-A twice is one Ctrl-A),
 * a command, or nothing: the next byte says which. */
int console_key(bool *escaped, uint8_t byte);
