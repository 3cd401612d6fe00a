/* Guards vmm/interrupts/vlapic_timer.c: counting, expiries in phase, divisors, the mask, and
 * periods so short that they would keep the host busy. */
#include "tests/unit/vlapic_timer_alone.h"

/* ---- counting ---- */

static void after_a_reset_the_timer_is_masked_and_stopped(void **state) {
    (void)state;
    write_lvt(PERIODIC, 0);
    write_initial(10, 0);
    fire(100000);
    vlapic_timer_reset(&timer);
    assert_int_equal(vlapic_timer_next(&timer), NEVER);
    assert_int_equal(fire(NEVER), 0);
    assert_int_equal(current(5), 0);
    assert_int_equal(timer.initial, 0);
    assert_int_equal(write_initial(10, 0), NEVER);
    write_lvt(ONE_SHOT, 0);
    assert_int_equal(write_initial(10, 0), 10 * 2 * BUS_TICK); /* the divisor is 2 */
}

static void one_shot_expires_once(void **state) {
    (void)state;
    write_lvt(ONE_SHOT, 0);
    assert_int_equal(write_initial(100, 1000), 1000 + 100 * BUS_TICK);
    assert_int_equal(current(1000), 100);
    assert_int_equal(current(1001), 100);
    assert_int_equal(current(1019), 100);
    assert_int_equal(current(1020), 99);
    assert_int_equal(current(2999), 1);
    assert_int_equal(fire(2999), 0);
    assert_int_equal(current(3000), 0);
    assert_int_equal(fire(3000), 1);
    assert_int_equal(vlapic_timer_next(&timer), NEVER);
    assert_int_equal(fire(1000000), 0);
    assert_int_equal(current(1000000), 0);
    assert_int_equal(timer.initial, 100);
}

static void periodic_reloads_and_keeps_its_phase(void **state) {
    (void)state;
    write_lvt(PERIODIC, 0);
    assert_int_equal(write_initial(100, 1000), 3000);
    assert_int_equal(current(2999), 1);
    assert_int_equal(current(3000), 100);
    assert_int_equal(current(3020), 99);
    assert_int_equal(fire(3150), 1); /* late */
    assert_int_equal(vlapic_timer_next(&timer), 5000);
    assert_int_equal(fire(4999), 0);
    assert_int_equal(fire(5000), 1);
    assert_int_equal(vlapic_timer_next(&timer), 7000);
}

static void missed_expiries_are_one_interrupt_and_cost_no_loop(void **state) {
    (void)state;
    write_lvt(PERIODIC, 0);
    write_initial(100, 1000);
    assert_int_equal(fire(1000 + 2000 * 1000000000000ULL + 1), 1000000000000ULL);
    assert_int_equal(vlapic_timer_next(&timer), 1000 + 2000 * 1000000000001ULL);
    assert_int_equal(current(1000 + 2000 * 1000000000000ULL + 1), 100);
}

static void each_divisor_divides(void **state) {
    static const uint32_t divisor[] = {2, 4, 8, 16, 32, 64, 128, 1};

    (void)state;
    write_lvt(ONE_SHOT, 0);
    for (uint32_t i = 0; i < 8; i++) {
        uint64_t now = i * 1000000;

        fire(now);
        write_divide((i & 3) | (i & 4) << 1 | 0xfffffff4, now); /* other bits are ignored */
        assert_int_equal(write_initial(7, now), now + 7 * BUS_TICK * divisor[i]);
        assert_int_equal(current(now + BUS_TICK * divisor[i]), 6);
    }
}

static void an_initial_count_restarts_the_timer_and_0_stops_it(void **state) {
    (void)state;
    write_lvt(PERIODIC, 0);
    write_initial(100, 0);
    assert_int_equal(write_initial(100, 500), 2500);
    assert_int_equal(current(500), 100);
    assert_int_equal(write_initial(0, 600), NEVER);
    assert_int_equal(current(700), 0);
    assert_int_equal(fire(1000000), 0);
}

static void after_a_new_divisor_the_count_continues(void **state) {
    (void)state;
    write_lvt(PERIODIC, 0);
    write_initial(100, 0);
    assert_int_equal(write_divide(DIVIDE_16, 800), 800 + 60 * 320);
    assert_int_equal(current(800), 60);
    assert_int_equal(current(800 + 320), 59);
    assert_int_equal(fire(800 + 60 * 320), 1);
    assert_int_equal(vlapic_timer_next(&timer), 800 + 60 * 320 + 100 * 320);
    write_divide(DIVIDE_1, 100000);
    assert_int_equal(vlapic_timer_write(&timer, APIC_LVT_TIMER, PERIODIC, 100000),
                     vlapic_timer_next(&timer));
}

static void the_same_divisor_again_changes_nothing(void **state) {
    (void)state;
    write_lvt(ONE_SHOT, 0);
    write_initial(100, 0);
    for (uint64_t now = 1; now < 2000; now += 3)
        assert_int_equal(write_divide(DIVIDE_1, now), 2000);
}

/* ---- the mask ---- */

static void a_masked_timer_counts_without_interrupts(void **state) {
    (void)state;
    write_lvt(PERIODIC | MASKED, 0);
    assert_int_equal(write_initial(100, 0), NEVER); /* nothing to arm */
    assert_int_equal(current(2020), 99);
    assert_int_equal(fire(5000), 0);
    assert_int_equal(write_lvt(PERIODIC, 9000), 10000);
    assert_int_equal(fire(9999), 0);
    assert_int_equal(fire(10000), 1);
}

static void an_expiry_while_masked_is_not_delivered_later(void **state) {
    (void)state;
    write_lvt(ONE_SHOT | MASKED, 0);
    write_initial(100, 0);
    assert_int_equal(write_lvt(ONE_SHOT, 2000), NEVER);
    assert_int_equal(fire(2001), 0);
    write_lvt(DEADLINE | MASKED, 3000);
    assert_int_equal(vlapic_timer_write_deadline(&timer, 3500, 3000), NEVER);
    assert_int_equal(vlapic_timer_read_deadline(&timer, 3499), 3500);
    assert_int_equal(write_lvt(DEADLINE, 3600), NEVER);
    assert_int_equal(vlapic_timer_read_deadline(&timer, 3600), 0);
    assert_int_equal(fire(4000), 0);
}

static void masking_drops_due_expiries(void **state) {
    (void)state;
    write_lvt(ONE_SHOT, 0);
    write_initial(100, 0);
    assert_int_equal(write_lvt(ONE_SHOT | MASKED, 2500), NEVER);
    write_lvt(ONE_SHOT, 2600);
    assert_int_equal(fire(2700), 0);
}

static void due_expiries_survive_other_writes(void **state) {
    (void)state;
    write_lvt(ONE_SHOT, 0);
    write_initial(100, 0);
    assert_true(write_initial(0, 2500) <= 2500); /* due: at once */
    assert_true(write_lvt(DEADLINE, 2500) <= 2500);
    assert_int_equal(fire(2600), 1);
    assert_int_equal(fire(2600), 0);
}

/* ---- a hostile guest ---- */

static void short_periods_come_no_closer_than_the_floor(void **state) {
    uint64_t interrupts = 0, expiries = 0, next;

    (void)state;
    write_lvt(PERIODIC, 0);
    next = write_initial(1, 0);
    while (next <= 1000000) {
        uint64_t due = fire(next);

        assert_true(due >= 1);
        assert_int_equal(fire(next), 0);
        expiries += due;
        interrupts++;
        assert_int_equal(current(next), 1);
        next = vlapic_timer_next(&timer);
    }
    assert_in_range(interrupts, 1000000 / SHORTEST - 1, 1000000 / SHORTEST + 1);
    assert_in_range(expiries, 1000000 / BUS_TICK - SHORTEST, 1000000 / BUS_TICK);
}

static void the_floor_does_not_delay_longer_periods(void **state) {
    (void)state;
    write_lvt(PERIODIC, 0);
    write_initial(SHORTEST / BUS_TICK + 1, 0);
    for (uint64_t i = 1; i < 1000; i++) {
        assert_int_equal(vlapic_timer_next(&timer), i * (SHORTEST + BUS_TICK));
        assert_int_equal(fire(i * (SHORTEST + BUS_TICK)), 1);
    }
}

static void the_longest_periods_do_not_wrap(void **state) {
    (void)state;
    vlapic_timer_init(&timer, UINT32_MAX, 0);
    write_lvt(PERIODIC, 0);
    vlapic_timer_write(&timer, APIC_TIMER_DIVIDE, 0xa, 0); /* divide by 128 */
    assert_int_equal(write_initial(UINT32_MAX, 1ULL << 40), NEVER);
    assert_int_equal(fire(1ULL << 62), 0);
    assert_true(current(1ULL << 62) > 0);
    vlapic_timer_init(&timer, 1u << 31, 0);
    write_lvt(PERIODIC, 0);
    vlapic_timer_write(&timer, APIC_TIMER_DIVIDE, 0xa, 0);
    assert_int_equal(write_initial(1u << 26, 0), NEVER); /* 2^64 */
    vlapic_timer_init(&timer, 0, 0);                     /* no division by 0 */
    write_lvt(PERIODIC, 0);
    assert_int_equal(write_initial(5, 0), 10);
    assert_int_equal(fire(10), 1);
}

/* Whatever is written: the timer fires when vlapic_timer_next() has announced it, and only then. */
static void any_order_of_writes_expires_when_announced(void **state) {
    static const uint32_t offset[] = {APIC_LVT_TIMER, APIC_TIMER_DIVIDE, APIC_TIMER_INITIAL, 0};
    uint64_t seed = 6, now = 0;

    (void)state;
    for (unsigned i = 0; i < 500000; i++) {
        uint32_t r = (uint32_t)((seed = seed * 6364136223846793005 + 1442695040888963407) >> 32);
        uint32_t value = r & 16 ? (r >> 8 & 15) << 15 : r >> (r >> 8 & 31);
        uint64_t next = vlapic_timer_next(&timer), due;

        now += r >> 5 & 7 ? r >> 8 & 0xfff : (uint64_t)r << 8;
        due = fire(now);
        assert_int_equal(due != 0, next <= now);
        if (r & 8)
            vlapic_timer_write_deadline(&timer, value ? now + value - 1000 : 0, now);
        else
            vlapic_timer_write(&timer, offset[r & 3], value, now);
        assert_true(current(now) <= timer.initial);
        assert_true(!timer.running || current(now) || (timer.lvt & DEADLINE));
    }
}

#define TEST(function) cmocka_unit_test_setup(function, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(after_a_reset_the_timer_is_masked_and_stopped),
        TEST(one_shot_expires_once),
        TEST(periodic_reloads_and_keeps_its_phase),
        TEST(missed_expiries_are_one_interrupt_and_cost_no_loop),
        TEST(each_divisor_divides),
        TEST(an_initial_count_restarts_the_timer_and_0_stops_it),
        TEST(after_a_new_divisor_the_count_continues),
        TEST(the_same_divisor_again_changes_nothing),
        TEST(a_masked_timer_counts_without_interrupts),
        TEST(an_expiry_while_masked_is_not_delivered_later),
        TEST(masking_drops_due_expiries),
        TEST(due_expiries_survive_other_writes),
        TEST(short_periods_come_no_closer_than_the_floor),
        TEST(the_floor_does_not_delay_longer_periods),
        TEST(the_longest_periods_do_not_wrap),
        TEST(any_order_of_writes_expires_when_announced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
