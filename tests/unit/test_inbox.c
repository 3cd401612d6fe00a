/* Guards vmm/interrupts/inbox.c: nothing posted is lost or dequeued twice, whatever the order of
 * the steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/interrupts/inbox.h"

static struct inbox inbox;

static int set_up(void **state) {
    (void)state;
    memset(&inbox, 0xee, sizeof(inbox));
    inbox_reset(&inbox);
    return 0;
}

static void a_reset_inbox_is_empty(void **state) {
    (void)state;
    assert_true(inbox_is_empty(&inbox));
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(inbox_dequeue_edges(&inbox, i), 0);
        assert_int_equal(inbox_dequeue_levels(&inbox, i), 0);
    }
    for (unsigned vector = 0; vector < VECTOR_COUNT; vector++)
        assert_int_equal(inbox_dequeue_pins(&inbox, (uint8_t)vector), 0);
}

static void an_edge_is_dequeued_once(void **state) {
    (void)state;
    for (unsigned vector = 0; vector < VECTOR_COUNT; vector++) {
        inbox_post_edge(&inbox, (uint8_t)vector);
        inbox_post_edge(&inbox, (uint8_t)vector);
        assert_false(inbox_is_empty(&inbox));
        assert_int_equal(inbox_dequeue_edges(&inbox, vector / 64), 1ULL << vector % 64);
        assert_true(inbox_is_empty(&inbox));
        assert_int_equal(inbox_dequeue_edges(&inbox, vector / 64), 0);
    }
}

static void a_level_delivery_carries_its_pins(void **state) {
    (void)state;
    inbox_post_level(&inbox, 0x51, 5);
    inbox_post_level(&inbox, 0x51, 23);
    inbox_post_level(&inbox, 0xf0, 0);
    assert_false(inbox_is_empty(&inbox));
    assert_int_equal(inbox_dequeue_levels(&inbox, 1), 1ULL << (0x51 - 64));
    assert_int_equal(inbox_dequeue_pins(&inbox, 0x51), 1u << 5 | 1u << 23);
    assert_int_equal(inbox_dequeue_pins(&inbox, 0x51), 0);
    assert_int_equal(inbox_dequeue_levels(&inbox, 3), 1ULL << (0xf0 - 192));
    assert_int_equal(inbox_dequeue_pins(&inbox, 0xf0), 1);
    assert_true(inbox_is_empty(&inbox));
}

static void edges_and_levels_are_separate(void **state) {
    (void)state;
    inbox_post_edge(&inbox, 0x51);
    inbox_post_level(&inbox, 0x52, 1);
    assert_int_equal(inbox_dequeue_levels(&inbox, 1), 1ULL << (0x52 - 64));
    assert_int_equal(inbox_dequeue_edges(&inbox, 1), 1ULL << (0x51 - 64));
}

/* The vectors are dequeued between the poster's two steps: the pin is found with its vector later.
 */
static void a_pin_posted_after_the_vectors_were_dequeued_is_not_lost(void **state) {
    (void)state;
    atomic_fetch_or(&inbox.posted_pins[0x51], 1u << 7); /* first half of a post */
    assert_int_equal(inbox_dequeue_levels(&inbox, 1), 0);
    atomic_fetch_or(&inbox.level[1], 1ULL << (0x51 - 64)); /* second half */
    assert_int_equal(inbox_dequeue_levels(&inbox, 1), 1ULL << (0x51 - 64));
    assert_int_equal(inbox_dequeue_pins(&inbox, 0x51), 1u << 7);
}

/* The vector was dequeued for an earlier pin; the late pin is dequeued with it, and its own vector
 * bit then finds an empty mask. */
static void a_pin_dequeued_early_is_not_dequeued_twice(void **state) {
    (void)state;
    inbox_post_level(&inbox, 0x51, 3);
    assert_int_equal(inbox_dequeue_levels(&inbox, 1), 1ULL << (0x51 - 64));
    inbox_post_level(&inbox, 0x51, 4);
    assert_int_equal(inbox_dequeue_pins(&inbox, 0x51), 1u << 3 | 1u << 4);
    assert_int_equal(inbox_dequeue_levels(&inbox, 1), 1ULL << (0x51 - 64));
    assert_int_equal(inbox_dequeue_pins(&inbox, 0x51), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_reset_inbox_is_empty, set_up),
        cmocka_unit_test_setup(an_edge_is_dequeued_once, set_up),
        cmocka_unit_test_setup(a_level_delivery_carries_its_pins, set_up),
        cmocka_unit_test_setup(edges_and_levels_are_separate, set_up),
        cmocka_unit_test_setup(a_pin_posted_after_the_vectors_were_dequeued_is_not_lost, set_up),
        cmocka_unit_test_setup(a_pin_dequeued_early_is_not_dequeued_twice, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
