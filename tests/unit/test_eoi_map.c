/* Guards vmm/interrupts/eoi_map.c: the two sets of a scan, the words that have changed, and when to
 * scan again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/interrupts/eoi_map.h"

#define PINS IOAPIC_PIN_COUNT

static const struct apic_identity self = {.id = 1, .mode = APIC_MODE_XAPIC, .enabled = 1};
static uint64_t entry[PINS];
static struct vector_set inflight;
static struct eoi_map map;

static int set_up(void **state) {
    (void)state;
    for (unsigned pin = 0; pin < PINS; pin++)
        entry[pin] = RTE_MASKED;
    inflight = (struct vector_set){0};
    map = (struct eoi_map){0};
    return 0;
}

static uint64_t level_to(uint8_t destination, uint8_t vector) {
    return (uint64_t)destination << RTE_DESTINATION_SHIFT | RTE_LEVEL | vector;
}

/* Returns bit i if word i of `exit` has changed, and bit 4 + i if word i of `stale` has. */
static unsigned scan(void) {
    struct eoi_map before = map, changed = {0};
    unsigned words = eoi_map_scan(&map, entry, &self, &inflight, &changed), bits = 0;

    assert_int_equal(words >> 4, 0);
    for (unsigned i = 0; i < 4; i++) {
        uint64_t exit = changed.exit.word[i], stale = changed.stale.word[i];
        assert_int_equal(words >> i & 1, (exit | stale) != 0);
        assert_int_equal(exit, before.exit.word[i] ^ map.exit.word[i]);
        assert_int_equal(stale, before.stale.word[i] ^ map.stale.word[i]);
        bits |= (unsigned)(exit != 0) << i | (unsigned)(stale != 0) << (4 + i);
    }
    return bits;
}

static void assert_sets(int exit_vector, int stale_vector) {
    struct vector_set exit = {0}, stale = {0};

    if (exit_vector >= 0)
        vector_set_add(&exit, (uint8_t)exit_vector);
    if (stale_vector >= 0)
        vector_set_add(&stale, (uint8_t)stale_vector);
    assert_true(vector_set_equal(&map.exit, &exit));
    assert_true(vector_set_equal(&map.stale, &stale));
}

static void a_level_route_to_this_vcpu_sets_its_bit(void **state) {
    (void)state;
    entry[23] = level_to(1, 0xa1);
    assert_int_equal(scan(), 1u << 2);
    assert_sets(0xa1, -1);
    assert_int_equal(scan(), 0); /* nothing changed */
}

static void a_masked_entry_is_a_route(void **state) {
    (void)state;
    entry[0] = level_to(1, 0x51) | RTE_MASKED;
    scan();
    assert_sets(0x51, -1);
}

static void invariant_3_other_routes_set_nothing(void **state) {
    (void)state;
    entry[0] = level_to(2, 0x51);
    entry[1] = level_to(1, 0x52) & ~RTE_LEVEL;
    entry[2] = level_to(1, 0x53) | (uint64_t)APIC_DELIVERY_NMI << RTE_DELIVERY_SHIFT;
    entry[3] = level_to(1, 0x0f);
    assert_int_equal(scan(), 0);
    assert_sets(-1, -1);
}

static void invariant_1_what_is_in_flight_keeps_its_bit_and_is_stale(void **state) {
    (void)state;
    vector_set_add(&inflight, 0x51);
    entry[0] = level_to(2, 0x51);
    assert_int_equal(scan(), 1u << 1 | 1u << 5);
    assert_sets(0x51, 0x51);
}

static void in_flight_and_routed_is_not_stale(void **state) {
    (void)state;
    vector_set_add(&inflight, 0x51);
    entry[0] = level_to(1, 0x51);
    scan();
    assert_sets(0x51, -1);
}

static void a_removed_route_clears_its_bit(void **state) {
    (void)state;
    entry[0] = level_to(1, 0x51);
    scan();
    entry[0] = level_to(2, 0x51);
    assert_int_equal(scan(), 1u << 1);
    assert_sets(-1, -1);
}

static void becoming_stale_changes_no_word_of_the_vmcs(void **state) {
    (void)state;
    entry[0] = level_to(1, 0x51);
    scan();
    vector_set_add(&inflight, 0x51);
    entry[0] = level_to(2, 0x51);
    assert_int_equal(scan(), 1u << 5); /* the VMCS has the bit already */
    assert_sets(0x51, 0x51);
}

static void invariant_19_one_of_two_routes_is_enough(void **state) {
    (void)state;
    vector_set_add(&inflight, 0x51);
    entry[4] = level_to(2, 0x51);
    entry[5] = level_to(1, 0x51);
    scan();
    assert_sets(0x51, -1);
}

static void each_word_is_reported_separately(void **state) {
    (void)state;
    for (unsigned i = 0; i < 4; i++)
        entry[i] = level_to(1, (uint8_t)(i * 64 + 63));
    assert_int_equal(scan(), 0xf);
    entry[2] = RTE_MASKED;
    assert_int_equal(scan(), 1u << 2);
}

static void a_stale_vector_requests_a_scan_when_nothing_of_it_is_in_flight(void **state) {
    (void)state;
    vector_set_add(&inflight, 0x51);
    vector_set_add(&inflight, 0x52);
    entry[0] = level_to(1, 0x52);
    scan();
    assert_false(eoi_map_retired(&map, 0x51, &inflight));
    vector_set_remove(&inflight, 0x51);
    assert_true(eoi_map_retired(&map, 0x51, &inflight));
    vector_set_remove(&inflight, 0x52);
    assert_false(eoi_map_retired(&map, 0x52, &inflight)); /* it was not stale */
    assert_false(eoi_map_retired(&map, 0x53, &inflight));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_level_route_to_this_vcpu_sets_its_bit, set_up),
        cmocka_unit_test_setup(a_masked_entry_is_a_route, set_up),
        cmocka_unit_test_setup(invariant_3_other_routes_set_nothing, set_up),
        cmocka_unit_test_setup(invariant_1_what_is_in_flight_keeps_its_bit_and_is_stale, set_up),
        cmocka_unit_test_setup(in_flight_and_routed_is_not_stale, set_up),
        cmocka_unit_test_setup(a_removed_route_clears_its_bit, set_up),
        cmocka_unit_test_setup(becoming_stale_changes_no_word_of_the_vmcs, set_up),
        cmocka_unit_test_setup(invariant_19_one_of_two_routes_is_enough, set_up),
        cmocka_unit_test_setup(each_word_is_reported_separately, set_up),
        cmocka_unit_test_setup(a_stale_vector_requests_a_scan_when_nothing_of_it_is_in_flight,
                               set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
