/* The 16550A UART of a guest's serial port.
 *
 * Pure and without a lock. A byte that the guest sends has left at once, so the holding register is
 * never seen full. A byte that comes waits in a FIFO of 16 (of 1 while the FIFOs are off); the
 * character timeout, which tells of bytes below the trigger level, is there at once too. There are
 * no parity or framing errors and no breaks; clear to send, data set ready and carrier are on.
 *
 * After each call the caller takes vuart_interrupt() for the level of the interrupt line.
 * National PC16550D data sheet. Read next: serial.h. */
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
    bool holding_empty; /* the holding register became empty and nobody was told yet */
    uint8_t fifo[VUART_FIFO_SIZE];
    uint32_t first, count; /* of what is in it */
};

void vuart_reset(struct vuart *uart);

/* A byte access of the guest to register 0 to 7; others read all ones and take nothing. A write
 * returns the byte that goes out by it, or VUART_NO_BYTE. */
uint8_t vuart_read(struct vuart *uart, unsigned reg);
int vuart_write(struct vuart *uart, unsigned reg, uint8_t value);

/* Whether a byte from outside finds room; in loopback mode none is heard. One that comes all the
 * same is lost, and an overrun. */
bool vuart_can_receive(const struct vuart *uart);
void vuart_receive(struct vuart *uart, uint8_t byte);

/* The interrupt line. As on every PC the output OUT2 has to let it through. */
bool vuart_interrupt(const struct vuart *uart);
