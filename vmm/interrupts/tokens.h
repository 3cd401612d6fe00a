/* In-flight tokens: which level deliveries a vCPU has accepted and not yet retired with an EOI.
 *
 * A vector can be in service (ISR) and pending (IRR) at once, so each vector has two pin masks:
 * `front` belongs to the instance whose EOI comes next, `behind` to the one after it. Acceptance
 * happens on the vCPU's own CPU, outside guest mode, when IRR and ISR are exact; therefore the
 * masks are exact. docs/interrupts.md, "The token rule". Pure. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "vmm/interrupts/vector_set.h"

struct tokens {
    uint32_t front[VECTOR_COUNT]; /* bit p: a delivery of pin p */
    uint32_t behind[VECTOR_COUNT];
    struct vector_set inflight; /* the vectors with front or behind not empty */
};

/* Drops all tokens: the LAPIC is reset (invariant 20). */
void tokens_reset(struct tokens *tokens);

/* A level delivery from `pins` on `vector` is about to enter the IRR; in_service is ISR[vector] at
 * this moment. Returns true if the delivery waits behind the instance in service. */
bool tokens_accept(struct tokens *tokens, uint8_t vector, uint32_t pins, bool in_service);

/* The guest has performed the EOI of `vector`; pending is IRR[vector] at this moment. Returns the
 * pins that the EOI is owed to, 0 if the exit is coincidental. */
uint32_t tokens_retire(struct tokens *tokens, uint8_t vector, bool pending);
