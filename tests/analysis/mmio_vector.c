/* Moves of SSE and AVX registers: all values of memory and registers.
 * Assumed: of the instruction what mmio_operate.c assumes, with operands of 4 to 32 bytes. */
#include "vmm/emulate/mmio_vector.h"

#include "tests/analysis/any.h"

static struct mmio_vector any_vector(void) {
    return (struct mmio_vector){{any(), any(), any(), any()}};
}

int main(void) {
    struct mmio_instruction i = {
        .size = (uint8_t)(4u << any_below(4)),
        .half = (uint8_t)any_below(2),
        .merge = any_bool(),
        .vex = any_bool(),
    };
    struct mmio_vector memory = any_vector(), source = any_vector(), destination = any_vector();

    mmio_vector_stored(&i, &source);
    mmio_vector_load(&i, &memory, &source, &destination);
    return 0;
}
