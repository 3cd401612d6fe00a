/* The machine's serial port: 16550 at 3F8H, polled, 115200 8N1. National PC16550D data sheet. */
#pragma once
#include <stdint.h>

/* Sets the port up. If nothing answers there, nothing is written or read. One CPU at a time may
 * call these functions but uart_read(): drivers/console.h sees to that. */
void uart_init(void);
void uart_write(uint8_t byte);

/* Takes out a byte that has come, if any; so do the others while they wait. */
void uart_look(void);
/* The first that was taken out, or UART_NO_BYTE. One CPU, beside those that call the others. */
#define UART_NO_BYTE (-1)
int uart_read(void);

/* Waits until everything written has left the machine. */
void uart_drain(void);
