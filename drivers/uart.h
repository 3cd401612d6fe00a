/* The machine's serial port: 16550 at 3F8H, polled, 115200 8N1. National PC16550D data sheet. */
#pragma once
#include <stddef.h>

/* Sets the port up. If nothing answers there, writing does nothing. */
void uart_init(void);
void uart_write(const char *text, size_t size);

/* Waits until everything written has left the machine. */
void uart_drain(void);
