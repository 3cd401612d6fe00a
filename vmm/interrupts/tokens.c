/* In-flight tokens: docs/interrupts.md, "The token rule", and nothing else. */
#include "vmm/interrupts/tokens.h"

void tokens_reset(struct tokens *tokens) {
    *tokens = (struct tokens){0};
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
