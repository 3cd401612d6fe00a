/* Executes a move between an SSE or AVX register and memory that mmio_decode.h has decoded.
 *
 * The caller accesses the device in pieces of at most 8 bytes, and the registers. Pure. SDM Vol.
 * 2B, "MOVUPS-Move Unaligned Packed Single Precision Floating-Point Values" and the like. */
#pragma once
#include <stdint.h>

#include "vmm/emulate/mmio_decode.h"

/* A YMM register; its lower half is the XMM register. */
struct mmio_vector {
    uint64_t word[4];
};

/* What a store writes: `size` bytes, as words in the order of memory. */
struct mmio_vector mmio_vector_stored(const struct mmio_instruction *instruction,
                                      const struct mmio_vector *value);

/* Completes a load of `size` bytes. source: the register `source`. */
void mmio_vector_load(const struct mmio_instruction *instruction, const struct mmio_vector *memory,
                      const struct mmio_vector *source, struct mmio_vector *destination);
