/* The machine's serial port: a 16550, polled, 8N1.
 *
 * National PC16550D data sheet. Read next: console.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Except for uart_read(), only one CPU at a time may call these functions: drivers/console.c has a
 * lock.
 *
 * Sets up the first of these ports that is there: the given one, with the divisor of 115200 baud
 * (0: as it is), else COM1 at 115200 baud. Without either, the other functions do nothing. */
#define UART_COM1 0x3f8
#define UART_BAUD 115200 /* of divisor 1 */
void uart_init(uint16_t port, uint16_t divisor);

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
