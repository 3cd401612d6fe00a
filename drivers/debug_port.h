/* The debug port of emulators, E9H: a channel that guests cannot reach.
 *
 * A guest that is alone has the serial port to itself and may print whatever it wants there, also
 * what looks like a result. A program that waits for the result, such as tools/run, reads it here.
 * Bochs ("port_e9_hack") and QEMU ("isa-debugcon") have the port; it reads as its own number. On
 * other machines nothing is written. */
#pragma once
#include <stddef.h>

/* Writes text, at the beginning of a line. */
void debug_port_write(const char *text, size_t size);
