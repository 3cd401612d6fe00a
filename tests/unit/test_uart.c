/* Guards drivers/uart.c: which port is used, how it is set up, and that a port which is not there,
 * and so reads FFH, stops nothing. The ports are those of a machine with any 16550s; one may have
 * its registers in memory, where each access must have their size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/tsc.h"
#include "drivers/uart.h"

#define SERVER 0x2f8 /* the port of a server's management controller */
#define COM1   0x3f8
#define DLAB   0x80
/* The physical address of a port with registers in memory: COM1, if only 16 bits were used. */
#define MEMORY 0xfe0303f8

/* A 16550's registers; those of the divisor are apart. */
struct uart {
    uint16_t base; /* 0: there is none */
    uint8_t reg[8], divisor[2];
    bool received; /* there is a byte to read */
    unsigned writes;
};
static struct uart ports[2];
static struct uart in_memory;
static struct boot_serial layout; /* of the port in memory */
static uint8_t window[64];        /* where it is mapped; never accessed */

uint64_t tsc_frequency(void) {
    return 1000000000;
}

uint64_t ports_rdtsc(void) {
    static uint64_t tsc;

    return tsc += 100000;
}

/* NULL: nothing is there. */
static uint8_t *find(struct uart *uart, unsigned number) {
    if (!uart->base || number >= 8)
        return NULL;
    return number < 2 && uart->reg[3] & DLAB ? &uart->divisor[number] : &uart->reg[number];
}

static uint8_t read_register(struct uart *uart, unsigned number) {
    const uint8_t *reg = find(uart, number);

    if (!reg)
        return 0xff;
    if (number == 0)
        uart->received = false;
    return number == 5 ? 0x60 | uart->received : *reg;
}

static void write_register(struct uart *uart, unsigned number, uint8_t value) {
    uint8_t *reg = find(uart, number);

    if (!reg)
        return;
    *reg = value;
    uart->writes++;
}

static struct uart *at_port(uint16_t number) {
    return number - (unsigned)ports[1].base < 8 ? &ports[1] : &ports[0];
}

uint8_t ports_in8(uint16_t number) {
    struct uart *uart = at_port(number);

    return read_register(uart, (unsigned)number - uart->base);
}

void ports_out8(uint16_t number, uint8_t value) {
    struct uart *uart = at_port(number);

    write_register(uart, (unsigned)number - uart->base, value);
}

static unsigned at_address(const void *address, unsigned size) {
    uintptr_t offset = (uintptr_t)address - (uintptr_t)window;

    assert_int_equal(size, layout.access);
    assert_int_equal(offset % layout.stride, 0);
    assert_in_range(offset / layout.stride, 0, 7);
    return (unsigned)(offset / layout.stride);
}

/* The upper bytes of a wider register have no meaning. */
uint32_t ports_mmio_read(const void *address, unsigned size) {
    unsigned number = at_address(address, size);

    return read_register(&in_memory, number) | (size > 1 ? 0xabcdef00 : 0);
}

void ports_mmio_write(void *address, unsigned size, uint32_t value) {
    unsigned number = at_address(address, size);

    assert_in_range(value, 0, 0xff);
    write_register(&in_memory, number, (uint8_t)value);
}

static void set_up_at(uint16_t port, uint16_t divisor) {
    const struct boot_serial serial = {.base = port, .divisor = divisor, .stride = 1};

    uart_init(&serial, NULL);
}

static void make(uint16_t first, uint16_t second) {
    memset(ports, 0, sizeof(ports));
    memset(&in_memory, 0, sizeof(in_memory));
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
    set_up_at(SERVER, 1);
    assert_false(uart_is_present());
    assert_int_equal(uart_room(), 0);
    uart_poll();
    uart_drain();
    assert_int_equal(uart_read(), UART_NO_BYTE);
}

static void the_firmwares_port_is_used(void **state) {
    (void)state;
    make(SERVER, COM1);
    set_up_at(SERVER, 2);
    assert_set_up(&ports[0], 2);
    assert_int_equal(ports[1].writes, 0);
}

static void its_baud_rate_may_stay(void **state) {
    (void)state;
    make(SERVER, 0);
    set_up_at(SERVER, 0);
    assert_set_up(&ports[0], 12);
}

static void a_slow_rate_has_a_large_divisor(void **state) {
    (void)state;
    make(SERVER, 0);
    set_up_at(SERVER, 0x180);
    assert_set_up(&ports[0], 0x180);
}

static void without_it_com1_is_used_at_115200_baud(void **state) {
    (void)state;
    make(COM1, 0);
    set_up_at(SERVER, 0);
    assert_set_up(&ports[0], 1);
}

/* A port that goes away, as some management controllers' do, neither receives nor stops anything.
 */
static void a_port_that_disappears_stops_nothing(void **state) {
    (void)state;
    make(COM1, 0);
    set_up_at(COM1, 1);
    make(0, 0);
    uart_poll();
    assert_int_equal(uart_read(), UART_NO_BYTE);
    uart_drain();
    assert_int_equal(uart_room(), 16);
    uart_write('x');
}

/* ---- registers in memory ---- */

static void make_in_memory(uint8_t access, uint8_t stride, uint16_t divisor) {
    make(COM1, 0);
    in_memory.base = 1;
    in_memory.divisor[0] = 12;
    layout = (struct boot_serial){
        .base = MEMORY, .divisor = divisor, .access = access, .stride = stride};
}

static void registers_in_memory_are_accessed_in_their_size(void **state) {
    static const uint8_t layouts[][2] = {{1, 1}, {1, 4}, {2, 2}, {4, 4}, {4, 8}, {1, 8}};

    (void)state;
    for (unsigned i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
        make_in_memory(layouts[i][0], layouts[i][1], 0x123);
        uart_init(&layout, window);
        assert_set_up(&in_memory, 0x123);
        make_in_memory(layouts[i][0], layouts[i][1], 0);
        uart_init(&layout, window);
        assert_set_up(&in_memory, 12);
        assert_int_equal(ports[0].writes, 0); /* COM1 is left alone */
    }
}

static void what_such_a_port_receives_is_read(void **state) {
    (void)state;
    make_in_memory(4, 4, 0);
    uart_init(&layout, window);
    in_memory.reg[0] = 'k';
    in_memory.received = true;
    assert_int_equal(uart_read(), UART_NO_BYTE);
    uart_poll();
    uart_poll();
    assert_int_equal(uart_read(), 'k');
    assert_int_equal(uart_read(), UART_NO_BYTE);
}

/* Under the boot loader's page tables it is mapped elsewhere, or not yet. */
static void such_a_port_that_is_not_mapped_is_used_later(void **state) {
    (void)state;
    make_in_memory(4, 4, 0);
    uart_init(&layout, NULL);
    assert_set_up(&ports[0], 1);
    assert_int_equal(in_memory.writes, 0);
    uart_init(&layout, window);
    assert_set_up(&in_memory, 12);
}

static void where_no_such_port_answers_com1_is_used(void **state) {
    (void)state;
    make_in_memory(4, 4, 0);
    in_memory.base = 0;
    uart_init(&layout, window);
    assert_set_up(&ports[0], 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_port_nothing_waits),
        cmocka_unit_test(the_firmwares_port_is_used),
        cmocka_unit_test(its_baud_rate_may_stay),
        cmocka_unit_test(a_slow_rate_has_a_large_divisor),
        cmocka_unit_test(without_it_com1_is_used_at_115200_baud),
        cmocka_unit_test(a_port_that_disappears_stops_nothing),
        cmocka_unit_test(registers_in_memory_are_accessed_in_their_size),
        cmocka_unit_test(what_such_a_port_receives_is_read),
        cmocka_unit_test(such_a_port_that_is_not_mapped_is_used_later),
        cmocka_unit_test(where_no_such_port_answers_com1_is_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
