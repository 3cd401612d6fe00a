/* The machine's serial port: see uart.h. */
#include "drivers/uart.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "arch/instructions.h"

#define UART_BASE    0x3f8
#define UART_DATA    (UART_BASE + 0)
#define UART_IER     (UART_BASE + 1)
#define UART_FCR     (UART_BASE + 2)
#define UART_LCR     (UART_BASE + 3)
#define UART_MCR     (UART_BASE + 4)
#define UART_LSR     (UART_BASE + 5)
#define UART_SCRATCH (UART_BASE + 7)
#define LSR_RECEIVED 0x01
#define LSR_THRE     0x20 /* the transmit FIFO is empty */
#define LSR_TEMT     0x40 /* and the last bit has left */
#define FIFO_SIZE    16

/* A port that stays busy this many reads (some 100 ms) is taken for dead. */
#define BUSY_READS    1000000

#define RECEIVED_SIZE 256

static bool present;
static unsigned room; /* in the transmit FIFO: at least so much */
static uint8_t received[RECEIVED_SIZE];
static _Atomic unsigned first; /* of what is in it, modulo its size: the reader's */
static _Atomic unsigned end;   /* look()'s */

void uart_init(void) {
    out8(UART_SCRATCH, 0x5a);
    if (in8(UART_SCRATCH) != 0x5a)
        return;
    out8(UART_IER, 0);
    out8(UART_LCR, 0x80); /* divisor latch */
    out8(UART_DATA, 1);   /* 115200 baud */
    out8(UART_IER, 0);
    out8(UART_LCR, 0x03); /* 8N1 */
    out8(UART_FCR, 0x01); /* FIFOs on; what the firmware still has in them goes out */
    out8(UART_MCR, 0x03); /* DTR, RTS */
    present = true;
}

/* The status. What has come is taken out first, lest it be lost while we wait for something else; a
 * status of all ones is that of a port that has gone. */
static uint8_t look(void) {
    uint8_t status = in8(UART_LSR);

    if ((status & LSR_RECEIVED) && status != 0xff && end - first < RECEIVED_SIZE) {
        received[end % RECEIVED_SIZE] = in8(UART_DATA);
        end++;
    }
    return status;
}

/* Waits until the port shows one of these LSR bits; a port that never does is taken for dead. */
static bool wait_for(uint8_t bits) {
    for (unsigned reads = 0; reads < BUSY_READS; reads++) {
        if (look() & bits)
            return true;
        cpu_pause();
    }
    present = false;
    return false;
}

void uart_drain(void) {
    if (present)
        wait_for(LSR_TEMT);
}

void uart_write(uint8_t byte) {
    if (present && !room && wait_for(LSR_THRE))
        room = FIFO_SIZE;
    if (!present)
        return;
    out8(UART_DATA, byte);
    room--;
}

void uart_look(void) {
    if (present)
        look();
}

int uart_read(void) {
    if (first == end)
        return UART_NO_BYTE;
    uint8_t byte = received[first % RECEIVED_SIZE];
    first++;
    return byte;
}
