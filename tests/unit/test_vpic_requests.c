/* Guards vmm/devices/vpic.c: special mask mode, triggering, polling, reading registers and spurious
 * interrupts; and random accesses. */
#include "tests/unit/vpic_alone.h"

/* ---- special mask mode ---- */

static void special_mask_mode_unblocks_levels_below_a_masked_one_in_service(void **state) {
    (void)state;
    rise(3);
    assert_accepted(0x33);
    vpic_write(&pic, VPIC_MASTER_DATA, 0x08);
    rise(6);
    assert_no_request();
    vpic_write(&pic, MASTER, SPECIAL_MASK_SET);
    assert_accepted(0x36);
    assert_isr(0x48, 0);
    vpic_write(&pic, MASTER, 0x28); /* SMM without ESMM: no action */
    vpic_write(&pic, MASTER, NON_SPECIFIC_EOI);
    assert_isr(0x08, 0); /* the masked level is skipped */
    vpic_write(&pic, MASTER, NON_SPECIFIC_EOI);
    assert_isr(0x08, 0);
    vpic_write(&pic, MASTER, SPECIAL_MASK_OFF);
    pulse(6);
    assert_no_request();
    vpic_write(&pic, MASTER, NON_SPECIFIC_EOI);
    assert_isr(0, 0);
    assert_accepted(0x36);
}

/* ---- poll, reading ---- */

static void a_poll_acknowledges_and_returns_the_level(void **state) {
    (void)state;
    vpic_write(&pic, VPIC_MASTER_DATA, 0x80);
    rise(5);
    rise(6);
    vpic_write(&pic, MASTER, POLL);
    assert_int_equal(vpic_read(&pic, MASTER), 0x85);
    assert_isr(0x20, 0);
    assert_irr(0x40, 0);
    vpic_write(&pic, MASTER, POLL);
    assert_int_equal(vpic_read(&pic, VPIC_MASTER_DATA), 0);    /* 6 is below 5; either port polls */
    assert_int_equal(vpic_read(&pic, VPIC_MASTER_DATA), 0x80); /* only once: now the IMR */
    assert_isr(0x20, 0);
}

static void a_poll_has_precedence_over_a_read_register_command(void **state) {
    (void)state;
    rise(1);
    vpic_write(&pic, MASTER, POLL | 3);
    assert_int_equal(vpic_read(&pic, MASTER), 0x81);
    assert_int_equal(vpic_read(&pic, MASTER), 0); /* still the IRR */
}

static void the_slave_is_polled_after_the_master(void **state) {
    (void)state;
    rise(14);
    vpic_write(&pic, MASTER, POLL);
    assert_int_equal(vpic_read(&pic, MASTER), 0x82);
    vpic_write(&pic, SLAVE, POLL);
    assert_int_equal(vpic_read(&pic, SLAVE), 0x86);
    assert_isr(0x04, 0x40);
    assert_no_request();
}

static void a_poll_of_the_slave_alone_withdraws_its_int(void **state) {
    (void)state;
    rise(14);
    vpic_write(&pic, SLAVE, POLL);
    assert_int_equal(vpic_read(&pic, VPIC_SLAVE_DATA), 0x86);
    assert_no_request();
}

static void the_selected_register_is_kept(void **state) {
    (void)state;
    rise(1);
    assert_accepted(0x31);
    rise(4);
    vpic_write(&pic, MASTER, READ_ISR);
    assert_int_equal(vpic_read(&pic, MASTER), 0x02);
    vpic_write(&pic, MASTER, 0x08); /* RR clear: no action */
    assert_int_equal(vpic_read(&pic, MASTER), 0x02);
    vpic_write(&pic, MASTER, READ_IRR);
    assert_int_equal(vpic_read(&pic, MASTER), 0x10);
    assert_int_equal(vpic_read(&pic, MASTER), 0x10);
}

/* ---- triggering ---- */

static void an_edge_is_one_interrupt(void **state) {
    (void)state;
    rise(4);
    rise(4);
    assert_accepted(0x34);
    rise(4);
    vpic_write(&pic, MASTER, NON_SPECIFIC_EOI);
    assert_no_request(); /* still high */
    assert_irr(0, 0);
    pulse(4);
    assert_accepted(0x34);
}

static void a_level_triggered_line_requests_while_it_is_high(void **state) {
    (void)state;
    vpic_write(&pic, VPIC_MASTER_ELCR, 0x20);
    vpic_write(&pic, VPIC_SLAVE_ELCR, 0x08);
    rise(5);
    assert_accepted(0x35);
    assert_irr(0x20, 0);
    vpic_write(&pic, MASTER, NON_SPECIFIC_EOI);
    assert_accepted(0x35);
    fall(5);
    vpic_write(&pic, MASTER, NON_SPECIFIC_EOI);
    assert_no_request();
    rise(11);
    assert_accepted(0x3b);
    vpic_write(&pic, SLAVE, NON_SPECIFIC_EOI);
    vpic_write(&pic, MASTER, NON_SPECIFIC_EOI);
    assert_accepted(0x3b);
    fall(11);
    vpic_write(&pic, SLAVE, NON_SPECIFIC_EOI);
    vpic_write(&pic, MASTER, NON_SPECIFIC_EOI);
    assert_no_request();
}

static void ltim_makes_all_lines_but_the_cascade_level_triggered(void **state) {
    (void)state;
    initialize(MASTER, 0x19, 0x30, 0x01);
    initialize(SLAVE, 0x19, 0x38, 0x01);
    rise(0);
    assert_accepted(0x30);
    vpic_write(&pic, MASTER, NON_SPECIFIC_EOI);
    assert_accepted(0x30);
    fall(0);
    vpic_write(&pic, MASTER, NON_SPECIFIC_EOI);
    rise(15);
    assert_accepted(0x3f);
    vpic_write(&pic, MASTER, NON_SPECIFIC_EOI);
    assert_no_request(); /* 15 is in service at the slave */
    vpic_write(&pic, SLAVE, NON_SPECIFIC_EOI);
    assert_accepted(0x3f);
}

static void the_elcr_has_reserved_bits(void **state) {
    (void)state;
    assert_int_equal(vpic_read(&pic, VPIC_MASTER_ELCR), 0);
    vpic_write(&pic, VPIC_MASTER_ELCR, 0xff);
    vpic_write(&pic, VPIC_SLAVE_ELCR, 0xff);
    assert_int_equal(vpic_read(&pic, VPIC_MASTER_ELCR), 0xf8);
    assert_int_equal(vpic_read(&pic, VPIC_SLAVE_ELCR), 0xde);
    initialize(MASTER, 0x11, 0x30, 0x01);
    assert_int_equal(vpic_read(&pic, VPIC_MASTER_ELCR), 0xf8); /* ICW1 does not clear it */
}

static void a_change_to_level_triggering_drops_the_edge(void **state) {
    (void)state;
    rise(6);
    vpic_write(&pic, VPIC_MASTER_ELCR, 0x40);
    assert_true(vpic_output(&pic));
    vpic_write(&pic, VPIC_MASTER_ELCR, 0);
    assert_no_request();
    vpic_write(&pic, VPIC_MASTER_ELCR, 0x40);
    pulse(6); /* a rise of a level-triggered line is not latched */
    vpic_write(&pic, VPIC_MASTER_ELCR, 0);
    assert_no_request();
}

/* ---- spurious interrupts ---- */

static void a_withdrawn_request_is_ir7_of_the_master_without_an_isr_bit(void **state) {
    (void)state;
    rise(4);
    fall(4);
    assert_no_request();
    assert_int_equal(vpic_acknowledge(&pic), 0x37);
    assert_isr(0, 0);
    assert_irr(0, 0);
    rise(7); /* a real IR7 sets its ISR bit */
    assert_accepted(0x37);
    assert_isr(0x80, 0);
}

static void a_withdrawn_request_of_the_slave_is_its_ir7_with_the_cascade_in_service(void **state) {
    (void)state;
    vpic_write(&pic, VPIC_SLAVE_ELCR, 0x02);
    for (unsigned irq = 9; irq <= 10; irq++) { /* level, edge */
        rise(irq);
        fall(irq);
        assert_accepted(0x3f);
        assert_isr(0x04, 0);
        pulse(3);
        assert_no_request();
        vpic_write(&pic, MASTER, NON_SPECIFIC_EOI);
        assert_isr(0, 0);
        assert_accepted(0x33);
        vpic_write(&pic, MASTER, NON_SPECIFIC_EOI);
        assert_no_request();
    }
}

static void initializing_the_slave_withdraws_its_request(void **state) {
    (void)state;
    rise(9);
    vpic_write(&pic, SLAVE, 0x11);
    assert_no_request();
    vpic_write(&pic, VPIC_SLAVE_DATA, 0x38);
    vpic_write(&pic, VPIC_SLAVE_DATA, 2);
    vpic_write(&pic, VPIC_SLAVE_DATA, 1);
    assert_no_request();
}

static void initializing_the_master_keeps_the_slaves_request(void **state) {
    (void)state;
    rise(9);
    initialize(MASTER, 0x11, 0x30, 0x01);
    assert_accepted(0x39);
}

/* ---- random accesses ---- */

static uint32_t random_number(void) {
    static uint64_t seed = 0x5eed;

    seed = seed * 6364136223846793005 + 1442695040888963407;
    return (uint32_t)(seed >> 33);
}

static void random_step(void) {
    static const uint16_t port[] = {0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1, 0x22, 0xffff};
    uint32_t r = random_number();

    if (r & 1)
        vpic_set_line(&pic, r >> 8 & 31, r >> 16 & 1);
    else if (r & 2)
        vpic_write(&pic, port[r >> 4 & 7], (uint8_t)(r >> 16));
    else
        vpic_read(&pic, port[r >> 4 & 7]);
}

/* A vector is always one of the sixteen; an acknowledge while INT is low changes nothing. */
static void any_order_of_accesses_keeps_the_state_valid(void **state) {
    (void)state;
    for (unsigned i = 0; i < 300000; i++) {
        random_step();
        if (i % 5 == 0) {
            struct vpic before = pic;
            uint8_t vector = vpic_acknowledge(&pic);
            uint8_t base = vector & 0xf8;

            assert_true(base == before.master.base || base == before.slave.base);
            assert_true(vpic_output(&before) || !memcmp(&before, &pic, sizeof(pic)));
        }
        assert_true(pic.master.lowest < 8 && pic.slave.lowest < 8);
        assert_int_equal(pic.master.elcr & 0x07, 0);
        assert_int_equal(pic.slave.elcr & 0x21, 0);
        assert_int_equal(pic.master.line & pic.master.cascade, 0);
    }
}

static void other_ports_read_all_ones(void **state) {
    struct vpic before = pic;

    (void)state;
    assert_int_equal(vpic_read(&pic, 0x22), 0xff);
    vpic_write(&pic, 0x22, 0x11);
    assert_memory_equal(&pic, &before, sizeof(pic));
}

#define TEST(function) cmocka_unit_test_setup(function, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(special_mask_mode_unblocks_levels_below_a_masked_one_in_service),
        TEST(a_poll_acknowledges_and_returns_the_level),
        TEST(a_poll_has_precedence_over_a_read_register_command),
        TEST(the_slave_is_polled_after_the_master),
        TEST(a_poll_of_the_slave_alone_withdraws_its_int),
        TEST(the_selected_register_is_kept),
        TEST(an_edge_is_one_interrupt),
        TEST(a_level_triggered_line_requests_while_it_is_high),
        TEST(ltim_makes_all_lines_but_the_cascade_level_triggered),
        TEST(the_elcr_has_reserved_bits),
        TEST(a_change_to_level_triggering_drops_the_edge),
        TEST(a_withdrawn_request_is_ir7_of_the_master_without_an_isr_bit),
        TEST(a_withdrawn_request_of_the_slave_is_its_ir7_with_the_cascade_in_service),
        TEST(initializing_the_slave_withdraws_its_request),
        TEST(initializing_the_master_keeps_the_slaves_request),
        TEST(any_order_of_accesses_keeps_the_state_valid),
        TEST(other_ports_read_all_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
