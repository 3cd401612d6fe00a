/* The 16550A: see vuart.h. */
#include "vmm/devices/vuart.h"

#include "lib/index_clamp.h"

/* Registers; the first two are the bytes of the divisor while LCR.DLAB is set. */
enum {
    DATA = 0, /* receiver buffer, transmitter holding */
    IER = 1,
    IIR_FCR = 2, /* IIR when read, FCR when written */
    LCR = 3,
    MCR = 4,
    LSR = 5,
    MSR = 6,
    SCR = 7
};

#define IER_RECEIVED      0x01
#define IER_EMPTY         0x02
#define IER_LINE          0x04
#define IER_MODEM         0x08
#define IER_BITS          0x0f

#define IIR_NONE          0x01
#define IIR_MODEM         0x00
#define IIR_EMPTY         0x02
#define IIR_RECEIVED      0x04
#define IIR_LINE          0x06
#define IIR_TIMEOUT       0x0c
#define IIR_FIFOS         0xc0

#define FCR_ENABLE        0x01
#define FCR_CLEAR         0x02 /* the receiver FIFO */
#define FCR_TRIGGER       0xc0
#define FCR_TRIGGER_SHIFT 6

#define LCR_DIVISOR       0x80

#define MCR_DTR           0x01
#define MCR_RTS           0x02
#define MCR_OUT1          0x04
#define MCR_OUT2          0x08
#define MCR_LOOPBACK      0x10
#define MCR_BITS          0x1f

#define LSR_RECEIVED      0x01
#define LSR_OVERRUN       0x02
#define LSR_EMPTY         0x60 /* the holding register and the transmitter */

#define MSR_CTS           0x10
#define MSR_DSR           0x20
#define MSR_RI            0x40
#define MSR_DCD           0x80
#define MSR_CHANGE_SHIFT  4
#define MSR_CHANGE_RI     0x04 /* set by the trailing edge only */

void vuart_reset(struct vuart *uart) {
    *uart = (struct vuart){.divisor = {12}}; /* 9600 baud */
}

/* ---- receiving ---- */

static bool fifos_on(const struct vuart *uart) {
    return uart->fifo_control & FCR_ENABLE;
}

static uint32_t capacity(const struct vuart *uart) {
    return fifos_on(uart) ? VUART_FIFO_SIZE : 1;
}

/* On an overrun the new byte is lost with FIFOs, and the old one without. "Overrun Error". */
static void receive(struct vuart *uart, uint8_t byte) {
    if (uart->count == capacity(uart)) {
        uart->overrun = true;
        if (fifos_on(uart))
            return;
        uart->count = 0;
    }
    uart->fifo[(uart->first + uart->count) % VUART_FIFO_SIZE] = byte;
    uart->count++;
}

bool vuart_can_receive(const struct vuart *uart) {
    return !(uart->modem_control & MCR_LOOPBACK) && uart->count < capacity(uart);
}

void vuart_receive(struct vuart *uart, uint8_t byte) {
    if (!(uart->modem_control & MCR_LOOPBACK))
        receive(uart, byte);
}

/* An empty receiver returns its last byte again. */
static uint8_t read_receiver(struct vuart *uart) {
    if (!uart->count)
        return uart->fifo[(uart->first + VUART_FIFO_SIZE - 1) % VUART_FIFO_SIZE];
    uint8_t byte = uart->fifo[uart->first];
    uart->first = (uart->first + 1) % VUART_FIFO_SIZE;
    uart->count--;
    return byte;
}

/* ---- modem status ---- */

static uint8_t modem_lines(const struct vuart *uart) {
    uint8_t control = uart->modem_control;

    if (!(control & MCR_LOOPBACK))
        return MSR_CTS | MSR_DSR | MSR_DCD;
    return (uint8_t)((control & MCR_RTS ? MSR_CTS : 0) | (control & MCR_DTR ? MSR_DSR : 0) |
                     (control & MCR_OUT1 ? MSR_RI : 0) | (control & MCR_OUT2 ? MSR_DCD : 0));
}

static void write_modem_control(struct vuart *uart, uint8_t value) {
    uint8_t before = modem_lines(uart);

    uart->modem_control = value & MCR_BITS;
    uint8_t after = modem_lines(uart);
    uint8_t changed = (before ^ after) >> MSR_CHANGE_SHIFT;
    if (after & MSR_RI)
        changed &= (uint8_t)~MSR_CHANGE_RI;
    uart->modem_change |= changed;
}

/* ---- interrupts ---- */

/* The cause with the highest priority. "Interrupt Identification Register". */
static uint8_t cause(const struct vuart *uart) {
    static const uint8_t trigger[] = {1, 4, 8, 14};
    uint8_t enabled = uart->interrupt_enable;

    if ((enabled & IER_LINE) && uart->overrun)
        return IIR_LINE;
    if ((enabled & IER_RECEIVED) && uart->count) {
        bool few = fifos_on(uart) && uart->count < trigger[uart->fifo_control >> FCR_TRIGGER_SHIFT];
        return few ? IIR_TIMEOUT : IIR_RECEIVED;
    }
    if ((enabled & IER_EMPTY) && uart->holding_empty)
        return IIR_EMPTY;
    if ((enabled & IER_MODEM) && uart->modem_change)
        return IIR_MODEM;
    return IIR_NONE;
}

bool vuart_interrupt(const struct vuart *uart) {
    return (uart->modem_control & MCR_OUT2) && cause(uart) != IIR_NONE;
}

/* Reading it resets the interrupt of an empty holding register. */
static uint8_t read_identification(struct vuart *uart) {
    uint8_t value = cause(uart);

    if (value == IIR_EMPTY)
        uart->holding_empty = false;
    return fifos_on(uart) ? value | IIR_FIFOS : value;
}

/* ---- the registers ---- */

static uint8_t read_line_status(struct vuart *uart) {
    uint8_t value = LSR_EMPTY;

    if (uart->count)
        value |= LSR_RECEIVED;
    if (uart->overrun)
        value |= LSR_OVERRUN;
    uart->overrun = false;
    return value;
}

static uint8_t read_modem_status(struct vuart *uart) {
    uint8_t value = modem_lines(uart) | uart->modem_change;

    uart->modem_change = 0;
    return value;
}

bool vuart_transmits(const struct vuart *uart) {
    return !(uart->line_control & LCR_DIVISOR) && !(uart->modem_control & MCR_LOOPBACK);
}

uint8_t vuart_read(struct vuart *uart, unsigned reg) {
    if (reg <= IER && (uart->line_control & LCR_DIVISOR))
        return uart->divisor[index_clamp(reg, 2)];
    switch (reg) {
    case DATA:
        return read_receiver(uart);
    case IER:
        return uart->interrupt_enable;
    case IIR_FCR:
        return read_identification(uart);
    case LCR:
        return uart->line_control;
    case MCR:
        return uart->modem_control;
    case LSR:
        return read_line_status(uart);
    case MSR:
        return read_modem_status(uart);
    case SCR:
        return uart->scratch;
    default:
        return 0xff;
    }
}

/* When the write ends, the byte is transmitted: the holding register was full and is empty again.
 */
static int transmit(struct vuart *uart, uint8_t byte) {
    uart->holding_empty = true;
    if (!(uart->modem_control & MCR_LOOPBACK))
        return byte;
    receive(uart, byte);
    return VUART_NO_BYTE;
}

/* Enabling or disabling the FIFOs empties them; without FCR_ENABLE the other bits are ignored. */
static void write_fifo_control(struct vuart *uart, uint8_t value) {
    uint8_t kept = value & FCR_ENABLE ? value & (FCR_ENABLE | FCR_TRIGGER) : 0;

    if (((value ^ uart->fifo_control) & FCR_ENABLE) ||
        ((value & FCR_ENABLE) && (value & FCR_CLEAR)))
        uart->count = 0;
    uart->fifo_control = kept;
}

/* The holding register is always empty, so enabling its interrupt raises it. */
static void write_interrupt_enable(struct vuart *uart, uint8_t value) {
    if (value & ~uart->interrupt_enable & IER_EMPTY)
        uart->holding_empty = true;
    uart->interrupt_enable = value & IER_BITS;
}

int vuart_write(struct vuart *uart, unsigned reg, uint8_t value) {
    if (reg <= IER && (uart->line_control & LCR_DIVISOR)) {
        uart->divisor[index_clamp(reg, 2)] = value;
        return VUART_NO_BYTE;
    }
    switch (reg) {
    case DATA:
        return transmit(uart, value);
    case IER:
        write_interrupt_enable(uart, value);
        break;
    case IIR_FCR:
        write_fifo_control(uart, value);
        break;
    case LCR:
        uart->line_control = value;
        break;
    case MCR:
        write_modem_control(uart, value);
        break;
    case SCR:
        uart->scratch = value;
        break;
    default: /* the status registers are read-only */
        break;
    }
    return VUART_NO_BYTE;
}
