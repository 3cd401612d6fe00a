/* Moves of SSE and AVX registers: see vmm/emulate/mmio_vector.h. */
#include "vmm/emulate/mmio_vector.h"

#include "vmm/emulate/mmio_operate.h"

struct mmio_vector mmio_vector_stored(const struct mmio_instruction *i,
                                      const struct mmio_vector *value) {
    struct mmio_vector stored = *value;

    if (i->half)
        stored.word[0] = value->word[1];
    if (i->size < 8)
        stored.word[0] &= mmio_mask(i->size);
    return stored;
}

/* A load clears the rest of the XMM register, except for MOVLPS and MOVHPS. The upper half of the
 * YMM register is cleared by an AVX instruction and kept by an SSE instruction. */
void mmio_vector_load(const struct mmio_instruction *i, const struct mmio_vector *memory,
                      const struct mmio_vector *source, struct mmio_vector *destination) {
    struct mmio_vector loaded = {{0}};

    for (unsigned n = 0; n < 4 && 8 * n < i->size; n++)
        loaded.word[n] = memory->word[n];
    if (i->size < 8)
        loaded.word[0] &= mmio_mask(i->size);
    if (i->merge) {
        loaded.word[i->half] = loaded.word[0];
        loaded.word[!i->half] = source->word[!i->half];
    }
    if (!i->vex) {
        loaded.word[2] = destination->word[2];
        loaded.word[3] = destination->word[3];
    }
    *destination = loaded;
}
