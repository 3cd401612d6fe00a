/* Guards vmm/pc/irq_lines.c: the lines from the devices to both interrupt controllers, and the
 * 8254. MultiProcessor Specification 1.4, "Virtual Wire Mode"; data sheets of the 8259A and the
 * 8254. */
#include "tests/machine/one_pc.h"

#define INTR PIN(0)

static void drive(enum irq_source source, unsigned irq, bool level) {
    irq_lines_set(pc, source, irq, level);
}

/* ---- lines ---- */

static void a_line_is_the_or_of_its_sources(void **state) {
    (void)state;
    drive(IRQ_SOURCE_TEST, 5, true);
    assert_int_equal(seen.pins, PIN(5));
    drive(IRQ_SOURCE_UART, 5, true); /* the pin does not change */
    drive(IRQ_SOURCE_TEST, 5, false);
    assert_int_equal(seen.pins, PIN(5));
    drive(IRQ_SOURCE_UART, 5, false);
    assert_int_equal(seen.pins, 0);
    assert_int_equal(seen.rises[5], 1);
}

static void irq_0_is_wired_to_pin_2(void **state) {
    (void)state;
    drive(IRQ_SOURCE_TEST, 0, true);
    assert_int_equal(seen.pins, PIN(2));
    drive(IRQ_SOURCE_TEST, 0, false);
    assert_int_equal(seen.pins, 0);
    for (unsigned irq = 1; irq < IOAPIC_PIN_COUNT; irq++) {
        drive(IRQ_SOURCE_TEST, irq, true);
        assert_int_equal(seen.pins, PIN(irq));
        drive(IRQ_SOURCE_TEST, irq, false);
    }
}

static void numbers_without_a_line_are_ignored(void **state) {
    (void)state;
    drive(IRQ_SOURCE_TEST, 24, true);
    drive(IRQ_SOURCE_TEST, 31, true);
    drive(IRQ_SOURCE_TEST, 32, true);
    drive(IRQ_SOURCE_TEST, UINT32_MAX, true);
    assert_int_equal(seen.pins, 0);
}

/* ---- the 8259s ---- */

static void the_output_of_the_8259s_is_intr_and_pin_0(void **state) {
    (void)state;
    drive(IRQ_SOURCE_TEST, 5, true);
    assert_false(pc_intr(pc)); /* masked after a reset */
    assert_int_equal(seen.intr_rises, 0);
    start_pic(1);
    drive(IRQ_SOURCE_TEST, 5, false);
    drive(IRQ_SOURCE_TEST, 5, true);
    assert_true(pc_intr(pc));
    assert_int_equal(seen.pins, INTR | PIN(5));
    assert_int_equal(seen.intr_rises, 1);
    drive(IRQ_SOURCE_TEST, 5, false);
    assert_false(pc_intr(pc));
    assert_int_equal(seen.pins, 0);
}

static void each_rise_is_reported_once(void **state) {
    (void)state;
    start_pic(1);
    drive(IRQ_SOURCE_TEST, 5, true);
    drive(IRQ_SOURCE_UART, 5, true);
    drive(IRQ_SOURCE_TEST, 6, true); /* the output is high already */
    drive(IRQ_SOURCE_TEST, 12, true);
    assert_int_equal(seen.intr_rises, 1);
    assert_int_equal(irq_lines_acknowledge(pc, false), 0x2c); /* the slave is at IR2: above IR5 */
    assert_int_equal(seen.intr_rises, 1); /* IR5 and IR6 are below the one in service */
    out(VPIC_SLAVE_COMMAND, 0x20);
    out(VPIC_MASTER_COMMAND, 0x20);
    assert_int_equal(seen.intr_rises, 2);
    assert_int_equal(irq_lines_acknowledge(pc, false), 0x25);
    out(VPIC_MASTER_COMMAND, 0x20);
    assert_int_equal(irq_lines_acknowledge(pc, false), 0x26);
    assert_int_equal(seen.intr_rises, 3);
}

/* In automatic-EOI mode the next request is waiting already; it is still an edge of its own. */
static void the_output_falls_between_two_acknowledge_cycles(void **state) {
    (void)state;
    start_pic(3);
    drive(IRQ_SOURCE_TEST, 5, true);
    drive(IRQ_SOURCE_TEST, 6, true);
    assert_int_equal(seen.rises[0], 1);
    assert_int_equal(irq_lines_acknowledge(pc, false), 0x25);
    assert_true(pc_intr(pc));
    assert_int_equal(seen.rises[0], 2);
    assert_int_equal(seen.intr_rises, 2);
    assert_int_equal(irq_lines_acknowledge(pc, false), 0x26);
    assert_false(pc_intr(pc));
}

static void without_a_request_nothing_is_acknowledged(void **state) {
    (void)state;
    start_pic(1);
    assert_int_equal(irq_lines_acknowledge(pc, false), -1);
    assert_int_equal(irq_lines_acknowledge(pc, true), 0x27); /* spurious */
    out(VPIC_MASTER_COMMAND, 0x0b);
    assert_int_equal(in(VPIC_MASTER_COMMAND), 0); /* nothing is in service */
}

static void irqs_above_15_do_not_reach_the_8259s(void **state) {
    (void)state;
    start_pic(1);
    for (unsigned irq = 16; irq < 24; irq++)
        drive(IRQ_SOURCE_VIRTIO, irq, true);
    assert_int_equal(seen.pins, 0xff0000);
    assert_false(pc_intr(pc));
}

static void a_poll_acknowledges_and_lowers_the_output(void **state) {
    (void)state;
    start_pic(1);
    drive(IRQ_SOURCE_TEST, 5, true);
    out(VPIC_MASTER_COMMAND, 0x0c);
    assert_int_equal(in(VPIC_MASTER_COMMAND), 0x85);
    assert_false(pc_intr(pc));
    assert_int_equal(seen.pins, PIN(5));
}

static void a_mask_lowers_the_output_too(void **state) {
    (void)state;
    start_pic(1);
    drive(IRQ_SOURCE_TEST, 5, true);
    out(VPIC_MASTER_DATA, 0xff);
    assert_false(pc_intr(pc));
    out(VPIC_MASTER_DATA, 0);
    assert_true(pc_intr(pc));
    assert_int_equal(seen.intr_rises, 2);
}

static void the_elcr_has_its_ports(void **state) {
    (void)state;
    out(VPIC_MASTER_ELCR, 0x20);
    out(VPIC_SLAVE_ELCR, 0x0c);
    assert_int_equal(in(VPIC_MASTER_ELCR), 0x20);
    assert_int_equal(in(VPIC_SLAVE_ELCR), 0x0c);
}

/* ---- the 8254 ---- */

static void start_pit(uint8_t control, uint16_t count) {
    out(VPIT_CONTROL, control);
    out(VPIT_COUNTER0, (uint8_t)count);
    out(VPIT_COUNTER0, (uint8_t)(count >> 8));
}

static uint64_t ticks(uint64_t count) {
    return count * MACHINE_HZ / VPIT_HZ;
}

static void one_shot_raises_irq_0_when_its_time_has_come(void **state) {
    (void)state;
    start_pit(0x30, 1000);
    assert_int_equal(seen.pins, 0);
    uint64_t next = pc_timer_next(pc);
    assert_true(next >= START + ticks(1000) && next <= START + ticks(1004));
    run_until(START + ticks(990));
    assert_int_equal(seen.pins, 0);
    run_until(START + ticks(1010));
    assert_int_equal(seen.pins, PIN(2));
    assert_int_equal(pc_timer_next(pc), TIME_NEVER);
}

static void a_periodic_counter_is_an_edge_a_period(void **state) {
    (void)state;
    start_pit(0x34, 10000);
    seen.rises[2] = 0;
    run_until(START + ticks(100000 + 5000));
    assert_int_equal(seen.rises[2], 10);
    start_pit(0x36, 10000); /* a square wave */
    seen.rises[2] = 0;
    run_until(now + ticks(100000 + 5000));
    assert_int_equal(seen.rises[2], 10);
}

/* Its low pulse lasts one tick, 838 ns: a poll will not see it. */
static void a_pulse_between_two_polls_still_counts_as_an_edge(void **state) {
    (void)state;
    start_pit(0x34, 1000);
    assert_int_equal(seen.pins, PIN(2));
    seen.rises[2] = 0;
    now += ticks(1500);
    irq_lines_tick(pc);
    assert_int_equal(seen.pins, PIN(2));
    assert_int_equal(seen.rises[2], 1);
    now += ticks(3000); /* three pulses: one edge, as an interrupt controller remembers one */
    irq_lines_tick(pc);
    assert_int_equal(seen.rises[2], 2);
    irq_lines_tick(pc);
    assert_int_equal(seen.rises[2], 2);
}

static void a_write_of_the_counter_polls_first(void **state) {
    (void)state;
    start_pit(0x34, 1000);
    seen.rises[2] = 0;
    now += ticks(1500);
    out(VPIT_CONTROL, 0x00); /* latches the count: not a change, but a write */
    assert_int_equal(seen.rises[2], 1);
}

static void the_guest_cannot_make_it_poll_all_the_time(void **state) {
    unsigned polls = 0;

    (void)state;
    start_pit(0x34, 2);
    for (uint64_t end = now + MACHINE_HZ / 1000; pc_timer_next(pc) < end; polls++) {
        now = pc_timer_next(pc) + 500; /* the exit is late */
        pc_tick(pc);
        now += 500;
    }
    assert_in_range(polls, 9, 10); /* in a millisecond */
}

static void a_single_change_is_not_delayed(void **state) {
    (void)state;
    start_pit(0x34, 2);
    now = pc_timer_next(pc);
    pc_tick(pc);
    now += 200 * (MACHINE_HZ / 1000000);
    start_pit(0x30, 10);
    assert_in_range(pc_timer_next(pc), now + ticks(10), now + ticks(14));
}

static void vcpu_0_is_notified_of_each_change_of_the_timer(void **state) {
    (void)state;
    assert_int_equal(pc_timer_next(pc), TIME_NEVER);
    unsigned before = seen.timer_changes;
    start_pit(0x30, 1000);
    assert_int_equal(seen.timer_changes, before + 3);
    in(VPIT_COUNTER0);
    in(VPIT_SYSTEM_PORT_B);
    assert_int_equal(seen.timer_changes, before + 3);
}

static void counters_read_the_time(void **state) {
    (void)state;
    start_pit(0x30, 1000);
    now += ticks(401);
    out(VPIT_CONTROL, 0x00);
    unsigned count = in(VPIT_COUNTER0);
    count |= (unsigned)in(VPIT_COUNTER0) << 8;
    assert_in_range(count, 598, 601);
    out(VPIT_SYSTEM_PORT_B, 0x01);
    assert_int_equal(in(VPIT_SYSTEM_PORT_B)&1, 1);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_line_is_the_or_of_its_sources),
        TEST(irq_0_is_wired_to_pin_2),
        TEST(numbers_without_a_line_are_ignored),
        TEST(the_output_of_the_8259s_is_intr_and_pin_0),
        TEST(each_rise_is_reported_once),
        TEST(the_output_falls_between_two_acknowledge_cycles),
        TEST(without_a_request_nothing_is_acknowledged),
        TEST(irqs_above_15_do_not_reach_the_8259s),
        TEST(a_poll_acknowledges_and_lowers_the_output),
        TEST(a_mask_lowers_the_output_too),
        TEST(the_elcr_has_its_ports),
        TEST(one_shot_raises_irq_0_when_its_time_has_come),
        TEST(a_periodic_counter_is_an_edge_a_period),
        TEST(a_pulse_between_two_polls_still_counts_as_an_edge),
        TEST(a_write_of_the_counter_polls_first),
        TEST(the_guest_cannot_make_it_poll_all_the_time),
        TEST(a_single_change_is_not_delayed),
        TEST(vcpu_0_is_notified_of_each_change_of_the_timer),
        TEST(counters_read_the_time),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
