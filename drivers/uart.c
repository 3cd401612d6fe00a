/* The machine's serial port: see uart.h. */
#include "drivers/uart.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "arch/instructions.h"
#include "drivers/tsc.h"

#define UART_DATA    0 /* numbers of registers */
#define UART_IER     1
#define UART_FCR     2
#define UART_LCR     3
#define UART_MCR     4
#define UART_LSR     5
#define UART_SCRATCH 7
#define LSR_RECEIVED 0x01
#define LSR_THRE     0x20 /* the transmit FIFO is empty */
#define LSR_TEMT     0x40 /* and the last bit has been sent */
#define FIFO_SIZE    16

/* A full FIFO is sent in 1.4 ms. A port that stays busy for this long is no longer used. */
#define BUSY_US 1000000
/* Reading a port takes about 1 us, sending a byte 87 us: it is no use to poll more often. */
#define POLL_US       50

#define RECEIVED_SIZE 256

static bool present;
static struct boot_serial port; /* this one is used */
static uint8_t *mapped;         /* its registers; NULL: it has I/O ports */
static unsigned room;           /* in the transmit FIFO, at least */
static uint64_t busy_since;     /* TSC: when the last byte was sent */
static uint64_t polled;         /* TSC: when uart_room() polled the port last */
static uint8_t received[RECEIVED_SIZE];
/* The part of `received` that is in use, modulo its size. */
static _Atomic unsigned first; /* only uart_read() writes it */
static _Atomic unsigned end;   /* only uart_poll_status() writes it */

/* The access has exactly the size that the firmware's table gives: some ports ignore another. Of a
 * wider register the low byte counts. */
static uint8_t read_register(unsigned number) {
    if (!mapped)
        return in8((uint16_t)(port.base + number));
    return (uint8_t)mmio_read(mapped + number * port.stride, port.access);
}

static void write_register(unsigned number, uint8_t value) {
    if (!mapped)
        out8((uint16_t)(port.base + number), value);
    else
        mmio_write(mapped + number * port.stride, port.access, value);
}

/* Without a port there, all registers read FFH. */
static bool is_there(const struct boot_serial *serial, void *registers) {
    port = *serial;
    mapped = port.access ? registers : NULL;
    if (port.access && !mapped)
        return false;
    write_register(UART_SCRATCH, 0x5a);
    return read_register(UART_SCRATCH) == 0x5a;
}

void uart_init(const struct boot_serial *serial, void *registers) {
    present = is_there(serial, registers) || is_there(&UART_COM1, NULL);
    if (!present)
        return;
    write_register(UART_IER, 0);
    if (port.divisor) {
        write_register(UART_LCR, 0x80); /* divisor latch */
        write_register(UART_DATA, (uint8_t)port.divisor);
        write_register(UART_IER, (uint8_t)(port.divisor >> 8));
    }
    write_register(UART_LCR, 0x03); /* 8N1 */
    write_register(UART_FCR, 0x01); /* enables the FIFOs; what they hold is still sent */
    write_register(UART_MCR, 0x03); /* DTR, RTS */
}

/* Reads the line status, and stores a received byte, which would be lost if it stayed in the port
 * while the caller waits for another bit. A status of FFH means that there is no port any more. */
static uint8_t uart_poll_status(void) {
    uint8_t status = read_register(UART_LSR);

    if ((status & LSR_RECEIVED) && status != 0xff && end - first < RECEIVED_SIZE) {
        received[end % RECEIVED_SIZE] = read_register(UART_DATA);
        end++;
    }
    return status;
}

bool uart_is_present(void) {
    return present;
}

/* Polls the line status. If these bits of it have been 0 for too long, the port is no longer used.
 */
static bool uart_is_ready(uint8_t bits) {
    if (uart_poll_status() & bits)
        return true;
    if (rdtsc() - busy_since > tsc_ticks(BUSY_US))
        present = false;
    return false;
}

void uart_drain(void) {
    while (present && !uart_is_ready(LSR_TEMT))
        cpu_pause();
    room = FIFO_SIZE;
}

unsigned uart_room(void) {
    uint64_t now = rdtsc();

    if (present && now - polled >= tsc_ticks(POLL_US)) {
        polled = now;
        if (uart_is_ready(LSR_THRE))
            room = FIFO_SIZE;
    }
    return present ? room : 0;
}

void uart_write(uint8_t byte) {
    write_register(UART_DATA, byte);
    room--;
    busy_since = rdtsc();
}

void uart_poll(void) {
    if (present)
        uart_poll_status();
}

int uart_read(void) {
    if (first == end)
        return UART_NO_BYTE;
    uint8_t byte = received[first % RECEIVED_SIZE];
    first++;
    return byte;
}
