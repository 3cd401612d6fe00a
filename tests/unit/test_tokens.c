/* Guards vmm/interrupts/tokens.c: an EOI retires exactly the pins whose interrupt it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/interrupts/tokens.h"

#define V 0x51
#define P 0x20u /* pin 5 */
#define Q 0x40u

static struct tokens tokens;

static int set_up(void **state) {
    (void)state;
    memset(&tokens, 0xee, sizeof(tokens));
    tokens_reset(&tokens);
    return 0;
}

static bool in_flight(uint8_t vector) {
    return vector_set_has(&tokens.inflight, vector);
}

static void after_a_reset_nothing_is_in_flight(void **state) {
    (void)state;
    assert_true(vector_set_is_empty(&tokens.inflight));
    for (unsigned vector = 0; vector < VECTOR_COUNT; vector++)
        assert_int_equal(tokens_retire(&tokens, (uint8_t)vector, false), 0);
}

static void one_delivery_one_eoi(void **state) {
    (void)state;
    assert_false(tokens_accept(&tokens, V, P, false));
    assert_true(in_flight(V));
    assert_false(in_flight(V + 1));
    assert_int_equal(tokens_retire(&tokens, V, false), P);
    assert_false(in_flight(V));
    assert_int_equal(tokens_retire(&tokens, V, false), 0);
}

static void two_pins_that_merge_in_the_irr_are_retired_together(void **state) {
    (void)state;
    tokens_accept(&tokens, V, P, false);
    tokens_accept(&tokens, V, Q, false);
    assert_int_equal(tokens_retire(&tokens, V, false), P | Q);
}

static void invariant_16_a_level_behind_an_edge_in_service_waits_for_its_own_eoi(void **state) {
    (void)state;
    assert_true(tokens_accept(&tokens, V, P, true));
    assert_int_equal(tokens_retire(&tokens, V, true), 0); /* the edge's EOI: coincidental */
    assert_true(in_flight(V));
    assert_int_equal(tokens_retire(&tokens, V, false), P);
    assert_false(in_flight(V));
}

static void invariant_16_an_edge_behind_a_level_in_service_does_not_take_its_eoi(void **state) {
    (void)state;
    tokens_accept(&tokens, V, P, false);
    assert_int_equal(tokens_retire(&tokens, V, true),
                     P); /* an edge is in the IRR, without a token */
    assert_false(in_flight(V));
    assert_int_equal(tokens_retire(&tokens, V, false), 0);
}

static void two_levels_are_retired_in_order(void **state) {
    (void)state;
    tokens_accept(&tokens, V, P, false);
    tokens_accept(&tokens, V, Q, true);
    assert_int_equal(tokens_retire(&tokens, V, true), P);
    assert_true(in_flight(V));
    assert_int_equal(tokens_retire(&tokens, V, false), Q);
    assert_false(in_flight(V));
}

/* If the IRR bit is clear at an EOI, no instance waits, so no token may be kept. */
static void nothing_waits_behind_an_empty_irr(void **state) {
    (void)state;
    tokens_accept(&tokens, V, P, false);
    tokens_accept(&tokens, V, Q, true);
    assert_int_equal(tokens_retire(&tokens, V, false), P | Q);
    assert_false(in_flight(V));
}

static void vectors_are_independent(void **state) {
    (void)state;
    tokens_accept(&tokens, V, P, false);
    tokens_accept(&tokens, 0xff, Q, false);
    assert_int_equal(tokens_retire(&tokens, 0xff, false), Q);
    assert_true(in_flight(V));
    assert_int_equal(tokens_retire(&tokens, V, false), P);
}

static void accepting_no_pins_puts_nothing_in_flight(void **state) {
    (void)state;
    tokens_accept(&tokens, V, 0, false);
    assert_false(in_flight(V));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(after_a_reset_nothing_is_in_flight, set_up),
        cmocka_unit_test_setup(one_delivery_one_eoi, set_up),
        cmocka_unit_test_setup(two_pins_that_merge_in_the_irr_are_retired_together, set_up),
        cmocka_unit_test_setup(invariant_16_a_level_behind_an_edge_in_service_waits_for_its_own_eoi,
                               set_up),
        cmocka_unit_test_setup(invariant_16_an_edge_behind_a_level_in_service_does_not_take_its_eoi,
                               set_up),
        cmocka_unit_test_setup(two_levels_are_retired_in_order, set_up),
        cmocka_unit_test_setup(nothing_waits_behind_an_empty_irr, set_up),
        cmocka_unit_test_setup(vectors_are_independent, set_up),
        cmocka_unit_test_setup(accepting_no_pins_puts_nothing_in_flight, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
