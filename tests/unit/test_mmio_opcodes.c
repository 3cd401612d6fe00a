/* Guards vmm/emulate/mmio_opcodes.c: every opcode behind every prefix, for what is executed without
 * a further check. tests/analysis/mmio_operate.c assumes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/emulate/mmio_decode.h"

/* What may stand before an opcode byte: prefixes, escapes, REX and VEX. */
static const struct {
    uint8_t count, bytes[4];
} starts[] = {
    {0, {0}},
    {1, {0x66}},
    {1, {0x48}},
    {2, {0x66, 0x48}},
    {2, {0xf3, 0x48}},
    {1, {0x0f}},
    {2, {0x66, 0x0f}},
    {2, {0xf3, 0x0f}},
    {2, {0xf2, 0x0f}},
    {2, {0x48, 0x0f}},
    {3, {0x66, 0x48, 0x0f}},
    {2, {0x0f, 0x38}},
    {3, {0x66, 0x0f, 0x38}},
    {3, {0xf3, 0x0f, 0x38}},
    {3, {0xf2, 0x0f, 0x38}},
    {3, {0x48, 0x0f, 0x38}},
};
#define START_COUNT (sizeof(starts) / sizeof(starts[0]))

static unsigned decoded, vectors;

static void check(const uint8_t *bytes, enum mmio_mode mode) {
    struct mmio_instruction i;

    if (mmio_decode(bytes, MMIO_INSTRUCTION_MAX, mode, &i))
        return;
    decoded++;
    if (i.operation == MMIO_VECTOR) {
        vectors++;
        assert_true(i.size == 4 || i.size == 8 || i.size == 16 || i.size == 32);
        return;
    }
    assert_true(i.size == 1 || i.size == 2 || i.size == 4 || i.size == 8);
    assert_true(i.register_size == 1 || i.register_size == 2 || i.register_size == 4 ||
                i.register_size == 8);
    assert_true(!i.high_byte || i.reg <= 3);
}

/* With each reg field, which selects in a group. */
static void check_opcode(const uint8_t *start, size_t count, unsigned opcode) {
    for (unsigned reg = 0; reg < 8; reg++) {
        uint8_t bytes[MMIO_INSTRUCTION_MAX] = {0};

        memcpy(bytes, start, count);
        bytes[count] = (uint8_t)opcode;
        bytes[count + 1] = (uint8_t)(reg << 3);
        for (int mode = MMIO_MODE_16; mode <= MMIO_MODE_64; mode++)
            check(bytes, (enum mmio_mode)mode);
    }
}

static void operands_have_1_2_4_or_8_bytes(void **state) {
    (void)state;
    for (size_t n = 0; n < START_COUNT; n++) {
        for (unsigned opcode = 0; opcode < 256; opcode++)
            check_opcode(starts[n].bytes, starts[n].count, opcode);
    }
    assert_in_range(decoded, 10000, UINT32_MAX);
}

static void those_of_vector_registers_have_4_to_32(void **state) {
    (void)state;
    vectors = 0;
    for (unsigned opcode = 0; opcode < 256; opcode++) {
        for (unsigned last = 0; last < 256; last++) {
            uint8_t two[2] = {0xc5, (uint8_t)last};
            check_opcode(two, sizeof(two), opcode);
            for (unsigned map = 1; map <= 2; map++) {
                uint8_t three[3] = {0xc4, (uint8_t)(0xe0 | map), (uint8_t)last};
                check_opcode(three, sizeof(three), opcode);
            }
        }
    }
    assert_in_range(vectors, 1000, UINT32_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operands_have_1_2_4_or_8_bytes),
        cmocka_unit_test(those_of_vector_registers_have_4_to_32),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
