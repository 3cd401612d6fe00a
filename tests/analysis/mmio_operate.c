/* Executing an instruction: all registers, flags and values read from the device.
 * Assumed: of the instruction what mmio.h says, which the harness mmio_decode.c claims of the
 * decoder; and that operands have 1, 2, 4 or 8 bytes, unless they are SSE or AVX registers, which
 * are not executed here: test_mmio_opcodes.c goes through all opcodes. A guest chooses the bytes
 * of the instruction, not what the decoder makes of them. */
#include "vmm/emulate/mmio_operate.h"

#include "tests/analysis/any.h"
#include "tests/analysis/mmio.h"

static uint64_t registers[16];

static struct mmio_instruction any_instruction(void) {
    struct mmio_instruction i = {
        .immediate = any(),
        .displacement = (int32_t)any(),
        .store = any_bool(),
        .write_only = any_bool(),
        .length = (uint8_t)any(),
        .size = (uint8_t)(1u << any_below(4)),
        .register_size = (uint8_t)(1u << any_below(4)),
        .reg = (uint8_t)any(),
        .high_byte = any_bool(),
        .sign_extend = any_bool(),
        .has_immediate = any_bool(),
        .operation = (uint8_t)any(),
        .condition = (uint8_t)any(),
        .to_register = any_bool(),
        .string = (uint8_t)any(),
        .repeat = (uint8_t)any(),
        .segment = (uint8_t)any(),
        .address_size = (uint8_t)any(),
        .base = (uint8_t)any(),
        .index = (uint8_t)any(),
        .scale = (uint8_t)any(),
    };

    return i;
}

int main(void) {
    struct mmio_instruction i = any_instruction();
    uint64_t flags = any();

    for (unsigned n = 0; n < 16; n++)
        registers[n] = any();
    if (!is_decoded(&i))
        return 0;
    mmio_operand_offset(&i, registers, any());
    if (any_bool())
        mmio_operate(&i, any(), registers, &flags); /* MMIO_MOVE and behind it act as MMIO_XCHG */
    if (any_bool())
        mmio_load(&i, any(), registers);
    if (any_bool())
        mmio_compared(&i, any(), any(), any());
    i.string = (uint8_t)any_below(MMIO_OUTS + 1); /* string_io.c makes INS and OUTS itself */
    mmio_string_step(&i, registers, any());
    return 0;
}
