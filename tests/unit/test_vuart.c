/* Guards vmm/devices/vuart.c: a 16550A as drivers use it, above all Linux's 8250 driver. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/devices/vuart.h"

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR };
#define FCR          IIR

#define IER_RECEIVED 1
#define IER_EMPTY    2
#define IER_LINE     4
#define IER_MODEM    8

#define IIR_MODEM    0x00
#define IIR_NONE     0x01
#define IIR_EMPTY    0x02
#define IIR_RECEIVED 0x04
#define IIR_LINE     0x06
#define IIR_TIMEOUT  0x0c
#define FIFOS        0xc0

#define DLAB         0x80
#define OUT2         0x08
#define LOOPBACK     0x10

static struct vuart uart;

static int set_up(void **state) {
    (void)state;
    memset(&uart, 0xee, sizeof(uart));
    vuart_reset(&uart);
    vuart_write(&uart, MCR, OUT2);
    return 0;
}

static void out(unsigned reg, unsigned value) {
    assert_int_equal(vuart_write(&uart, reg, (uint8_t)value), VUART_NO_BYTE);
}

static void assert_reads(unsigned reg, uint8_t value) {
    assert_int_equal(vuart_read(&uart, reg), value);
}

/* The interrupt line, then IIR; reading it resets the interrupt of the empty holding register. */
static void assert_cause(uint8_t value) {
    assert_int_equal(vuart_interrupt(&uart), (value & 0xf) != IIR_NONE);
    assert_reads(IIR, value);
}

static void receive(const char *text) {
    for (; *text; text++)
        vuart_receive(&uart, (uint8_t)*text);
}

static void assert_receives(const char *text) {
    for (; *text; text++)
        assert_reads(DATA, (uint8_t)*text);
}

/* ---- registers ---- */

static void after_a_reset_nothing_is_pending_and_it_can_send(void **state) {
    (void)state;
    vuart_reset(&uart);
    assert_reads(IER, 0);
    assert_reads(IIR, IIR_NONE);
    assert_reads(LCR, 0);
    assert_reads(MCR, 0);
    assert_reads(LSR, 0x60);
    assert_reads(MSR, 0xb0);
    assert_false(vuart_interrupt(&uart));
}

static void bits_that_a_16550a_does_not_have_read_0(void **state) {
    (void)state;
    out(IER, 0xf0);
    assert_reads(IER, 0);
    out(MCR, 0xe0);
    assert_reads(MCR, 0);
    out(LCR, 0x7f);
    assert_reads(LCR, 0x7f);
    out(SCR, 0xa5);
    assert_reads(SCR, 0xa5);
    out(LSR, 0xff);
    assert_reads(LSR, 0x60);
    out(MSR, 0xff);
    assert_reads(MSR, 0xb0);
    assert_reads(8, 0xff);
    out(8, 0xff);
}

static void dlab_maps_the_divisor_over_two_registers(void **state) {
    (void)state;
    out(IER, IER_RECEIVED);
    out(LCR, DLAB | 3);
    out(DATA, 0x01);
    out(IER, 0x02);
    assert_reads(DATA, 0x01);
    assert_reads(IER, 0x02);
    receive("x");
    assert_cause(IIR_RECEIVED);
    out(LCR, 3);
    assert_reads(IER, IER_RECEIVED);
    assert_receives("x");
}

/* ---- sending ---- */

static void a_byte_is_transmitted_at_once(void **state) {
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        assert_int_equal(vuart_write(&uart, DATA, (uint8_t)byte), byte);
        assert_reads(LSR, 0x60);
    }
}

static void enabling_the_empty_interrupt_raises_it_and_reading_iir_ends_it(void **state) {
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        out(IER, IER_EMPTY);
        assert_cause(IIR_EMPTY);
        assert_cause(IIR_NONE);
        out(IER, IER_EMPTY);
        assert_cause(IIR_NONE); /* it was already enabled */
        out(IER, 0);
        assert_cause(IIR_NONE);
    }
}

static void each_byte_sent_raises_the_empty_interrupt_again(void **state) {
    (void)state;
    out(IER, IER_EMPTY);
    assert_cause(IIR_EMPTY);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(vuart_write(&uart, DATA, 'a'), 'a');
        assert_true(vuart_interrupt(&uart));
    }
    assert_cause(IIR_EMPTY);
    assert_cause(IIR_NONE);
}

static void reading_a_higher_cause_does_not_end_the_empty_interrupt(void **state) {
    (void)state;
    out(IER, IER_EMPTY | IER_RECEIVED);
    receive("x");
    assert_cause(IIR_RECEIVED);
    assert_receives("x");
    assert_cause(IIR_EMPTY);
    assert_cause(IIR_NONE);
}

/* ---- receiving ---- */

static void without_fifos_an_overrun_replaces_the_byte(void **state) {
    (void)state;
    out(IER, IER_RECEIVED | IER_LINE);
    assert_true(vuart_can_receive(&uart));
    receive("a");
    assert_false(vuart_can_receive(&uart));
    assert_reads(LSR, 0x61);
    assert_cause(IIR_RECEIVED);
    receive("b");
    assert_cause(IIR_LINE);
    assert_reads(LSR, 0x63);
    assert_reads(LSR, 0x61);
    assert_cause(IIR_RECEIVED);
    assert_receives("b");
    assert_cause(IIR_NONE);
    assert_reads(LSR, 0x60);
    assert_receives("b"); /* the last byte again */
}

static void with_fifos_an_overrun_loses_the_17th_byte(void **state) {
    (void)state;
    out(FCR, 0x01);
    out(IER, IER_LINE);
    for (unsigned round = 0; round < 3; round++) {
        receive("0123456789abcde");
        assert_true(vuart_can_receive(&uart));
        receive("f");
        assert_false(vuart_can_receive(&uart));
        assert_cause(FIFOS | IIR_NONE);
        receive("g");
        assert_cause(FIFOS | IIR_LINE);
        assert_reads(LSR, 0x63);
        assert_receives("0123456789abcdef");
        assert_reads(LSR, 0x60);
        receive("x"); /* so that the ring wraps at another place each time */
        assert_receives("x");
    }
}

static void fewer_bytes_than_the_trigger_level_are_a_timeout(void **state) {
    static const unsigned level[] = {1, 4, 8, 14};

    (void)state;
    out(IER, IER_RECEIVED);
    for (unsigned i = 0; i < 4; i++) {
        out(FCR, i << 6 | 0x03);
        for (unsigned count = 1; count <= 16; count++) {
            receive("x");
            assert_cause(FIFOS | (count < level[i] ? IIR_TIMEOUT : IIR_RECEIVED));
        }
        for (unsigned count = 16; count > 0; count--)
            assert_receives("x");
        assert_cause(FIFOS | IIR_NONE);
    }
}

static void fcr_clears_and_switches_the_fifos(void **state) {
    (void)state;
    out(FCR, 0x01);
    receive("abc");
    out(FCR, 0x05); /* clears the transmitter FIFO */
    assert_reads(LSR, 0x61);
    out(FCR, 0x03);
    assert_reads(LSR, 0x60);
    receive("abc");
    out(FCR, 0x00);
    assert_reads(LSR, 0x60);
    assert_reads(IIR, IIR_NONE);
    receive("a");
    out(FCR, 0x02); /* without bit 0 the others are ignored */
    assert_reads(LSR, 0x61);
    out(FCR, 0xc1);
    assert_reads(LSR, 0x60);
    assert_reads(IIR, FIFOS | IIR_NONE);
}

/* ---- the interrupt ---- */

static void causes_are_reported_by_priority(void **state) {
    (void)state;
    receive("ab");             /* an overrun */
    out(MCR, OUT2 | LOOPBACK); /* the modem lines change */
    out(MCR, OUT2);
    out(IER, 0x0f);
    assert_cause(IIR_LINE);
    assert_reads(LSR, 0x63);
    assert_cause(IIR_RECEIVED);
    assert_receives("b");
    assert_cause(IIR_EMPTY);
    assert_cause(IIR_MODEM);
    assert_reads(MSR, 0xb3); /* DCD follows OUT2 and was on before */
    assert_cause(IIR_NONE);
}

static void without_out2_the_line_is_low(void **state) {
    (void)state;
    out(IER, IER_RECEIVED);
    receive("a");
    assert_true(vuart_interrupt(&uart));
    out(MCR, 0);
    assert_false(vuart_interrupt(&uart));
    assert_reads(IIR, IIR_RECEIVED);
    out(MCR, OUT2);
    assert_true(vuart_interrupt(&uart));
}

static void a_disabled_cause_does_not_interrupt(void **state) {
    (void)state;
    receive("ab");
    out(MCR, OUT2 | LOOPBACK);
    assert_cause(IIR_NONE);
    out(IER, IER_MODEM);
    assert_cause(IIR_MODEM);
}

/* ---- loopback ---- */

static void in_loopback_mode_it_receives_only_its_own_bytes(void **state) {
    (void)state;
    out(FCR, 0x01);
    out(MCR, LOOPBACK);
    assert_false(vuart_can_receive(&uart));
    receive("outside");
    assert_reads(LSR, 0x60);
    out(DATA, 'a');
    out(DATA, 'b');
    assert_reads(LSR, 0x61);
    assert_receives("ab");
    for (unsigned i = 0; i < 17; i++)
        out(DATA, i);
    assert_reads(LSR, 0x63);
}

static void in_loopback_mode_the_modem_outputs_are_the_inputs(void **state) {
    static const uint8_t input[] = {0x20, 0x10, 0x40, 0x80}; /* DSR, CTS, RI, DCD */

    (void)state;
    out(MCR, LOOPBACK);
    vuart_read(&uart, MSR);
    for (unsigned i = 0; i < 4; i++) {
        uint8_t change = input[i] >> 4;
        out(MCR, LOOPBACK | 1u << i);
        assert_reads(MSR, input[i] | (input[i] == 0x40 ? 0 : change)); /* RI: trailing edge only */
        assert_reads(MSR, input[i]);
        out(MCR, LOOPBACK);
        assert_reads(MSR, change);
        assert_reads(MSR, 0);
    }
}

/* ---- detection by Linux: drivers/tty/serial/8250 ---- */

static void linux_detects_a_16550a_without_bugs(void **state) {
    (void)state;
    vuart_reset(&uart);
    out(IER, 0);
    assert_reads(IER, 0);
    out(IER, 0x0f);
    assert_reads(IER, 0x0f);
    out(IER, 0);
    out(MCR, LOOPBACK | 0x0a);
    assert_int_equal(vuart_read(&uart, MSR) & 0xf0, 0x90);
    out(MCR, 0);
    out(LCR, 0xbf);
    out(LCR, 0);
    out(FCR, 0x01);
    assert_int_equal(vuart_read(&uart, IIR) >> 6, 3);
    /* No EFR and no other register bank behind the divisor. */
    out(LCR, 0x80);
    assert_int_not_equal(vuart_read(&uart, 2), 0);
    out(LCR, 0xbf);
    assert_int_not_equal(vuart_read(&uart, 2), 0);
    out(LCR, 0);
    out(FCR, 0);
    /* Each enable raises the interrupt of the empty holding register. */
    for (unsigned i = 0; i < 2; i++) {
        out(IER, IER_EMPTY);
        assert_int_equal(vuart_read(&uart, IIR) & 1, 0);
        out(IER, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(after_a_reset_nothing_is_pending_and_it_can_send, set_up),
        cmocka_unit_test_setup(bits_that_a_16550a_does_not_have_read_0, set_up),
        cmocka_unit_test_setup(dlab_maps_the_divisor_over_two_registers, set_up),
        cmocka_unit_test_setup(a_byte_is_transmitted_at_once, set_up),
        cmocka_unit_test_setup(enabling_the_empty_interrupt_raises_it_and_reading_iir_ends_it,
                               set_up),
        cmocka_unit_test_setup(each_byte_sent_raises_the_empty_interrupt_again, set_up),
        cmocka_unit_test_setup(reading_a_higher_cause_does_not_end_the_empty_interrupt, set_up),
        cmocka_unit_test_setup(without_fifos_an_overrun_replaces_the_byte, set_up),
        cmocka_unit_test_setup(with_fifos_an_overrun_loses_the_17th_byte, set_up),
        cmocka_unit_test_setup(fewer_bytes_than_the_trigger_level_are_a_timeout, set_up),
        cmocka_unit_test_setup(fcr_clears_and_switches_the_fifos, set_up),
        cmocka_unit_test_setup(causes_are_reported_by_priority, set_up),
        cmocka_unit_test_setup(without_out2_the_line_is_low, set_up),
        cmocka_unit_test_setup(a_disabled_cause_does_not_interrupt, set_up),
        cmocka_unit_test_setup(in_loopback_mode_it_receives_only_its_own_bytes, set_up),
        cmocka_unit_test_setup(in_loopback_mode_the_modem_outputs_are_the_inputs, set_up),
        cmocka_unit_test_setup(linux_detects_a_16550a_without_bugs, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
