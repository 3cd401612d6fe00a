/* Values for the harnesses of `make analyse`: Eva follows all of them at once. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A volatile variable may have another value at each read. */
extern volatile uint64_t any_value;

static inline uint64_t any(void) {
    return any_value;
}

static inline bool any_bool(void) {
    return any_value & 1;
}

/* 0 to count - 1. */
static inline unsigned any_below(unsigned count) {
    return (unsigned)(any_value % count);
}

static inline void any_bytes(void *to, size_t size) {
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)to)[i] = (uint8_t)any_value;
}

/*@ requires claim: \false;
  @ assigns \nothing; */
void claim_is_broken(void);

/* An alarm unless Eva finds that it always holds. */
#define claim(holds) ((holds) ? (void)0 : claim_is_broken())
