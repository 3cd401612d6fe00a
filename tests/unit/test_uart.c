/* Guards drivers/uart.c: which port is used, how it is set up, and that a port which is not there,
 * and so reads FFH, stops nothing. The ports are those of a machine with any 16550s. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/tsc.h"
#include "drivers/uart.h"

#define SERVER 0x2f8 /* the port of a server's management controller */
#define DLAB   0x80

/* A 16550's registers; those of the divisor are apart. */
struct uart {
    uint16_t base; /* 0: there is none */
    uint8_t reg[8], divisor[2];
    unsigned writes;
};
static struct uart ports[2];

uint64_t tsc_frequency(void) {
    return 1000000000;
}

uint64_t ports_rdtsc(void) {
    static uint64_t tsc;

    return tsc += 100000;
}

static uint8_t *find(uint16_t number, struct uart **uart) {
    for (*uart = ports; *uart < ports + 2; ++*uart) {
        unsigned offset = (unsigned)number - (*uart)->base;
        if (!(*uart)->base || offset >= 8)
            continue;
        return offset < 2 && (*uart)->reg[3] & DLAB ? &(*uart)->divisor[offset]
                                                    : &(*uart)->reg[offset];
    }
    return NULL;
}

uint8_t ports_in8(uint16_t number) {
    struct uart *uart;
    uint8_t *reg = find(number, &uart);

    if (!reg)
        return 0xff;
    return (unsigned)number - uart->base == 5 ? 0x60 : *reg;
}

void ports_out8(uint16_t number, uint8_t value) {
    struct uart *uart;
    uint8_t *reg = find(number, &uart);

    if (!reg)
        return;
    *reg = value;
    uart->writes++;
}

static void make(uint16_t first, uint16_t second) {
    memset(ports, 0, sizeof(ports));
    ports[0].base = first;
    ports[1].base = second;
    ports[0].divisor[0] = ports[1].divisor[0] = 12; /* as the firmware has set it */
}

static void assert_set_up(const struct uart *uart, unsigned divisor) {
    assert_true(uart_is_present());
    assert_int_equal(uart->reg[3], 3); /* 8N1, and the divisor latch is closed */
    assert_int_equal(uart->divisor[0] | uart->divisor[1] << 8, divisor);
    unsigned before = uart->writes;
    assert_int_equal(uart_room(), 16);
    uart_write('x');
    assert_int_equal(uart->reg[0], 'x');
    assert_int_equal(uart->writes, before + 1);
}

/* The first test: afterwards there is a port. */
static void without_a_port_nothing_waits(void **state) {
    (void)state;
    make(0, 0);
    uart_init(SERVER, 1);
    assert_false(uart_is_present());
    assert_int_equal(uart_room(), 0);
    uart_poll();
    uart_drain();
    assert_int_equal(uart_read(), UART_NO_BYTE);
}

static void the_firmwares_port_is_used(void **state) {
    (void)state;
    make(SERVER, UART_COM1);
    uart_init(SERVER, 2);
    assert_set_up(&ports[0], 2);
    assert_int_equal(ports[1].writes, 0);
}

static void its_baud_rate_may_stay(void **state) {
    (void)state;
    make(SERVER, 0);
    uart_init(SERVER, 0);
    assert_set_up(&ports[0], 12);
}

static void a_slow_rate_has_a_large_divisor(void **state) {
    (void)state;
    make(SERVER, 0);
    uart_init(SERVER, 0x180);
    assert_set_up(&ports[0], 0x180);
}

static void without_it_com1_is_used_at_115200_baud(void **state) {
    (void)state;
    make(UART_COM1, 0);
    uart_init(SERVER, 0);
    assert_set_up(&ports[0], 1);
}

/* A port that goes away, as some management controllers' do, neither receives nor stops anything.
 */
static void a_port_that_disappears_stops_nothing(void **state) {
    (void)state;
    make(UART_COM1, 0);
    uart_init(UART_COM1, 1);
    make(0, 0);
    uart_poll();
    assert_int_equal(uart_read(), UART_NO_BYTE);
    uart_drain();
    assert_int_equal(uart_room(), 16);
    uart_write('x');
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_port_nothing_waits),
        cmocka_unit_test(the_firmwares_port_is_used),
        cmocka_unit_test(its_baud_rate_may_stay),
        cmocka_unit_test(a_slow_rate_has_a_large_divisor),
        cmocka_unit_test(without_it_com1_is_used_at_115200_baud),
        cmocka_unit_test(a_port_that_disappears_stops_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
