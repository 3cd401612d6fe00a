/* Shared by the tests of the invariants: the world, and short names for its operations.
 *
 * Every operation of the world checks the invariants that it can; a test also fails if one of these
 * checks has failed. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/world.h"

#define V 0x51
#define W 0x62 /* of a higher priority class than V */

static struct world world;

static inline int set_up(void **state) {
    (void)state;
    world_start(&world, 3, 0x11);
    return 0;
}

static inline int tear_down(void **state) {
    (void)state;
    if (world.violation)
        print_error("violated: %s\n", world.violation);
    return world.violation ? -1 : 0;
}

static inline void level_to(unsigned pin, uint8_t vector, uint8_t vcpu) {
    world_route(&world, pin, RTE_LEVEL, vector, vcpu);
}

static inline void assert_runs(unsigned vcpu, int vector) {
    assert_int_equal(world_run(&world, vcpu), vector);
}

static inline void assert_eoi(unsigned vcpu, enum world_eoi kind) {
    assert_int_equal(world_eoi(&world, vcpu), kind);
}

static inline void assert_bit(unsigned vcpu, uint8_t vector, bool exits) {
    world_run(&world, vcpu);
    assert_int_equal(world_exits(&world, vcpu, vector), exits);
}

/* Remote IRR of the pin. */
static inline bool waits_for_eoi(unsigned pin) {
    return world_entry_bit(&world, pin, RTE_REMOTE_IRR) != 0;
}

/* Puts a level interrupt from pin 5 in service on vCPU 0. */
static inline void in_service_on_0(void) {
    level_to(5, V, 0);
    world_line(&world, 5, true);
    assert_runs(0, V);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
