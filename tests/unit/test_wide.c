/* Guards guests of up to 64 vCPUs in the interrupt core: which of them a destination names, that a
 * message and a reroute concern no other, and that this agrees with comparing the destination with
 * each vCPU. SDM Vol. 3A, "Determining IPI Destination", "Logical Destination Mode in x2APIC Mode".
 */
#include "tests/unit/invariants.h"
#include "vmm/interrupts/routing_messages.h"

#define VCPUS ROUTING_MAX_VCPUS

static int set_up_wide(void **state) {
    (void)state;
    world_start(&world, VCPUS, 0x11);
    return 0;
}

static void to_x2apic(unsigned vcpu) {
    struct vlapic *apic = routing_vlapic(&world.routing, vcpu);

    assert_true(vlapic_write_base(apic, apic->base | APIC_BASE_X2APIC));
}

static void all_to_x2apic(void) {
    for (unsigned i = 0; i < VCPUS; i++)
        to_x2apic(i);
}

/* Lets all vCPUs accept and end what they have. */
static void settle(void) {
    for (unsigned i = 0; i < VCPUS; i++) {
        while (world_run(&world, i) >= 0)
            world_eoi(&world, i);
    }
    assert_int_equal(world.notified, 0);
}

/* The vCPUs that accept an edge, as the return value and the notifications agree on. */
static vcpu_mask receivers(uint32_t destination, bool wide, bool logical) {
    const struct apic_message message = {
        .destination = destination, .wide = wide, .logical = logical, .vector = V};

    world.notified = 0;
    unsigned accepted = routing_send(&world.routing, &message);
    vcpu_mask set = world.notified;

    assert_int_equal(accepted, __builtin_popcountll(set));
    return set;
}

/* The same, from the identity of each vCPU. */
static vcpu_mask matching(uint32_t destination, bool wide, bool logical) {
    vcpu_mask set = 0;

    for (unsigned i = 0; i < VCPUS; i++) {
        const struct apic_identity *who = &world.routing.vcpu[i].apic.identity;
        if (who->enabled && destination_matches(who, destination, wide, logical))
            set |= vcpu_mask_of(i);
    }
    return set;
}

/* ---- sets ---- */

static void a_set_has_room_for_64_vcpus(void **state) {
    (void)state;
    assert_int_equal(vcpu_mask_first(1), 1);
    assert_int_equal(vcpu_mask_first(64), UINT64_MAX);
    assert_int_equal(vcpu_mask_next(vcpu_mask_of(63) | vcpu_mask_of(5), 5), 63);
    assert_int_equal(vcpu_mask_next(vcpu_mask_of(63) | vcpu_mask_of(5), 63), 5);
    assert_int_equal(vcpu_mask_next(vcpu_mask_of(7), 7), 7);
}

/* ---- x2APIC mode ---- */

static void the_logical_x2apic_id_is_derived_from_the_id(void **state) {
    (void)state;
    all_to_x2apic();
    for (uint32_t id = 0; id < VCPUS; id++) {
        uint32_t ldr = (id >> 4) << 16 | 1u << (id & 15);
        assert_int_equal(apic_page_read(&world.page[id], APIC_LDR), ldr);
        assert_int_equal(receivers(ldr, true, true), vcpu_mask_of(id));
        assert_int_equal(receivers(id, true, false), vcpu_mask_of(id));
    }
}

static void a_logical_destination_names_members_of_one_cluster(void **state) {
    (void)state;
    all_to_x2apic();
    for (uint32_t cluster = 0; cluster < 4; cluster++) {
        for (uint32_t members = 0; members < 0x10000; members += 0x0123)
            assert_int_equal(receivers(cluster << 16 | members, true, true),
                             (vcpu_mask)members << 16 * cluster);
        assert_int_equal(receivers(cluster << 16 | 0xffff, true, true), 0xffffULL << 16 * cluster);
    }
    assert_int_equal(receivers(4u << 16 | 0xffff, true, true), 0);
    assert_int_equal(receivers(0xfffeffff, true, true), 0);
    assert_int_equal(receivers(0xffff0001, true, true), 0);
    /* of 8 bits, as in a redirection table entry */
    assert_int_equal(receivers(0x96, false, true), 0x96);
}

static void the_broadcast_has_32_bits(void **state) {
    (void)state;
    all_to_x2apic();
    assert_int_equal(receivers(0xffffffff, true, false), UINT64_MAX);
    assert_int_equal(receivers(0xffffffff, true, true), UINT64_MAX);
    assert_int_equal(receivers(0xff, true, false), 0);
    assert_int_equal(receivers(0xff, true, true), 0xff);
    assert_int_equal(receivers(0xff, false, false), UINT64_MAX);
    assert_int_equal(receivers(64, true, false), 0);
    assert_int_equal(receivers(0x10000, true, false), 0);
    assert_int_equal(receivers(0x80000001, true, false), 0);
}

/* ---- xAPIC mode ---- */

static void an_id_that_was_written_is_found(void **state) {
    (void)state;
    for (unsigned i = 0; i < VCPUS; i++)
        world_write_apic(&world, i, APIC_ID, (254 - 3 * i) << 24);
    for (unsigned i = 0; i < VCPUS; i++)
        assert_int_equal(receivers(254 - 3 * i, false, false), vcpu_mask_of(i));
    assert_int_equal(receivers(0xff, false, false), UINT64_MAX);
    assert_int_equal(receivers(253, false, false), 0);
    world_write_apic(&world, 9, APIC_ID, 254u << 24); /* as vCPU 0 */
    assert_int_equal(receivers(254, false, false), vcpu_mask_of(0) | vcpu_mask_of(9));
    for (unsigned i = 0; i < VCPUS; i++)
        world_write_apic(&world, i, APIC_ID, i << 24);
    assert_int_equal(world.routing.renamed, 0);
    assert_int_equal(receivers(63, false, false), vcpu_mask_of(63));
}

/* 15 clusters of four: 60 vCPUs have a logical ID of their own. */
static void clusters_of_four_reach_60_vcpus(void **state) {
    (void)state;
    for (unsigned i = 0; i < VCPUS; i++) {
        world_write_apic(&world, i, APIC_DFR, 0x0fffffff);
        world_write_apic(&world, i, APIC_LDR, i < 60 ? (i / 4 << 4 | 1u << i % 4) << 24 : 0);
    }
    for (unsigned i = 0; i < 60; i++)
        assert_int_equal(receivers(i / 4 << 4 | 1u << i % 4, false, true), vcpu_mask_of(i));
    assert_int_equal(receivers(0xef, false, true), 0xfULL << 56);
    assert_int_equal(receivers(0xff, false, true), UINT64_MAX);
}

static void an_8_bit_id_is_found_after_x2apic_mode_was_left(void **state) {
    (void)state;
    world_write_apic(&world, 17, APIC_ID, 200u << 24);
    to_x2apic(17);
    assert_int_equal(world.routing.renamed | (world.routing.xapic & vcpu_mask_of(17)), 0);
    assert_int_equal(receivers(200, true, false), 0);
    assert_int_equal(receivers(17, true, false), vcpu_mask_of(17));
    struct vlapic *apic = routing_vlapic(&world.routing, 17);
    assert_true(vlapic_write_base(apic, apic->base & ~(APIC_BASE_ENABLE | APIC_BASE_X2APIC)));
    assert_int_equal(receivers(17, false, false), 0);
    assert_true(vlapic_write_base(apic, apic->base | APIC_BASE_ENABLE));
    world_write_apic(&world, 17, APIC_SVR, APIC_SVR_ENABLE | 0xff);
    world_write_apic(&world, 17, APIC_LDR, 0x40u << 24);
    assert_int_equal(receivers(17, false, false), vcpu_mask_of(17));
    assert_int_equal(receivers(0x40, false, true), vcpu_mask_of(17) | vcpu_mask_of(6));
}

/* ---- all of it at random, against a comparison with each vCPU ---- */

static uint32_t seed;

static uint32_t random_below(uint32_t bound) {
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)seed * bound >> 32);
}

static void change_one(void) {
    unsigned i = random_below(VCPUS);
    struct vlapic *apic = routing_vlapic(&world.routing, i);

    if (apic->identity.mode == APIC_MODE_XAPIC) {
        static const uint32_t register_of[] = {APIC_ID, APIC_LDR, APIC_LDR, APIC_DFR};
        uint32_t which = register_of[random_below(4)];
        uint32_t model = random_below(2) ? 0x0fffffff : 0xffffffff;
        world_write_apic(&world, i, which, which == APIC_DFR ? model : random_below(256) << 24);
    }
    switch (random_below(8)) {
    case 0:
        vlapic_write_base(apic, apic->base ^ APIC_BASE_X2APIC);
        break;
    case 1:
        vlapic_write_base(apic, APIC_DEFAULT_BASE | (random_below(2) ? APIC_BASE_ENABLE : 0));
        break;
    case 2:
        vlapic_init(apic);
        break;
    default: /* again, as INIT and a change of mode disable it */
        if (apic->identity.mode == APIC_MODE_X2APIC)
            vlapic_write_msr(apic, 0x800 + APIC_SVR / 16, APIC_SVR_ENABLE | 0xff);
        else if (apic->identity.mode == APIC_MODE_XAPIC)
            world_write_apic(&world, i, APIC_SVR, APIC_SVR_ENABLE | 0xff);
    }
}

static void the_index_agrees_with_a_comparison_with_each_vcpu(void **state) {
    unsigned found = 0;

    (void)state;
    seed = 13;
    for (unsigned round = 0; round < 20000; round++) {
        bool wide = random_below(2), logical = random_below(2);
        uint32_t destination = random_below(256);
        change_one();
        if (wide && random_below(2))
            destination = random_below(6) << 16 | random_below(0x10000);
        vcpu_mask expected = matching(destination, wide, logical);
        assert_int_equal(receivers(destination, wide, logical), expected);
        found += expected != 0;
    }
    assert_true(found > 2000);
}

/* ---- the index while an identity changes ---- */

static vcpu_mask found_by_old, found_by_new;

static void send_to_both(struct world *it) {
    struct apic_message message = {.destination = 20, .vector = V};

    it->notified = 0;
    routing_send(&it->routing, &message);
    found_by_old = it->notified;
    message.destination = 90;
    routing_send(&it->routing, &message);
    found_by_new = it->notified;
}

static void a_new_id_is_found_before_its_change_is_announced(void **state) {
    (void)state;
    settle();
    world.before_lock = send_to_both;
    world_write_apic(&world, 20, APIC_ID, 90u << 24);
    assert_int_equal(found_by_old, 0);
    assert_int_equal(found_by_new, vcpu_mask_of(20));
    settle();
}

/* ---- lowest priority ---- */

static void lowest_priority_gives_all_64_a_turn(void **state) {
    struct apic_message message = {.destination = 0xffffffff,
                                   .wide = true,
                                   .vector = V,
                                   .delivery_mode = APIC_DELIVERY_LOWEST_PRIORITY};

    (void)state;
    all_to_x2apic();
    for (unsigned turn = 0; turn < 3 * VCPUS; turn++) {
        world.notified = 0;
        assert_int_equal(routing_send(&world.routing, &message), 1);
        assert_int_equal(world.notified, vcpu_mask_of(turn % VCPUS));
    }
    message.destination = 3u << 16 | 0x8001;
    message.logical = true;
    for (unsigned turn = 0; turn < 4; turn++) {
        world.notified = 0;
        assert_int_equal(routing_send(&world.routing, &message), 1);
        assert_int_equal(world.notified, vcpu_mask_of(turn % 2 ? 63 : 48));
    }
}

/* ---- reroutes ---- */

static vcpu_mask rerouted(unsigned pin, uint64_t entry) {
    settle();
    world_write_half(&world, 2 * pin + 1, (uint32_t)(entry >> 32));
    vcpu_mask set = world.notified;
    settle();
    return set;
}

static void a_reroute_concerns_the_vcpus_that_either_route_names(void **state) {
    uint64_t entry = RTE_LEVEL | RTE_MASKED | V;

    (void)state;
    all_to_x2apic();
    world_write_entry(&world, 5, entry | 7ULL << RTE_DESTINATION_SHIFT);
    for (uint64_t to = 8; to < VCPUS; to++)
        assert_int_equal(rerouted(5, entry | to << RTE_DESTINATION_SHIFT),
                         vcpu_mask_of((unsigned)to) | vcpu_mask_of((unsigned)to - 1));
    assert_int_equal(rerouted(5, entry | 0xc8ULL << RTE_DESTINATION_SHIFT), vcpu_mask_of(63));
    assert_int_equal(rerouted(5, entry | 0xffULL << RTE_DESTINATION_SHIFT), UINT64_MAX);

    world_write_entry(&world, 6, entry | RTE_LOGICAL | 0x41ULL << RTE_DESTINATION_SHIFT);
    assert_int_equal(rerouted(6, entry | RTE_LOGICAL | 0x12ULL << RTE_DESTINATION_SHIFT), 0x53);
}

/* An entry that keeps its destination and is no route any more. */
static void a_route_that_ends_concerns_the_vcpus_that_it_named(void **state) {
    static const uint64_t ends[] = {
        RTE_LEVEL | 0x05, V, RTE_LEVEL | (uint64_t)APIC_DELIVERY_NMI << RTE_DELIVERY_SHIFT | V};
    const uint64_t destination = 9ULL << RTE_DESTINATION_SHIFT;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        world_write_entry(&world, 5, destination | RTE_LEVEL | RTE_MASKED | V);
        assert_bit(9, V, true);
        world_write_half(&world, 10, (uint32_t)(ends[i] | RTE_MASKED));
        assert_bit(9, V, false);
        world_write_half(&world, 10, (uint32_t)(RTE_LEVEL | RTE_MASKED | V));
        assert_bit(9, V, true);
        world_write_half(&world, 10, (uint32_t)(RTE_LEVEL | RTE_MASKED | W));
        assert_bit(9, V, false);
        assert_bit(9, W, true);
    }
}

/* The whole way of a level interrupt whose route leaves the vCPU that has it in service. */
static void the_highest_vcpu_ends_a_stale_interrupt_once(void **state) {
    (void)state;
    all_to_x2apic();
    level_to(5, V, 63);
    world_line(&world, 5, true);
    assert_runs(63, V);
    level_to(5, V, 40);
    world_line(&world, 5, false);
    assert_int_equal(world_run(&world, 63), -1);
    assert_true(world_is_stale(&world, 63, V));
    assert_eoi(63, WORLD_EOI_STALE);
    assert_bit(63, V, false);
    assert_bit(40, V, true);
    assert_false(waits_for_eoi(5));
}

#define WIDE(test) cmocka_unit_test_setup_teardown(test, set_up_wide, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WIDE(a_set_has_room_for_64_vcpus),
        WIDE(the_logical_x2apic_id_is_derived_from_the_id),
        WIDE(a_logical_destination_names_members_of_one_cluster),
        WIDE(the_broadcast_has_32_bits),
        WIDE(an_id_that_was_written_is_found),
        WIDE(clusters_of_four_reach_60_vcpus),
        WIDE(an_8_bit_id_is_found_after_x2apic_mode_was_left),
        WIDE(the_index_agrees_with_a_comparison_with_each_vcpu),
        WIDE(a_new_id_is_found_before_its_change_is_announced),
        WIDE(lowest_priority_gives_all_64_a_turn),
        WIDE(a_reroute_concerns_the_vcpus_that_either_route_names),
        WIDE(a_route_that_ends_concerns_the_vcpus_that_it_named),
        WIDE(the_highest_vcpu_ends_a_stale_interrupt_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
