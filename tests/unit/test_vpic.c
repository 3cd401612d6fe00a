/* Guards vmm/devices/vpic.c: initialization, priorities and EOIs, in the modes of the 8259A data
 * sheet. */
#include "tests/unit/vpic_alone.h"

/* ---- reset and initialization ---- */

static void after_a_reset_the_vectors_are_those_of_firmware(void **state) {
    (void)state;
    vpic_reset(&pic);
    assert_int_equal(vpic_read(&pic, VPIC_MASTER_DATA), 0xff);
    assert_int_equal(vpic_read(&pic, VPIC_SLAVE_DATA), 0xff);
    rise(1);
    rise(9);
    assert_no_request();
    vpic_write(&pic, VPIC_MASTER_DATA, 0xf8);
    assert_accepted(0x09);
    vpic_write(&pic, MASTER, NON_SPECIFIC_EOI);
    vpic_write(&pic, VPIC_SLAVE_DATA, 0);
    assert_accepted(0x71);
}

static void icw1_clears_imr_isr_edges_and_modes(void **state) {
    (void)state;
    rise(3);
    assert_accepted(0x33);
    rise(4);
    vpic_write(&pic, MASTER, SET_PRIORITY | 3);
    vpic_write(&pic, MASTER, SPECIAL_MASK_SET);
    vpic_write(&pic, MASTER, READ_ISR);
    vpic_write(&pic, VPIC_MASTER_DATA, 0xff);
    initialize(MASTER, 0x11, 0x30, 0x01);
    assert_int_equal(vpic_read(&pic, MASTER), 0);
    rise(5);
    assert_int_equal(vpic_read(&pic, MASTER), 0x20); /* the IRR, without the old edge */
    fall(5);
    assert_int_equal(vpic_read(&pic, VPIC_MASTER_DATA), 0);
    assert_isr(0, 0);
    assert_no_request();
    pulse(7);
    pulse(0);
    assert_accepted(0x30); /* IR0 has the highest priority again */
    vpic_write(&pic, VPIC_MASTER_DATA, 0x01);
    assert_no_request(); /* special mask mode is off */
}

static void nothing_is_requested_during_initialization(void **state) {
    (void)state;
    vpic_write(&pic, VPIC_MASTER_ELCR, 0x20);
    rise(5);
    vpic_write(&pic, MASTER, 0x11);
    assert_no_request();
    vpic_write(&pic, VPIC_MASTER_DATA, 0x40);
    assert_no_request();
    vpic_write(&pic, VPIC_MASTER_DATA, 4);
    assert_no_request();
    vpic_write(&pic, VPIC_MASTER_DATA, 1);
    assert_accepted(0x45);
}

static void icw1_restarts_an_incomplete_initialization(void **state) {
    (void)state;
    vpic_write(&pic, MASTER, 0x11);
    vpic_write(&pic, VPIC_MASTER_DATA, 0x40);
    initialize(MASTER, 0x11, 0x50, 0x01);
    vpic_write(&pic, VPIC_MASTER_DATA, 0xfe); /* OCW1 */
    assert_int_equal(vpic_read(&pic, VPIC_MASTER_DATA), 0xfe);
    rise(0);
    assert_accepted(0x50);
}

static void single_mode_omits_icw3_and_ic4_selects_icw4(void **state) {
    (void)state;
    for (unsigned icw1 = 0x10; icw1 <= 0x13; icw1++) {
        initialize(MASTER, (uint8_t)icw1, 0x60, 0x01);
        vpic_write(&pic, VPIC_MASTER_DATA, 0xa5);
        assert_int_equal(vpic_read(&pic, VPIC_MASTER_DATA), 0xa5);
    }
}

static void without_icw4_its_functions_are_off(void **state) {
    (void)state;
    initialize(MASTER, 0x11, 0x30, 0x03); /* automatic EOI */
    initialize(MASTER, 0x10, 0x30, 0);
    rise(1);
    assert_accepted(0x31);
    assert_isr(0x02, 0);
}

static void the_low_bits_of_the_base_are_the_level(void **state) {
    (void)state;
    initialize(MASTER, 0x11, 0xff, 0x01);
    rise(3);
    assert_accepted(0xfb);
}

/* ---- fully nested mode ---- */

static void each_line_has_its_vector(void **state) {
    (void)state;
    for (unsigned irq = 0; irq < VPIC_IRQ_COUNT; irq++) {
        if (irq == VPIC_CASCADE_IRQ)
            continue;
        set_up(NULL);
        fall(irq);
        rise(irq);
        assert_accepted((uint8_t)(0x30 + irq));
        assert_no_request();
        assert_isr((uint8_t)(irq < 8 ? 1u << irq : 4), (uint8_t)(1u << irq >> 8));
        fall(irq);
    }
}

static void a_higher_level_interrupts_a_lower_one_and_not_the_reverse(void **state) {
    (void)state;
    rise(3);
    assert_accepted(0x33);
    rise(4);
    pulse(3);
    assert_no_request();
    rise(1);
    assert_accepted(0x31);
    assert_isr(0x0a, 0);
    vpic_write(&pic, MASTER, NON_SPECIFIC_EOI); /* of 1 */
    assert_isr(0x08, 0);
    assert_no_request();
    vpic_write(&pic, MASTER, NON_SPECIFIC_EOI);
    assert_accepted(0x33);
    vpic_write(&pic, MASTER, NON_SPECIFIC_EOI);
    assert_accepted(0x34);
}

static void the_slave_has_the_priority_of_ir2(void **state) {
    (void)state;
    rise(3);
    rise(15);
    rise(8);
    assert_accepted(0x38);
    vpic_write(&pic, SLAVE, NON_SPECIFIC_EOI);
    assert_no_request(); /* the master has IR2 in service */
    rise(1);
    assert_accepted(0x31);
    vpic_write(&pic, MASTER, NON_SPECIFIC_EOI);
    vpic_write(&pic, MASTER, NON_SPECIFIC_EOI);
    assert_accepted(0x3f);
    vpic_write(&pic, SLAVE, NON_SPECIFIC_EOI);
    vpic_write(&pic, MASTER, NON_SPECIFIC_EOI);
    assert_accepted(0x33);
}

static void a_masked_request_stays_pending(void **state) {
    (void)state;
    vpic_write(&pic, VPIC_MASTER_DATA, 0x10);
    rise(4);
    assert_no_request();
    assert_irr(0x10, 0);
    vpic_write(&pic, VPIC_MASTER_DATA, 0);
    assert_accepted(0x34);
    rise(9);
    vpic_write(&pic, MASTER, NON_SPECIFIC_EOI);
    vpic_write(&pic, VPIC_MASTER_DATA, 0x04); /* the whole slave */
    assert_no_request();
    vpic_write(&pic, VPIC_MASTER_DATA, 0);
    assert_accepted(0x39);
}

static void masking_withdraws_a_request_on_either_chip(void **state) {
    (void)state;
    rise(4);
    vpic_write(&pic, VPIC_MASTER_DATA, 0x10);
    assert_no_request();
    rise(12);
    assert_true(vpic_output(&pic));
    vpic_write(&pic, VPIC_SLAVE_DATA, 0x10);
    assert_no_request();
    vpic_write(&pic, VPIC_SLAVE_DATA, 0);
    assert_accepted(0x3c);
}

static void the_cascade_and_numbers_past_15_are_ignored(void **state) {
    (void)state;
    rise(VPIC_CASCADE_IRQ);
    rise(VPIC_IRQ_COUNT);
    rise(~0u);
    assert_no_request();
    assert_irr(0, 0);
}

/* ---- special fully nested mode ---- */

static void in_special_fully_nested_mode_the_slave_interrupts_itself(void **state) {
    (void)state;
    initialize(MASTER, 0x11, 0x30, 0x11);
    rise(12);
    assert_accepted(0x3c);
    rise(13);
    rise(3); /* but levels below the cascade stay blocked */
    assert_no_request();
    rise(10);
    assert_accepted(0x3a);
    assert_isr(0x04, 0x14);
    vpic_write(&pic, SLAVE, NON_SPECIFIC_EOI);
    assert_isr(0x04, 0x10); /* the slave's ISR is not 0: no EOI to the master yet */
    assert_no_request();
    rise(0);
    assert_accepted(0x30);
    rise(8);  /* a higher level in service blocks the slave, */
    pulse(0); /* and levels other than the cascade block themselves */
    assert_no_request();
}

static void in_fully_nested_mode_the_slave_does_not_interrupt_itself(void **state) {
    (void)state;
    rise(12);
    assert_accepted(0x3c);
    rise(10);
    assert_no_request();
    vpic_write(&pic, MASTER, NON_SPECIFIC_EOI);
    assert_accepted(0x3a);
}

/* ---- EOI and rotation ---- */

static void a_specific_eoi_clears_its_level_only(void **state) {
    (void)state;
    rise(5);
    assert_accepted(0x35);
    rise(2 + 1);
    assert_accepted(0x33);
    vpic_write(&pic, MASTER, SPECIFIC_EOI | 5);
    assert_isr(0x08, 0);
    vpic_write(&pic, MASTER, SPECIFIC_EOI | 6); /* not in service: no effect */
    assert_isr(0x08, 0);
    vpic_write(&pic, MASTER, SPECIFIC_EOI | 3);
    assert_isr(0, 0);
}

static void an_eoi_with_nothing_in_service_changes_nothing(void **state) {
    (void)state;
    vpic_write(&pic, MASTER, NON_SPECIFIC_EOI);
    vpic_write(&pic, MASTER, ROTATE_EOI);
    rise(7);
    rise(0);
    assert_accepted(0x30);
}

static void rotation_on_non_specific_eoi_gives_its_level_the_lowest_priority(void **state) {
    (void)state;
    rise(4);
    rise(6);
    assert_accepted(0x34);
    vpic_write(&pic, MASTER, ROTATE_EOI); /* the data sheet's example */
    assert_isr(0, 0);
    pulse(4);
    rise(5);
    assert_accepted(0x35);
    vpic_write(&pic, MASTER, NON_SPECIFIC_EOI);
    assert_accepted(0x36);
    vpic_write(&pic, MASTER, NON_SPECIFIC_EOI);
    assert_accepted(0x34);
    rise(3); /* now higher than 4, 5 and 6 */
    assert_accepted(0x33);
}

static void non_specific_eoi_follows_the_rotated_order(void **state) {
    (void)state;
    vpic_write(&pic, MASTER, SET_PRIORITY | 4); /* 5 6 7 0 1 2 3 4 */
    rise(1);
    assert_accepted(0x31);
    rise(6);
    assert_accepted(0x36);
    vpic_write(&pic, MASTER, NON_SPECIFIC_EOI);
    assert_isr(0x02, 0);
}

static void rotation_on_specific_eoi_gives_its_level_the_lowest_priority(void **state) {
    (void)state;
    rise(5);
    assert_accepted(0x35);
    vpic_write(&pic, MASTER, ROTATE_SPECIFIC | 5);
    assert_isr(0, 0);
    rise(0);
    rise(6);
    assert_accepted(0x36);
}

static void the_no_operation_command_changes_nothing(void **state) {
    (void)state;
    rise(1);
    assert_accepted(0x31);
    vpic_write(&pic, MASTER, 0x41);
    assert_isr(0x02, 0);
    vpic_write(&pic, MASTER, NON_SPECIFIC_EOI);
    rise(0);
    pulse(7);
    assert_accepted(0x30);
}

static void automatic_eoi_leaves_nothing_in_service(void **state) {
    (void)state;
    initialize(MASTER, 0x11, 0x30, 0x03);
    initialize(SLAVE, 0x11, 0x38, 0x03);
    rise(4);
    rise(5);
    rise(9);
    rise(10);
    assert_accepted(0x39);
    assert_accepted(0x3a);
    assert_accepted(0x34);
    assert_accepted(0x35);
    assert_no_request();
    assert_isr(0, 0);
}

static void rotation_in_automatic_eoi_mode_can_be_set_and_cleared(void **state) {
    (void)state;
    initialize(MASTER, 0x11, 0x30, 0x03);
    vpic_write(&pic, MASTER, ROTATE_AEOI_SET);
    rise(3);
    assert_accepted(0x33);
    pulse(3);
    rise(4);
    assert_accepted(0x34);
    assert_accepted(0x33);
    vpic_write(&pic, MASTER, ROTATE_AEOI_OFF);
    pulse(5);
    assert_accepted(0x35); /* 3 keeps the lowest priority */
    pulse(5);
    pulse(6);
    assert_accepted(0x35);
}

#define TEST(function) cmocka_unit_test_setup(function, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(after_a_reset_the_vectors_are_those_of_firmware),
        TEST(icw1_clears_imr_isr_edges_and_modes),
        TEST(nothing_is_requested_during_initialization),
        TEST(icw1_restarts_an_incomplete_initialization),
        TEST(single_mode_omits_icw3_and_ic4_selects_icw4),
        TEST(without_icw4_its_functions_are_off),
        TEST(the_low_bits_of_the_base_are_the_level),
        TEST(each_line_has_its_vector),
        TEST(a_higher_level_interrupts_a_lower_one_and_not_the_reverse),
        TEST(the_slave_has_the_priority_of_ir2),
        TEST(a_masked_request_stays_pending),
        TEST(masking_withdraws_a_request_on_either_chip),
        TEST(the_cascade_and_numbers_past_15_are_ignored),
        TEST(in_special_fully_nested_mode_the_slave_interrupts_itself),
        TEST(in_fully_nested_mode_the_slave_does_not_interrupt_itself),
        TEST(a_specific_eoi_clears_its_level_only),
        TEST(an_eoi_with_nothing_in_service_changes_nothing),
        TEST(rotation_on_non_specific_eoi_gives_its_level_the_lowest_priority),
        TEST(non_specific_eoi_follows_the_rotated_order),
        TEST(rotation_on_specific_eoi_gives_its_level_the_lowest_priority),
        TEST(the_no_operation_command_changes_nothing),
        TEST(automatic_eoi_leaves_nothing_in_service),
        TEST(rotation_in_automatic_eoi_mode_can_be_set_and_cleared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
