/* Guards vmm/pc/serial.c: the UART's interrupt line, where its text goes, and what was typed while
 * it had no room. National PC16550D data sheet. */
#include "tests/machine/one_pc.h"

enum { DATA = PC_UART_PORT, IER, IIR, LCR, MCR, LSR };
#define FCR      IIR

#define LINE     PIN(PC_UART_IRQ)
#define READY    1
#define OUT2     8
#define RECEIVED 1
#define EMPTY    2

static void type(const char *text) {
    for (; *text; text++)
        assert_true(serial_type(pc, (uint8_t)*text));
}

static void assert_reads(const char *text) {
    for (; *text; text++) {
        assert_true(in(LSR)&READY);
        assert_int_equal(in(DATA), (uint8_t)*text);
    }
}

static void say(const char *text) {
    for (; *text; text++)
        out(DATA, (uint8_t)*text);
}

static void text_goes_to_the_guests_console(void **state) {
    (void)state;
    say("hello");
    out(LCR, 0x80); /* the divisor is no text */
    out(DATA, 'x');
    out(LCR, 3);
    assert_string_equal(seen.text[PC_CONSOLE_SERIAL], "hello");
    assert_string_equal(seen.text[PC_CONSOLE_VIRTIO], "");
}

static void what_is_typed_interrupts_until_it_is_read(void **state) {
    (void)state;
    out(MCR, OUT2);
    out(IER, RECEIVED);
    assert_int_equal(seen.pins, 0);
    type("a");
    assert_int_equal(seen.pins, LINE);
    assert_reads("a");
    assert_int_equal(seen.pins, 0);
    type("b");
    assert_int_equal(seen.rises[PC_UART_IRQ], 2);
    out(MCR, 0);
    assert_int_equal(seen.pins, 0);
}

static void an_empty_transmitter_interrupts_until_iir_is_read(void **state) {
    (void)state;
    out(MCR, OUT2);
    out(IER, EMPTY);
    assert_int_equal(seen.pins, LINE);
    assert_int_equal(in(IIR)&0xf, 2);
    assert_int_equal(seen.pins, 0);
    say("x");
    assert_int_equal(seen.pins, LINE);
}

static void a_long_paste_waits_for_room_and_loses_nothing(void **state) {
    char text[1001];

    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        text[i] = (char)('!' + i % 90);
    text[1000] = 0;
    out(FCR, 1);
    out(MCR, OUT2);
    out(IER, RECEIVED);
    type(text);
    assert_int_equal(seen.pins, LINE);
    assert_reads(text);
    assert_false(in(LSR)&READY);
    assert_int_equal(seen.pins, 0);
}

static void without_its_fifos_the_uart_takes_one_byte_at_a_time(void **state) {
    (void)state;
    type("abc");
    assert_int_equal(pc->serial.count, 2);
    assert_reads("abc");
    assert_int_equal(pc->serial.count, 0);
    assert_false(in(LSR)&2); /* no overrun */
}

static void the_ring_is_bounded_and_wraps(void **state) {
    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        unsigned typed = 0, read = 0;
        while (serial_type(pc, (uint8_t)typed))
            typed++;
        assert_in_range(typed, SERIAL_TYPED, SERIAL_TYPED + 1); /* one is in the UART */
        while (in(LSR)&READY)
            assert_int_equal(in(DATA), (uint8_t)read++);
        assert_int_equal(read, typed);
        type("shift"); /* so that each round begins elsewhere */
        assert_reads("shift");
    }
}

static void scratch_and_line_registers_are_the_uarts(void **state) {
    (void)state;
    out(PC_UART_PORT + 7, 0xa5);
    assert_int_equal(in(PC_UART_PORT + 7), 0xa5);
    out(LCR, 3);
    assert_int_equal(in(LCR), 3);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(text_goes_to_the_guests_console),
        TEST(what_is_typed_interrupts_until_it_is_read),
        TEST(an_empty_transmitter_interrupts_until_iir_is_read),
        TEST(a_long_paste_waits_for_room_and_loses_nothing),
        TEST(without_its_fifos_the_uart_takes_one_byte_at_a_time),
        TEST(the_ring_is_bounded_and_wraps),
        TEST(scratch_and_line_registers_are_the_uarts),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
