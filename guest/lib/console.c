/* Printing to the UART at port 3F8H (a 16550), and the end of the guest: see console.h.
 *
 * On Pinwheel each port access is a VM exit, so a line costs two exits per character. No wait here
 * is unbounded: if the UART is never ready, characters are lost; if the lock is never released, it
 * is ignored, because the report of an exception must be printed in any case. */
#include "guest/lib/console.h"

#include <stdarg.h>
#include <stdatomic.h>

#include "guest/lib/instructions.h"
#include "lib/format.h"

#define UART_DATA           0x3f8
#define UART_LINE_CONTROL   0x3fb
#define UART_8N1            0x03 /* eight data bits, no parity, one stop bit */
#define UART_LINE_STATUS    0x3fd
#define UART_TRANSMIT_EMPTY 0x20 /* LSR.THRE */
#define EXIT_PORT           0xf4
#define READY_BOUND         100000u
#define LOCK_BOUND          10000000u

static atomic_flag lock = ATOMIC_FLAG_INIT;

static void put(char c) {
    for (uint32_t i = 0; i < READY_BOUND && !(inb(UART_LINE_STATUS) & UART_TRANSMIT_EMPTY); i++)
        pause_only();
    outb(UART_DATA, (uint8_t)c);
}

void console_init(void) {
    outb(UART_LINE_CONTROL, UART_8N1);
}

void print(const char *fmt, ...) {
    char text[256];
    va_list args;
    va_start(args, fmt);
    format_va(text, sizeof text, fmt, args);
    va_end(args);

    uint64_t flags = interrupts_save();
    for (uint32_t i = 0; i < LOCK_BOUND && atomic_flag_test_and_set(&lock); i++)
        pause();
    for (const char *c = text; *c; c++)
        put(*c);
    atomic_flag_clear(&lock);
    interrupts_restore(flags);
}

_Noreturn void guest_exit(uint32_t code) {
    outl(EXIT_PORT, code);
    halt_forever();
}
