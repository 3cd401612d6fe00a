/* Guards vmm/devices/vpit.c: port 61H, OUT over time, and random accesses. */
#include "tests/unit/vpit_alone.h"

/* ---- reset ---- */

static void after_a_reset_out_does_not_change(void **state) {
    (void)state;
    for (unsigned i = 0; i <= VPIT_COUNTERS; i++) {
        assert_false(vpit_output(&pit, i, 1000));
        assert_int_equal(vpit_next_change(&pit, i, 1000), TIME_NEVER);
        assert_int_equal(vpit_rises(&pit, i, 0, 1000), 0);
    }
    assert_word(C0, 0, 1000);
    out(CONTROL, 0xe2, 1000);
    assert_int_equal(in(C0, 1000), 0x40 | BOTH | MODE(0));
}

/* ---- port 61H ---- */

static void bit_0_of_port_61h_is_the_gate_of_counter_2(void **state) {
    (void)state;
    out(CONTROL, SELECT(2) | BOTH | MODE(0), 0); /* as an operating system calibrates the TSC */
    out(C2, 0x00, 0);
    out(C2, 0x10, 0);
    assert_int_equal(in(PORT_B, 0x4000) & 0x20, 0);
    out(PORT_B, 1, 0x8000);
    assert_int_equal(in(PORT_B, 0x8fff) & 0x21, 0x01);
    assert_int_equal(in(PORT_B, 0x9000) & 0x21, 0x21);
}

static void only_the_low_bits_of_port_61h_are_writable(void **state) {
    (void)state;
    out(PORT_B, 0xff, 0);
    assert_int_equal(in(PORT_B, 0), 0x0f);
    out(PORT_B, 0x02, 0);
    assert_int_equal(in(PORT_B, 0), 0x02);
}

static void the_refresh_bit_toggles_every_15_us(void **state) {
    unsigned toggles = 0;
    uint8_t last = in(PORT_B, 0) & 0x10;

    (void)state;
    for (uint64_t now = 1; now <= VPIT_HZ / 100; now++) {
        uint8_t bit = in(PORT_B, now) & 0x10;

        toggles += bit != last;
        last = bit;
    }
    assert_in_range(toggles, 10000 / 16, 10000 / 15);
}

/* ---- OUT over time ---- */

static void rises_between_two_polls_are_counted(void **state) {
    (void)state;
    out(CONTROL, SELECT(0) | BOTH | MODE(2), 0);
    out(C0, 11932 & 0xff, 0);
    out(C0, 11932 >> 8, 0);
    assert_int_equal(vpit_rises(&pit, 0, 0, VPIT_HZ * 3600ULL), 359994);
    in(C0, 11950); /* a read between the polls loses none */
    assert_int_equal(vpit_rises(&pit, 0, 5, 12000), 1);
    out(C1, 0, 11999); /* counted from the last write */
    assert_int_equal(vpit_rises(&pit, 0, 5, 12000), 0);
}

static void time_does_not_go_back(void **state) {
    (void)state;
    out(CONTROL, SELECT(0) | BOTH | MODE(2), 1000);
    out(C0, 0x00, 1000);
    out(C0, 0x10, 1000);
    assert_word(C0, 0x0fff, 1002);
    assert_word(C0, 0x0fff, 3);
    assert_true(vpit_output(&pit, 0, 0));
    assert_int_equal(vpit_next_change(&pit, 0, 0), 1000 + 0x1000);
}

static void other_ports_read_all_ones(void **state) {
    struct vpit before = pit;

    (void)state;
    assert_int_equal(in(CONTROL, 0), 0xff);
    assert_int_equal(in(0x3f, 0), 0xff);
    assert_int_equal(in(0x44, 0), 0xff);
    out(0x44, 0x34, 0);
    assert_memory_equal(&pit, &before, sizeof(pit));
}

/* The next change is in the future, and OUT changes then and not before. */
static void after_any_accesses_out_changes_exactly_when_announced(void **state) {
    uint64_t seed = 43, now = 0;

    (void)state;
    for (unsigned i = 0; i < 500000; i++) {
        uint32_t r = (uint32_t)((seed = seed * 6364136223846793005 + 1442695040888963407) >> 32);
        uint16_t port = (uint16_t)(r % 8 == 7 ? PORT_B : C0 + r % 4);
        uint64_t change;
        bool level;

        now += r >> 30 ? r >> 8 & 7 : (uint64_t)r << 20;
        if (r & 8)
            out(port, r >> 16, now);
        else
            in(port, now);
        change = vpit_next_change(&pit, r >> 4 & 3, now);
        level = vpit_output(&pit, r >> 4 & 3, now);
        assert_true(change > now);
        if (change != TIME_NEVER) {
            assert_int_equal(vpit_output(&pit, r >> 4 & 3, change - 1), level);
            assert_int_equal(vpit_output(&pit, r >> 4 & 3, change), !level);
            assert_int_equal(vpit_rises(&pit, r >> 4 & 3, now, change), !level);
        }
    }
}

#define TEST(function) cmocka_unit_test_setup(function, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(after_a_reset_out_does_not_change),
        TEST(bit_0_of_port_61h_is_the_gate_of_counter_2),
        TEST(only_the_low_bits_of_port_61h_are_writable),
        TEST(the_refresh_bit_toggles_every_15_us),
        TEST(rises_between_two_polls_are_counted),
        TEST(time_does_not_go_back),
        TEST(other_ports_read_all_ones),
        TEST(after_any_accesses_out_changes_exactly_when_announced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
