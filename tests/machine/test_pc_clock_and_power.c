/* Guards vmm/pc/rtc.c and power.c: the real-time clock's interrupt line and timer, and the ways to
 * switch a PC off and to reset it. MC146818A data sheet; ACPI 6.5, "Sleep Control and Status
 * Registers", "Power Management Timer". */
#include "tests/machine/one_pc.h"
#include "vmm/pc/test_devices.h"

/* ---- the clock ---- */

static uint8_t rtc_read(uint8_t index) {
    out(PC_RTC_PORT, index);
    return in(PC_RTC_PORT + 1);
}

static void rtc_write(uint8_t index, uint8_t value) {
    out(PC_RTC_PORT, index);
    out(PC_RTC_PORT + 1, value);
}

static void the_clock_starts_with_the_firmwares_time(void **state) {
    static const struct {
        uint8_t index, value;
    } fields[] = {{0, 0x20}, {2, 0x13}, {4, 0x22}, {7, 0x14}, {8, 0x11}, {9, 0x23}, {0x32, 0x20}};

    (void)state;
    for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        assert_int_equal(rtc_read(fields[i].index), fields[i].value);
    pass_us(41000000);
    assert_int_equal(rtc_read(0), 0x01);
    assert_int_equal(rtc_read(2), 0x14);
}

static void the_clocks_interrupt_is_irq_8_until_register_c_is_read(void **state) {
    (void)state;
    rtc_write(11, 0x42); /* periodic, 1024 Hz */
    assert_int_equal(seen.pins, 0);
    run_until(START + MACHINE_HZ / 1024 + 100);
    assert_int_equal(seen.pins, PIN(8));
    assert_int_equal(pc_timer_next(pc), TIME_NEVER); /* while it is high */
    assert_int_equal(rtc_read(12), 0xc0);
    assert_int_equal(seen.pins, 0);
    assert_true(pc_timer_next(pc) <= START + 2 * (MACHINE_HZ / 1024) + 100);
    run_until(START + 10 * (MACHINE_HZ / 1024) + 100);
    assert_int_equal(seen.rises[8], 2);
}

static void an_interrupt_comes_in_time_and_not_before(void **state) {
    (void)state;
    rtc_write(11, 0x42);
    uint64_t next = pc_timer_next(pc);
    assert_true(next > START && next <= START + MACHINE_HZ / 1024 + 2);
    now = next - MACHINE_HZ / 1000000;
    pc_tick(pc);
    rtc_tick(pc);
    assert_int_equal(seen.pins, 0);
    now = pc_timer_next(pc);
    assert_true(now <= next + 1); /* rounded up anew */
    pc_tick(pc);
    assert_int_equal(seen.pins, PIN(8));
}

static void vcpu_0_is_notified_when_the_next_poll_has_changed(void **state) {
    (void)state;
    rtc_read(0);
    assert_int_equal(seen.timer_changes, 0);
    rtc_write(11, 0x42);
    assert_int_equal(seen.timer_changes, 1);
    rtc_write(11, 0x02);
    assert_int_equal(seen.timer_changes, 2);
    assert_int_equal(pc_timer_next(pc), TIME_NEVER);
}

/* The access that finds the interrupt due also ends it: the edge must not be lost. */
static void an_interrupt_that_an_access_ends_at_once_is_an_edge(void **state) {
    (void)state;
    rtc_write(11, 0x42);
    out(PC_RTC_PORT, 12);
    pass_us(5000);
    assert_int_equal(in(PC_RTC_PORT + 1), 0xc0);
    assert_int_equal(seen.rises[8], 1);
    assert_int_equal(seen.pins, 0);
}

/* ---- switching off and resetting ---- */

static void assert_ends_by(uint16_t port, unsigned size, uint32_t value, const char *how,
                           uint32_t code) {
    set_up(NULL);
    pc_port_out(pc, port, size, value);
    assert_int_equal(seen.ends, 1);
    assert_string_equal(seen.how, how);
    assert_int_equal(seen.code, code);
}

static void assert_goes_on(uint16_t port, uint32_t value) {
    out(port, value);
    assert_int_equal(seen.ends, 0);
}

static void s5_switches_off(void **state) {
    (void)state;
    assert_ends_by(PC_SLEEP_CONTROL, 1, 0x20 | 5 << 2, "poweroff", 0);
    assert_ends_by(PC_SLEEP_CONTROL, 1, 0xff & (0xe0 | 5 << 2 | 3), "poweroff", 0);
    set_up(NULL);
    for (unsigned type = 0; type < 8; type++) {
        assert_goes_on(PC_SLEEP_CONTROL, type << 2); /* without SLP_EN */
        if (type != 5)
            assert_goes_on(PC_SLEEP_CONTROL, 0x20 | type << 2);
    }
    assert_goes_on(PC_SLEEP_STATUS, 0x20 | 5 << 2);
}

static void there_are_three_ways_to_reset(void **state) {
    (void)state;
    assert_ends_by(PC_RESET_PORT, 1, 1, "reset", 0);
    assert_ends_by(0x64, 1, 0xfe, "reset", 0); /* the 8042 pulses the reset line */
    assert_ends_by(0x64, 1, 0xf0, "reset", 0); /* among others */
    assert_ends_by(0xcf9, 1, 0x06, "reset", 0);
    assert_ends_by(0xcf9, 1, 0x0e, "reset", 0);
    set_up(NULL);
    assert_goes_on(PC_RESET_PORT, 0);
    assert_goes_on(PC_RESET_PORT, 2);
    assert_goes_on(0x64, 0xff); /* pulses nothing */
    assert_goes_on(0x64, 0xd1);
    assert_goes_on(0x64, 0xaa);
    assert_goes_on(0xcf9, 0x02); /* chooses the kind of reset only */
}

static void a_panic_of_the_guest_is_a_failure(void **state) {
    (void)state;
    assert_ends_by(PC_PANIC_PORT, 1, 1, "panic", 1);
    set_up(NULL);
    assert_goes_on(PC_PANIC_PORT, 2); /* a crash kernel takes over */
    assert_int_equal(in(PC_PANIC_PORT), 1);
}

static void the_ports_of_test_programs_end_the_guest(void **state) {
    (void)state;
    assert_ends_by(TEST_EXIT, 4, 0, "exit", 0);
    assert_ends_by(TEST_EXIT, 4, 0x12345678, "exit", 0x12345678);
    assert_ends_by(TEST_EXIT, 1, 0x12345678, "exit", 0x78);
}

static void say(const char *text) {
    for (; *text; text++)
        out(SHUTDOWN_PORT, (uint8_t)*text);
}

static void the_word_shutdown_switches_off(void **state) {
    (void)state;
    say("Shutdow");
    assert_int_equal(seen.ends, 0);
    say("n");
    assert_int_equal(seen.ends, 1);
    assert_string_equal(seen.how, "poweroff");
    set_up(NULL);
    say("Shutdxwn");
    say("hutdown");
    say("shutdown");
    assert_int_equal(seen.ends, 0);
    say("Shutdown");
    assert_int_equal(seen.ends, 1);
}

/* ---- the button ---- */

static void the_button_is_a_line_until_its_bit_is_cleared(void **state) {
    (void)state;
    assert_int_equal(in(PC_BUTTON_PORT), 0);
    pc_power_press(pc);
    pc_power_press(pc);
    assert_int_equal(seen.pins, PIN(PC_BUTTON_IRQ));
    assert_int_equal(in(PC_BUTTON_PORT), 1);
    assert_int_equal(in(PC_SLEEP_CONTROL), 0);
    out(PC_BUTTON_PORT, 0xfe);
    assert_int_equal(in(PC_BUTTON_PORT), 1);
    out(PC_BUTTON_PORT, 1);
    assert_int_equal(in(PC_BUTTON_PORT), 0);
    assert_int_equal(seen.pins, 0);
    pc_power_press(pc);
    assert_int_equal(seen.rises[PC_BUTTON_IRQ], 2);
    assert_int_equal(seen.ends, 0); /* it only asks */
}

/* ---- the power management timer ---- */

static void the_timer_counts_at_its_frequency_in_24_bits(void **state) {
    (void)state;
    uint32_t before = pc_port_in(pc, PC_PM_TIMER, 4);
    pass_us(1000000);
    uint32_t after = pc_port_in(pc, PC_PM_TIMER, 4);
    assert_in_range((after - before) & 0xffffff, 3579544, 3579546);
    for (unsigned i = 0; i < 10; i++) {
        pass_us(1000000);
        assert_int_equal(pc_port_in(pc, PC_PM_TIMER, 4) >> 24, 0);
    }
}

static void bytes_of_the_timer_can_be_read_alone(void **state) {
    (void)state;
    pass_us(123456789);
    uint32_t whole = pc_port_in(pc, PC_PM_TIMER, 4);
    assert_int_not_equal(whole >> 8, 0);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(in((uint16_t)(PC_PM_TIMER + i)), whole >> 8 * i & 0xff);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_clock_starts_with_the_firmwares_time),
        TEST(the_clocks_interrupt_is_irq_8_until_register_c_is_read),
        TEST(an_interrupt_comes_in_time_and_not_before),
        TEST(vcpu_0_is_notified_when_the_next_poll_has_changed),
        TEST(an_interrupt_that_an_access_ends_at_once_is_an_edge),
        TEST(s5_switches_off),
        TEST(there_are_three_ways_to_reset),
        TEST(a_panic_of_the_guest_is_a_failure),
        TEST(the_ports_of_test_programs_end_the_guest),
        TEST(the_word_shutdown_switches_off),
        TEST(the_button_is_a_line_until_its_bit_is_cleared),
        TEST(the_timer_counts_at_its_frequency_in_24_bits),
        TEST(bytes_of_the_timer_can_be_read_alone),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
