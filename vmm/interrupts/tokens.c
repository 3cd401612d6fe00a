/* In-flight tokens: docs/interrupts.md, "The token rule", and nothing else. */
#include "vmm/interrupts/tokens.h"

void tokens_reset(struct tokens *tokens) {
    /*@ loop invariant range: 0 <= v <= VECTOR_COUNT;
      @ loop invariant \forall integer u; 0 <= u < v ==>
      @     tokens->front[u] == 0 && tokens->behind[u] == 0;
      @ loop assigns v, tokens->front[0 .. VECTOR_COUNT - 1], tokens->behind[0 .. VECTOR_COUNT - 1];
      @ loop variant VECTOR_COUNT - v;
      @*/
    for (unsigned v = 0; v < VECTOR_COUNT; v++) {
        tokens->front[v] = 0;
        tokens->behind[v] = 0;
    }
    /*@ loop invariant range: 0 <= w <= 4;
      @ loop invariant \forall integer u; 0 <= u < w ==> tokens->inflight.word[u] == 0;
      @ loop assigns w, tokens->inflight.word[0 .. 3];
      @ loop variant 4 - w;
      @*/
    for (unsigned w = 0; w < 4; w++)
        tokens->inflight.word[w] = 0;
}

bool tokens_accept(struct tokens *tokens, uint8_t vector, uint32_t pins, bool in_service) {
    if (in_service)
        tokens->behind[vector] |= pins;
    else
        tokens->front[vector] |= pins;
    if (pins)
        vector_set_add(&tokens->inflight, vector);
    return in_service;
}

uint32_t tokens_retire(struct tokens *tokens, uint8_t vector, bool pending) {
    uint32_t retired = tokens->front[vector];
    if (pending) {
        tokens->front[vector] = tokens->behind[vector];
    } else {
        retired |= tokens->behind[vector];
        tokens->front[vector] = 0;
    }
    tokens->behind[vector] = 0;
    if (!tokens->front[vector])
        vector_set_remove(&tokens->inflight, vector);
    return retired;
}
