/* The machine's serial port: a 16550, polled, 8N1. Its registers are I/O ports or in memory.
 *
 * National PC16550D data sheet. Read next: console.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "lib/boot_info.h"

/* Except for uart_read(), only one CPU at a time may call these functions: drivers/console.c has a
 * lock.
 *
 * Sets up the first of these ports that is there: the given one, else COM1 at 115200 baud. Without
 * either, the other functions do nothing. `registers` is where a port with registers in memory is
 * mapped now; NULL: nowhere. May be called again when that has changed. */
#define UART_COM1 ((struct boot_serial){.base = 0x3f8, .baud = 115200, .divisor = 1, .stride = 1})
void uart_init(const struct boot_serial *serial, void *registers);

/* False if there is no port, or none any more: it has been busy for a second. */
bool uart_is_present(void);

/* How many bytes can be sent now. Never waits; to call often, since it reads what the port
 * received. */
unsigned uart_room(void);

/* Sends a byte, for which there is room. */
void uart_write(uint8_t byte);

/* Moves a received byte, if there is one, from the port to a buffer of 256 bytes. The other
 * functions do so too when they poll the port. */
void uart_poll(void);

/* Removes the oldest byte from that buffer; UART_NO_BYTE if it is empty. Only one CPU may call it,
 * at any time. */
#define UART_NO_BYTE (-1)
int uart_read(void);

/* Waits until the last byte has been sent. */
void uart_drain(void);
