/* A walk through the world of tests/world.h: guests, devices and CPUs do anything, in any order and
 * with kicks that come late; then all interrupts are handled. Unit tests choose by a random number,
 * the fuzzer by its input. */
#pragma once
#include <stdint.h>

#include "tests/world.h"

/* `choose` returns a number below `below`. Returns the first violation, or NULL. */
const char *walk(struct world *where, uint32_t (*choose)(uint32_t below), unsigned steps);
