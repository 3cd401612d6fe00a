/* A keyboard controller without a keyboard: what it says of itself, at ports 60H and 64H.
 *
 * Kernels wait until it has no data, or send it a command and wait for the answer; with all ones in
 * both ports the first wait never ends. So the status says "no data, ready for input", and the
 * commands that ask the controller itself have their answers. Nothing answers what is sent to the
 * keyboard or the mouse, and there is no interrupt. The ACPI tables say that there is no 8042, so a
 * system that reads them does not look for a keyboard. IBM Personal System/2, "Keyboard and
 * Auxiliary Device Controller". Pure and without a lock. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define V8042_DATA    0x60
#define V8042_COMMAND 0x64

struct v8042 {
    bool has_data; /* an answer that has not been read */
    uint8_t data;
    uint8_t config;
    uint8_t awaits; /* the command whose parameter is the next byte at port 60H; 0: none */
};

/* A guest's byte access to port 60H or 64H. */
uint8_t v8042_read(struct v8042 *kbc, uint16_t port);
/* True: the write pulses the processor's reset line. */
bool v8042_write(struct v8042 *kbc, uint16_t port, uint8_t value);
