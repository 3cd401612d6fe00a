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

/* The set agrees with the masks. Each function keeps that, and nothing else writes here. */
/*@ predicate agree{L}(struct tokens *t) =
  @     \forall integer v; 0 <= v < VECTOR_COUNT ==>
  @         (in_set(&t->inflight, v) <==> t->front[v] != 0 || t->behind[v] != 0);
  @*/

/* Drops all tokens: the LAPIC is reset (invariant 20). */
/*@ requires \valid(tokens);
  @ assigns *tokens;
  @ ensures \forall integer v; 0 <= v < VECTOR_COUNT ==>
  @     tokens->front[v] == 0 && tokens->behind[v] == 0;
  @ ensures \forall integer w; 0 <= w < 4 ==> tokens->inflight.word[w] == 0;
  @ ensures kept: agree(tokens);
  @*/
void tokens_reset(struct tokens *tokens);

/* A level delivery from `pins` on `vector` is about to enter the IRR; in_service is ISR[vector] at
 * this moment. Returns true if the delivery waits behind the instance in service. */
/*@ requires \valid(tokens);
  @ requires kept: agree(tokens);
  @ assigns tokens->front[vector], tokens->behind[vector],
  @         tokens->inflight.word[vector / 64];
  @ ensures tokens->front[vector] == \old(tokens->front[vector] | (in_service ? 0 : pins));
  @ ensures tokens->behind[vector] == \old(tokens->behind[vector] | (in_service ? pins : 0));
  @ ensures kept: agree(tokens);
  @ ensures \result == in_service;
  @*/
bool tokens_accept(struct tokens *tokens, uint8_t vector, uint32_t pins, bool in_service);

/* The guest has performed the EOI of `vector`; pending is IRR[vector] at this moment. Returns the
 * pins that the EOI is owed to, 0 if the exit is coincidental. */
/*@ requires \valid(tokens);
  @ requires kept: agree(tokens);
  @ assigns tokens->front[vector], tokens->behind[vector],
  @         tokens->inflight.word[vector / 64];
  @ ensures \result == \old(tokens->front[vector] | (pending ? 0 : tokens->behind[vector]));
  @ ensures \result == 0 <==>
  @     \old(tokens->front[vector] == 0 && (pending || tokens->behind[vector] == 0));
  @ ensures tokens->front[vector] == \old(pending ? tokens->behind[vector] : 0);
  @ ensures tokens->behind[vector] == 0;
  @ ensures kept: agree(tokens);
  @*/
uint32_t tokens_retire(struct tokens *tokens, uint8_t vector, bool pending);
