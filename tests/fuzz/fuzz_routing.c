/* Fuzzes the interrupt core (LAPICs, I/O APIC, tokens, EOI map, routing): each byte of the input
 * chooses what happens next in the world, which checks the invariants. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "tests/walk.h"

#define STEPS_MAX 2000

static const uint8_t *input;
static size_t left;

static uint32_t pick(uint32_t below) {
    if (!left)
        return 0;
    left--;
    return *input++ % below;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct world world;
    unsigned steps = size < STEPS_MAX ? (unsigned)size : STEPS_MAX;

    input = data;
    left = size;
    const char *violation = walk(&world, pick, steps);
    if (violation) {
        fprintf(stderr, "%s\n", violation);
        abort();
    }
    return 0;
}
