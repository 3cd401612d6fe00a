/* Guards vmm/interrupts/vlapic_timer.c: TSC-deadline mode and changes of mode. */
#include "tests/unit/vlapic_timer_alone.h"

/* ---- TSC-deadline mode ---- */

static void a_deadline_expires_once_and_reads_0_then(void **state) {
    (void)state;
    write_lvt(DEADLINE, 0);
    assert_int_equal(vlapic_timer_write_deadline(&timer, 5000, 100), 5000);
    assert_int_equal(vlapic_timer_read_deadline(&timer, 4999), 5000);
    assert_int_equal(current(4000), 0);
    assert_int_equal(fire(4999), 0);
    assert_int_equal(vlapic_timer_read_deadline(&timer, 5000), 0);
    assert_int_equal(fire(5000), 1);
    assert_int_equal(vlapic_timer_next(&timer), NEVER);
    assert_int_equal(fire(100000), 0);
}

static void a_deadline_in_the_past_is_due_at_once(void **state) {
    (void)state;
    write_lvt(DEADLINE, 0);
    for (uint64_t now = 10000; now < 10100; now++) { /* not delayed by the floor either */
        assert_int_equal(vlapic_timer_write_deadline(&timer, 1, now), 1);
        assert_int_equal(fire(now), 1);
    }
}

static void a_deadline_of_0_disarms_and_a_new_one_replaces_the_old(void **state) {
    (void)state;
    write_lvt(DEADLINE, 0);
    vlapic_timer_write_deadline(&timer, 5000, 0);
    assert_int_equal(vlapic_timer_write_deadline(&timer, 0, 10), NEVER);
    assert_int_equal(fire(6000), 0);
    vlapic_timer_write_deadline(&timer, 8000, 6000);
    assert_int_equal(vlapic_timer_write_deadline(&timer, 7000, 6000), 7000);
    assert_int_equal(fire(7000), 1);
    assert_int_equal(fire(8000), 0);
    vlapic_timer_write_deadline(&timer, 8500, 8000);
    vlapic_timer_write_deadline(&timer, 8700, 8600); /* the first deadline has expired */
    assert_int_equal(fire(8600), 1);
    assert_int_equal(fire(8700), 1);
    assert_int_equal(vlapic_timer_write_deadline(&timer, NEVER, 9000), NEVER);
    assert_int_equal(vlapic_timer_read_deadline(&timer, 9000), NEVER);
}

static void a_deadline_is_in_the_guests_tsc(void **state) {
    (void)state;
    write_lvt(DEADLINE, 0);
    assert_int_equal(vlapic_timer_set_tsc_offset(&timer, 1000000, 10), NEVER);
    assert_int_equal(vlapic_timer_write_deadline(&timer, 1005000, 10), 5000);
    assert_int_equal(vlapic_timer_read_deadline(&timer, 4999), 1005000);
    assert_int_equal(fire(4999), 0);
    assert_int_equal(fire(5000), 1);
    assert_int_equal(vlapic_timer_read_deadline(&timer, 5000), 0);
    vlapic_timer_set_tsc_offset(&timer, 0 - 5000ULL, 6000); /* the guest's TSC is 1000 now */
    assert_int_equal(vlapic_timer_write_deadline(&timer, 1500, 6000), 6500);
    assert_int_equal(vlapic_timer_write_deadline(&timer, 900, 6000), 5900);
    assert_int_equal(fire(6000), 1);
}

static void a_jump_of_the_tsc_affects_only_a_deadline(void **state) {
    (void)state;
    write_lvt(DEADLINE, 0);
    vlapic_timer_write_deadline(&timer, 5000, 0);
    assert_int_equal(vlapic_timer_set_tsc_offset(&timer, 1000, 100), 4000);
    assert_int_equal(vlapic_timer_read_deadline(&timer, 100), 5000);
    assert_int_equal(vlapic_timer_set_tsc_offset(&timer, 4950, 100),
                     50); /* past the deadline: due at once */
    assert_int_equal(fire(100), 1);
    vlapic_timer_write_deadline(&timer, 1,
                                100); /* a deadline that was due before the jump stays due */
    vlapic_timer_set_tsc_offset(&timer, 0 - 100ULL, 100);
    assert_int_equal(fire(100), 1);
    assert_int_equal(fire(200), 0);
    write_lvt(PERIODIC, 200);
    write_initial(100, 200);
    assert_int_equal(vlapic_timer_set_tsc_offset(&timer, 0x123456789, 300), 2200);
    assert_int_equal(current(1200), 50);
}

static void a_reset_keeps_the_tsc_offset(void **state) {
    (void)state;
    vlapic_timer_set_tsc_offset(&timer, 7000, 0);
    vlapic_timer_reset(&timer);
    write_lvt(DEADLINE, 0);
    assert_int_equal(vlapic_timer_write_deadline(&timer, 8000, 0), 1000);
}

static void each_mode_ignores_the_others_registers(void **state) {
    (void)state;
    write_lvt(ONE_SHOT, 0);
    assert_int_equal(vlapic_timer_write_deadline(&timer, 5000, 0), NEVER);
    assert_int_equal(vlapic_timer_read_deadline(&timer, 0), 0);
    write_initial(100, 0);
    assert_int_equal(vlapic_timer_write_deadline(&timer, 0, 0), 2000);
    assert_int_equal(vlapic_timer_read_deadline(&timer, 0), 0);
    write_lvt(DEADLINE, 100);
    assert_int_equal(write_initial(100, 100), NEVER);
    assert_int_equal(timer.initial, 0);
    vlapic_timer_write_deadline(&timer, 5000, 100);
    assert_int_equal(write_initial(0, 200), 5000);
    assert_int_equal(write_divide(DIVIDE_16, 200), 5000);
}

/* ---- changes of mode ---- */

static void to_and_from_tsc_deadline_mode_disarms(void **state) {
    static const uint32_t counting[] = {ONE_SHOT, PERIODIC};

    for (unsigned i = 0; i < 2; i++) {
        set_up(state);
        write_lvt(counting[i], 0);
        write_initial(100, 0);
        assert_int_equal(write_lvt(DEADLINE, 10), NEVER);
        assert_int_equal(timer.initial, 0);
        assert_int_equal(current(20), 0);
        vlapic_timer_write_deadline(&timer, 5000, 30);
        assert_int_equal(write_lvt(counting[i], 40), NEVER);
        assert_int_equal(vlapic_timer_read_deadline(&timer, 50), 0);
        assert_int_equal(write_lvt(DEADLINE, 60), NEVER);
        assert_int_equal(vlapic_timer_read_deadline(&timer, 70), 0);
        assert_int_equal(fire(100000), 0);
    }
}

static void a_change_between_one_shot_and_periodic_keeps_the_count(void **state) {
    (void)state;
    write_lvt(ONE_SHOT, 0);
    write_initial(100, 0);
    assert_int_equal(write_lvt(PERIODIC, 1500), 2000);
    assert_int_equal(current(1500), 25);
    assert_int_equal(fire(2000), 1);
    assert_int_equal(current(2000), 100);
    assert_int_equal(write_lvt(ONE_SHOT, 3500), 4000);
    assert_int_equal(current(3500), 25);
    assert_int_equal(fire(4000), 1);
    assert_int_equal(current(4000), 0);
    assert_int_equal(write_lvt(PERIODIC, 4500), NEVER); /* an expired timer stays expired */
    assert_int_equal(current(5000), 0);
    assert_int_equal(timer.initial, 100);
}

static void the_reserved_mode_does_nothing(void **state) {
    (void)state;
    write_lvt(PERIODIC, 0);
    write_initial(100, 0);
    assert_int_equal(write_lvt(PERIODIC | DEADLINE, 10), NEVER);
    assert_int_equal(write_initial(100, 20), NEVER);
    assert_int_equal(vlapic_timer_write_deadline(&timer, 30, 20), NEVER);
    assert_int_equal(current(25), 0);
    assert_int_equal(vlapic_timer_read_deadline(&timer, 25), 0);
    assert_int_equal(fire(100000), 0);
}

static void a_write_of_the_vector_does_not_disturb_the_timer(void **state) {
    (void)state;
    write_lvt(PERIODIC, 0);
    write_initial(100, 0);
    for (uint64_t now = 1; now < 2000; now += 7)
        assert_int_equal(vlapic_timer_write(&timer, APIC_LVT_TIMER, PERIODIC | (now & 0xff), now),
                         2000);
    assert_int_equal(vlapic_timer_write(&timer, APIC_LVT_ERROR, MASKED, 1999), 2000);
    write_lvt(DEADLINE, 1999);
    vlapic_timer_write_deadline(&timer, 5000, 1999);
    assert_int_equal(vlapic_timer_write(&timer, APIC_LVT_TIMER, DEADLINE | 0x77, 2001), 5000);
}

#define TEST(function) cmocka_unit_test_setup(function, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_deadline_expires_once_and_reads_0_then),
        TEST(a_deadline_in_the_past_is_due_at_once),
        TEST(a_deadline_of_0_disarms_and_a_new_one_replaces_the_old),
        TEST(a_deadline_is_in_the_guests_tsc),
        TEST(a_jump_of_the_tsc_affects_only_a_deadline),
        TEST(a_reset_keeps_the_tsc_offset),
        TEST(each_mode_ignores_the_others_registers),
        TEST(to_and_from_tsc_deadline_mode_disarms),
        TEST(a_change_between_one_shot_and_periodic_keeps_the_count),
        TEST(the_reserved_mode_does_nothing),
        TEST(a_write_of_the_vector_does_not_disturb_the_timer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
