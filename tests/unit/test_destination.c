/* Guards vmm/interrupts/destination.c: which LAPICs a message names, in each mode, and which would
 * accept an entry's interrupts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/interrupts/destination.h"

static const struct apic_identity flat = {
    .id = 2, .logical = 0x04, .mode = APIC_MODE_XAPIC, .enabled = 1};
static const struct apic_identity cluster = {
    .id = 2, .logical = 0x34, .cluster = 1, .mode = APIC_MODE_XAPIC, .enabled = 1};
static const struct apic_identity x2apic = {.id = 2, .mode = APIC_MODE_X2APIC, .enabled = 1};

static bool physical(const struct apic_identity *who, uint32_t destination, bool wide) {
    return destination_matches(who, destination, wide, false);
}

static bool logical(const struct apic_identity *who, uint32_t destination, bool wide) {
    return destination_matches(who, destination, wide, true);
}

static void physical_destinations_name_the_id(void **state) {
    (void)state;
    assert_true(physical(&flat, 2, false));
    assert_false(physical(&flat, 4, false));
    assert_false(physical(&flat, 0, false));
    assert_true(physical(&x2apic, 2, true));
    assert_true(physical(&x2apic, 2, false));
    assert_false(physical(&x2apic, 0x102, true));
}

static void all_ones_is_the_broadcast_in_either_mode(void **state) {
    const struct apic_identity unset = {.id = 9, .mode = APIC_MODE_XAPIC};

    (void)state;
    assert_true(physical(&flat, 0xff, false));
    assert_true(physical(&x2apic, 0xff, false));
    assert_true(physical(&x2apic, 0xffffffff, true));
    assert_true(logical(&unset, 0xff, false)); /* even with an LDR of 0 */
    assert_true(logical(&cluster, 0xff, false));
    assert_true(logical(&x2apic, 0xffffffff, true));
    assert_false(physical(&x2apic, 0xff, true)); /* FFH is not the broadcast of 32 bits */
}

static void flat_logical_is_one_common_bit(void **state) {
    (void)state;
    assert_true(logical(&flat, 0x04, false));
    assert_true(logical(&flat, 0x86, false));
    assert_false(logical(&flat, 0x83, false));
    assert_false(logical(&flat, 0, false));
    assert_false(logical(&flat, 0x104, true));
}

static void cluster_logical_is_the_cluster_and_one_common_bit(void **state) {
    (void)state;
    assert_true(logical(&cluster, 0x34, false));
    assert_true(logical(&cluster, 0x3c, false));
    assert_false(logical(&cluster, 0x33, false));
    assert_false(logical(&cluster, 0x24, false));
    assert_false(logical(&cluster, 0x30, false));
}

static void x2apic_logical_ids_are_derived(void **state) {
    const struct apic_identity far = {.id = 0x123, .mode = APIC_MODE_X2APIC};

    (void)state;
    assert_true(logical(&far, 0x00120008, true));
    assert_true(logical(&far, 0x0012ffff, true));
    assert_false(logical(&far, 0x0012fff7, true));
    assert_false(logical(&far, 0x00110008, true));
    assert_true(logical(&x2apic, 0x04, false)); /* 8 bits reach cluster 0 */
    assert_false(logical(&x2apic, 0x08, false));
    assert_false(logical(&far, 0x08, false));
}

static void a_disabled_apic_is_named_by_nothing(void **state) {
    struct apic_identity who = flat;

    (void)state;
    who.mode = APIC_MODE_DISABLED;
    assert_false(physical(&who, 2, false));
    assert_false(physical(&who, 0xff, false));
    assert_false(logical(&who, 4, false));
}

static void software_disable_stops_entries_but_not_messages(void **state) {
    struct apic_identity who = flat;
    uint64_t entry = 2ULL << RTE_DESTINATION_SHIFT | RTE_LEVEL | 0x51;

    (void)state;
    assert_true(destination_of_entry_matches(&who, entry));
    who.enabled = 0;
    assert_false(destination_of_entry_matches(&who, entry));
    assert_true(physical(&who, 2, false));
}

static void only_fixed_or_lowest_priority_with_a_legal_vector_matches(void **state) {
    uint64_t to_2 = 2ULL << RTE_DESTINATION_SHIFT | RTE_LEVEL;

    (void)state;
    for (uint64_t mode = 0; mode < 8; mode++)
        assert_int_equal(
            destination_of_entry_matches(&flat, to_2 | mode << RTE_DELIVERY_SHIFT | 0x51),
            mode == APIC_DELIVERY_FIXED || mode == APIC_DELIVERY_LOWEST_PRIORITY);
    assert_false(destination_of_entry_matches(&flat, to_2 | 15));
    assert_true(destination_of_entry_matches(&flat, to_2 | 16));
    assert_true(destination_of_entry_matches(&flat, to_2 | RTE_MASKED | 0x51));
}

static void an_entry_honours_its_destination_mode(void **state) {
    uint64_t entry = 4ULL << RTE_DESTINATION_SHIFT | RTE_LEVEL | 0x51;

    (void)state;
    assert_false(destination_of_entry_matches(&flat, entry));
    assert_true(destination_of_entry_matches(&flat, entry | RTE_LOGICAL));
}

static void an_identity_is_loaded_as_it_was_stored(void **state) {
    struct apic_identity place;
    struct apic_identity copy;

    (void)state;
    apic_identity_store(&place, cluster);
    copy = apic_identity_load(&place);
    assert_memory_equal(&copy, &cluster, sizeof(copy));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(physical_destinations_name_the_id),
        cmocka_unit_test(all_ones_is_the_broadcast_in_either_mode),
        cmocka_unit_test(flat_logical_is_one_common_bit),
        cmocka_unit_test(cluster_logical_is_the_cluster_and_one_common_bit),
        cmocka_unit_test(x2apic_logical_ids_are_derived),
        cmocka_unit_test(a_disabled_apic_is_named_by_nothing),
        cmocka_unit_test(software_disable_stops_entries_but_not_messages),
        cmocka_unit_test(only_fixed_or_lowest_priority_with_a_legal_vector_matches),
        cmocka_unit_test(an_entry_honours_its_destination_mode),
        cmocka_unit_test(an_identity_is_loaded_as_it_was_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
