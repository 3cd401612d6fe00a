/* Guards everything that the world checks, on random walks: whatever guests, devices and CPUs do,
 * in any order and with kicks that come late, no invariant is violated and no interrupt is lost.
 *
 * A walk depends on its seed only, and a failure prints the seed, so it can be repeated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/walk.h"

#define WALKS 400
#define STEPS 400

static struct world world;
static uint32_t random_state;

/* xorshift32 */
static uint32_t pick(uint32_t below) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return (random_state >> 8) % below;
}

static void no_walk_violates_an_invariant(void **state) {
    (void)state;
    for (uint32_t seed = 1; seed <= WALKS; seed++) {
        random_state = seed * 2654435761u;
        const char *violation = walk(&world, pick, STEPS);
        if (violation)
            fail_msg("seed %u: %s", seed, violation);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_walk_violates_an_invariant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
