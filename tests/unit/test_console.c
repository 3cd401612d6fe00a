/* Guards drivers/console.c over drivers/uart.c: that printing never waits for the serial port, what
 * is sent in one step, the order of bytes, how sources take turns, and who does wait: whoever stops
 * the machine. The port is a 16550 that sends only when the test says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/console.h"
#include "drivers/tsc.h"
#include "drivers/uart.h"

#define FIFO         16
#define LSR_EMPTY    0x60
#define LSR_RECEIVED 0x01

static struct {
    uint8_t scratch;
    const char *typed;       /* bytes that it has received */
    unsigned fifo;           /* bytes in it */
    bool sends_while_polled; /* one byte for each read of the status */
    unsigned reads, writes;  /* of the status; of the data */
    uint64_t tsc;
    char sent[1 << 20];
    size_t size;
    bool has_debug_port;
    char debug[256];
} port;

const uint8_t font[95][16];

uint64_t tsc_frequency(void) {
    return 1000000000;
}

uint64_t ports_rdtsc(void) {
    return port.tsc += 20000; /* 20 us */
}

uint8_t ports_in8(uint16_t number) {
    if (number == 0x3ff)
        return port.scratch;
    if (number == 0x3f8)
        return (uint8_t)*port.typed++;
    if (number == 0xe9)
        return port.has_debug_port ? 0xe9 : 0xff;
    if (number != 0x3fd)
        return 0;
    port.reads++;
    if (port.sends_while_polled && port.fifo)
        port.fifo--;
    return (port.fifo ? 0 : LSR_EMPTY) | (*port.typed ? LSR_RECEIVED : 0);
}

void ports_out8(uint16_t number, uint8_t value) {
    if (number == 0xe9) {
        assert_false(console_waits());
        port.debug[strlen(port.debug)] = (char)value;
    }
    if (number == 0x3ff)
        port.scratch = value;
    if (number != 0x3f8 || !port.tsc)
        return;
    assert_true(port.fifo < FIFO);
    assert_true(port.size < sizeof(port.sent) - 1);
    port.fifo++;
    port.writes++;
    port.sent[port.size++] = (char)value;
}

uint32_t ports_mmio_read(const void *address, unsigned size) {
    fail_msg("%u bytes at %p are read: the port has none", size, address);
    return 0;
}

void ports_mmio_write(void *address, unsigned size, uint32_t value) {
    fail_msg("%u bytes at %p are written with %u: the port has none", size, address, value);
}

/* All that was printed before is sent, and the counts are 0. */
static int set_up(void **state) {
    (void)state;
    port.sends_while_polled = true;
    console_drain();
    port.sends_while_polled = false;
    port.reads = port.writes = port.fifo = 0;
    port.size = 0;
    memset(port.sent, 0, sizeof(port.sent));
    console_in_background();
    return 0;
}

static int start(void **state) {
    static const struct boot_serial server = {.base = 0x2f8, .divisor = 12, .stride = 1};

    (void)state;
    port.typed = "";
    uart_init(&server, NULL); /* is not there: COM1 */
    port.tsc = 1;
    return 0;
}

/* The port sends what its FIFO holds. */
static void send_fifo(void) {
    port.fifo = 0;
    port.tsc += 1400000;
}

/* What has been sent, however slowly. */
static const char *all_sent(void) {
    while (console_waits()) {
        send_fifo();
        console_step();
    }
    return port.sent;
}

static void a_full_port_delays_nobody(void **state) {
    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        console_print("line %u, longer than the FIFO of the port\n", i);
    assert_in_range(port.reads, 0, 500);
    assert_int_equal(port.writes, FIFO);
}

static void a_step_sends_what_the_fifo_holds(void **state) {
    (void)state;
    console_print("%0100d\n", 0);
    for (unsigned steps = 2; steps < 6; steps++) {
        unsigned reads = port.reads;
        send_fifo();
        console_step();
        assert_int_equal(port.writes, steps * FIFO);
        for (unsigned i = 0; i < 100; i++) /* full: it is not even asked each time */
            console_step();
        assert_int_equal(port.writes, steps * FIFO);
        assert_in_range(port.reads, reads + 1, reads + 60);
    }
    assert_true(console_waits());
    assert_int_equal(strlen(all_sent()), 102);
    assert_false(console_waits());
}

static void bytes_keep_their_order(void **state) {
    static char expected[sizeof(port.sent)];
    size_t length = 0;

    (void)state;
    for (unsigned i = 0; i < 5000; i++) { /* round the ring */
        console_print("line %u of many, in order\n", i);
        length += (size_t)snprintf(expected + length, sizeof(expected) - length,
                                   "line %u of many, in order\r\n", i);
        if (i % 500 == 499)
            all_sent();
    }
    assert_string_equal(all_sent(), expected);
}

static void a_line_that_another_source_interrupts_begins_again(void **state) {
    static const int one, two;

    (void)state;
    console_line(CONSOLE_SERIAL, &one, "[one] begun", 0, 11);
    console_line(CONSOLE_SERIAL, &two, "[two] whole\n", 0, 12);
    console_line(CONSOLE_SERIAL, &one, "[one] begun, ended\n", 11, 19);
    assert_string_equal(all_sent(), "[one] begun\r\n[two] whole\r\n[one] begun, ended\r\n");
}

/* Prints lines of 64 bytes as long as there is room. */
static unsigned print_all(uint64_t *position, char name) {
    char line[64];
    unsigned lines = 0;

    memset(line, name, sizeof(line));
    line[62] = '\n';
    for (; console_has_room(*position); lines++)
        *position = console_line(CONSOLE_SERIAL, position, line, 0, 63);
    return lines;
}

static void sources_take_turns(void **state) {
    uint64_t one = 0, two = 0;
    unsigned lines_of_two = 0, lines_of_one = 0;

    (void)state;
    assert_int_equal(print_all(&one, '1'), CONSOLE_AHEAD / 64);
    assert_int_equal(print_all(&two, '2'), 1); /* behind those of the first */
    for (unsigned i = 0; i < 10000; i++) {
        send_fifo();
        console_step();
        lines_of_one += print_all(&one, '1');
        lines_of_two += print_all(&two, '2');
    }
    assert_in_range(lines_of_one, 10000 * FIFO / 64 * 45 / 100, 10000 * FIFO / 64 * 55 / 100);
    assert_in_range(lines_of_two, 10000 * FIFO / 64 * 45 / 100, 10000 * FIFO / 64 * 55 / 100);
}

/* The only case in which printing waits: nobody asked for room. */
static void nothing_is_lost_when_the_ring_is_full(void **state) {
    (void)state;
    port.sends_while_polled = true;
    for (unsigned i = 0; i < 8000; i++)
        console_print("%062d\n", i);
    assert_int_equal(strlen(all_sent()), 8000 * 64);
}

static void the_end_waits_for_all(void **state) {
    (void)state;
    console_print("%0500d\n", 0);
    port.sends_while_polled = true;
    console_drain();
    assert_int_equal(port.size, 502);
    console_print("after it\n"); /* nobody takes steps any more */
    assert_int_equal(port.size, 512);
}

/* A guest that is alone may print the same on the serial port; the debug port it cannot reach. */
static void a_verdict_reaches_the_debug_port(void **state) {
    const char *forged = "PINWHEEL done guests=1 passed=1 failed=0\n";

    (void)state;
    port.sends_while_polled = true;
    port.has_debug_port = true;
    console_line(CONSOLE_SERIAL, &forged, forged, 0, strlen(forged));
    console_line(CONSOLE_SERIAL, &forged, "PINWHEEL done", 0, 13);
    console_print("GUEST name=a result=fail\n");
    assert_string_equal(port.debug, "");
    console_verdict("PINWHEEL done guests=1 passed=0 failed=%u\n", 1);
    assert_string_equal(port.debug, "\nPINWHEEL done guests=1 passed=0 failed=1\n");
    assert_non_null(strstr(port.sent, "PINWHEEL done\r\nGUEST name=a result=fail\r\n"
                                      "PINWHEEL done guests=1 passed=0 failed=1\r\n"));
    port.has_debug_port = false;
    console_verdict("PINWHEEL panic: another\n");
    assert_null(strstr(port.debug, "another"));
}

static void a_panic_waits_for_all(void **state) {
    (void)state;
    console_print("%0500d\n", 0);
    port.sends_while_polled = true;
    console_break_lock();
    console_print("panic\n");
    assert_int_equal(port.size, 509);
}

static void what_is_typed_is_read_while_the_port_sends(void **state) {
    (void)state;
    console_print("%0100d\n", 0);
    port.typed = "key";
    assert_int_equal(console_read(), 'k');
    while (*port.typed) /* finds no room, but a byte */
        console_step();
    assert_int_equal(*port.typed, 0);
    assert_int_equal(console_read(), 'e');
    assert_int_equal(console_read(), 'y');
    assert_int_equal(console_read(), -1);
    assert_true(console_waits());
}

/* The CPU that reads what is typed does not get the lock while another CPU prints or draws. */
static void what_is_typed_is_read_by_every_step(void **state) {
    (void)state;
    port.typed = "key";
    for (unsigned i = 0; i < 20; i++) { /* 400 us and more */
        assert_false(console_waits());
        console_step();
    }
    assert_int_equal(*port.typed, 0);
    for (const char *key = "key"; *key; key++)
        assert_int_equal(console_read(), *key);
    assert_int_equal(console_read(), -1);
}

/* Last: there is no port after it. */
static void a_port_that_never_sends_is_given_up(void **state) {
    (void)state;
    console_print("%0100d\n", 0);
    port.tsc += tsc_frequency() / 2;
    console_step();
    assert_true(console_waits());
    port.tsc += tsc_frequency();
    console_step();
    console_step();
    assert_false(console_waits());
    console_print("%0100d\n", 0);
    console_step();
    assert_int_equal(port.writes, FIFO);
    assert_true(console_has_room(0));
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_full_port_delays_nobody),
        TEST(a_step_sends_what_the_fifo_holds),
        TEST(bytes_keep_their_order),
        TEST(a_line_that_another_source_interrupts_begins_again),
        TEST(sources_take_turns),
        TEST(nothing_is_lost_when_the_ring_is_full),
        TEST(the_end_waits_for_all),
        TEST(a_verdict_reaches_the_debug_port),
        TEST(what_is_typed_is_read_while_the_port_sends),
        TEST(what_is_typed_is_read_by_every_step),
        TEST(a_panic_waits_for_all),
        TEST(a_port_that_never_sends_is_given_up),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
