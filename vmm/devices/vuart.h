/* The 16550A UART of a guest's serial port.
 *
 * A byte that the guest sends is transmitted at once, so the holding register never reads full. A
 * byte that is received waits in a FIFO of 16 (of 1 while the FIFOs are off); the character
 * timeout, which reports bytes below the trigger level, occurs at once too. There are no parity or
 * framing errors and no breaks; clear to send, data set ready and carrier detect are on. After each
 * call read vuart_interrupt() for the level of the interrupt line. National PC16550D data sheet.
 * Pure and without a lock. Read next: vmm/pc/serial.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define VUART_REGISTERS 8
#define VUART_FIFO_SIZE 16
#define VUART_NO_BYTE   (-1)

struct vuart {
    uint8_t interrupt_enable, fifo_control, line_control, modem_control, scratch;
    uint8_t divisor[2];
    uint8_t modem_change; /* the low four bits of the modem status */
    bool overrun;
    bool holding_empty; /* the holding register became empty, which was not reported yet */
    uint8_t fifo[VUART_FIFO_SIZE];
    uint32_t first, count; /* of the bytes in the FIFO */
};

/* 9600 baud, FIFOs and interrupts off. */
void vuart_reset(struct vuart *uart);

/* A guest's byte access to register 0 to 7; other numbers read FFH and ignore writes. A write
 * returns the byte that it transmits, or VUART_NO_BYTE. */
uint8_t vuart_read(struct vuart *uart, unsigned reg);
int vuart_write(struct vuart *uart, unsigned reg, uint8_t value);

/* Whether a write to register 0 would transmit a byte. */
bool vuart_transmits(const struct vuart *uart);

/* Whether there is room for a byte from outside. vuart_receive() without room loses a byte and sets
 * the overrun error. In loopback mode nothing is received from outside. */
bool vuart_can_receive(const struct vuart *uart);
void vuart_receive(struct vuart *uart, uint8_t byte);

/* The level of the interrupt line. As on every PC, the output OUT2 enables it. */
bool vuart_interrupt(const struct vuart *uart);
