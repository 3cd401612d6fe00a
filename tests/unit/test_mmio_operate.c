/* Guards vmm/emulate/mmio_operate.c: compares the results and flags of each operation with those of
 * the processor that runs this test; and the steps of string instructions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/control_registers.h"
#include "vmm/emulate/mmio_operate.h"

#define STATUS (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

/* Executes one operation on memory. The 128 bytes below the stack pointer (the red zone) may be in
 * use.
 */
#define RUN(instruction, type)                                                                     \
    do {                                                                                           \
        type memory = (type)*a;                                                                    \
        __asm__ volatile("lea -128(%%rsp), %%rsp; push %[flags]; popfq; " instruction              \
                         "; pushfq; pop %[flags]; lea 128(%%rsp), %%rsp"                           \
                         : [flags] "+r"(flags)                                                     \
                         : [memory] "r"(&memory), [operand] "r"((type)b)                           \
                         : "cc", "memory");                                                        \
        *a = memory;                                                                               \
    } while (0)
#define RUN_EACH_SIZE(instruction, operand)                                                        \
    do {                                                                                           \
        if (size == 1)                                                                             \
            RUN(instruction "b " operand "(%[memory])", uint8_t);                                  \
        else if (size == 2)                                                                        \
            RUN(instruction "w " operand "(%[memory])", uint16_t);                                 \
        else if (size == 4)                                                                        \
            RUN(instruction "l " operand "(%[memory])", uint32_t);                                 \
        else                                                                                       \
            RUN(instruction "q " operand "(%[memory])", uint64_t);                                 \
    } while (0)

static uint64_t processor(enum mmio_operation operation, unsigned size, uint64_t *a, uint64_t b,
                          uint64_t flags) {
    switch (operation) {
    case MMIO_ADD:
        RUN_EACH_SIZE("add", "%[operand], ");
        break;
    case MMIO_OR:
        RUN_EACH_SIZE("or", "%[operand], ");
        break;
    case MMIO_ADC:
        RUN_EACH_SIZE("adc", "%[operand], ");
        break;
    case MMIO_SBB:
        RUN_EACH_SIZE("sbb", "%[operand], ");
        break;
    case MMIO_AND:
        RUN_EACH_SIZE("and", "%[operand], ");
        break;
    case MMIO_SUB:
        RUN_EACH_SIZE("sub", "%[operand], ");
        break;
    case MMIO_XOR:
        RUN_EACH_SIZE("xor", "%[operand], ");
        break;
    case MMIO_CMP:
        RUN_EACH_SIZE("cmp", "%[operand], ");
        break;
    case MMIO_TEST:
        RUN_EACH_SIZE("test", "%[operand], ");
        break;
    case MMIO_NOT:
        RUN_EACH_SIZE("not", "");
        break;
    case MMIO_NEG:
        RUN_EACH_SIZE("neg", "");
        break;
    case MMIO_INC:
        RUN_EACH_SIZE("inc", "");
        break;
    case MMIO_DEC:
        RUN_EACH_SIZE("dec", "");
        break;
    default:
        *a = b;
        break;
    }
    return flags;
}

static uint64_t next_random(void) {
    static uint64_t random = 0x9e3779b97f4a7c15;

    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    return random;
}

/* Often a value at which flags change. */
static uint64_t next_operand(void) {
    static const uint64_t corners[] = {0,        1,          0xf,        0x10,       0x7f,
                                       0x80,     0xff,       0x7fff,     0x8000,     0xffff,
                                       1u << 31, 0x7fffffff, 0xffffffff, 1ULL << 63, ~0ULL};
    uint64_t random = next_random();

    return random & 1 ? next_random() : corners[(random >> 1) % (sizeof(corners) / 8)];
}

static uint64_t cut(uint64_t value, unsigned size) {
    return value & ~0ULL >> (64 - 8 * size);
}

/* With the result in memory, as in a compiler's `|=`, or in a register. */
static void compare(enum mmio_operation operation, unsigned size, bool to_register) {
    const uint64_t other = RFLAGS_ONE | RFLAGS_IF | RFLAGS_DF; /* must not change */
    struct mmio_instruction i = {.operation = (uint8_t)operation,
                                 .size = (uint8_t)size,
                                 .register_size = (uint8_t)size,
                                 .reg = 3,
                                 .to_register = to_register,
                                 .store = !to_register && operation != MMIO_CMP};
    uint64_t registers[16] = {[3] = next_operand()}, memory = cut(next_operand(), size);
    uint64_t before = next_random() & STATUS, flags = before | other;
    uint64_t old = registers[3], expected = to_register ? cut(old, size) : memory;
    uint64_t expected_flags =
        processor(operation, size, &expected, to_register ? memory : old, before | RFLAGS_ONE);

    uint64_t result = mmio_operate(&i, memory, registers, &flags);
    if (operation == MMIO_AND || operation == MMIO_OR || operation == MMIO_XOR ||
        operation == MMIO_TEST)
        expected_flags &= ~RFLAGS_AF; /* undefined; mmio_operate() clears it */
    assert_int_equal(flags, (expected_flags & STATUS) | other);
    if (operation == MMIO_CMP || operation == MMIO_TEST) {
        assert_int_equal(registers[3], old);
    } else if (to_register) {
        uint64_t kept = size >= 4 ? 0 : old & ~cut(~0ULL, size);
        assert_int_equal(registers[3], kept | cut(expected, size));
    } else {
        assert_int_equal(result, cut(expected, size));
        assert_int_equal(registers[3], old);
    }
}

static void each_operation_agrees_with_the_processor(void **state) {
    (void)state;
    for (unsigned round = 0; round < 40000; round++) {
        unsigned size = 1u << (round & 3);

        for (int operation = MMIO_ADD; operation < MMIO_XCHG; operation++) {
            compare((enum mmio_operation)operation, size, false);
            if (operation <= MMIO_CMP)
                compare((enum mmio_operation)operation, size, true);
        }
    }
}

static void an_exchange_changes_both_operands_and_no_flags(void **state) {
    struct mmio_instruction i = {.operation = MMIO_XCHG,
                                 .size = 1,
                                 .register_size = 1,
                                 .reg = 3,
                                 .high_byte = true,
                                 .to_register = true,
                                 .store = true};
    uint64_t registers[16] = {[3] = 0x11223344}, flags = STATUS | RFLAGS_ONE;

    (void)state;
    assert_int_equal(mmio_operate(&i, 0xab, registers, &flags), 0x33);
    assert_int_equal(registers[3], 0x1122ab44);
    assert_int_equal(flags, STATUS | RFLAGS_ONE);
    i.high_byte = false;
    i.size = i.register_size = 4;
    registers[3] = 0xffffffff11223344;
    assert_int_equal(mmio_operate(&i, 0xab, registers, &flags), 0x11223344);
    assert_int_equal(registers[3], 0xab);
}

static void an_immediate_is_the_other_operand(void **state) {
    struct mmio_instruction i = {.operation = MMIO_AND,
                                 .size = 4,
                                 .register_size = 4,
                                 .has_immediate = true,
                                 .immediate = ~0xffULL,
                                 .store = true};
    uint64_t registers[16] = {0}, flags = RFLAGS_ONE;

    (void)state;
    assert_int_equal(mmio_operate(&i, 0x80001234, registers, &flags), 0x80001200);
    assert_int_equal(flags, RFLAGS_ONE | RFLAGS_SF | RFLAGS_PF);
}

/* ---- strings ---- */

#define RCX 1
#define RSI 6
#define RDI 7

static void a_step_advances_the_registers_of_the_instruction(void **state) {
    static const struct {
        enum mmio_string string;
        bool source, destination;
    } each[] = {
        {MMIO_STOS, false, true},
        {MMIO_MOVS, true, true},
        {MMIO_INS, false, true},
        {MMIO_OUTS, true, false},
    };

    (void)state;
    for (unsigned n = 0; n < 4; n++) {
        struct mmio_instruction i = {
            .string = (uint8_t)each[n].string, .size = 4, .address_size = 8};
        uint64_t registers[16] = {[RCX] = 5, [RSI] = 100, [RDI] = 200};

        assert_true(mmio_string_step(&i, registers, 0));
        assert_int_equal(registers[RSI], each[n].source ? 104 : 100);
        assert_int_equal(registers[RDI], each[n].destination ? 204 : 200);
        assert_true(mmio_string_step(&i, registers, RFLAGS_DF));
        assert_int_equal(registers[RSI], 100);
        assert_int_equal(registers[RDI], 200);
        assert_int_equal(registers[RCX], 5); /* no REP */
    }
}

static void rep_counts_rcx_down_to_0(void **state) {
    struct mmio_instruction i = {.string = MMIO_STOS, .size = 2, .address_size = 8, .repeat = true};
    uint64_t registers[16] = {[RCX] = 2, [RDI] = 0xfffffffe};

    (void)state;
    assert_false(mmio_string_step(&i, registers, 0));
    assert_int_equal(registers[RDI], 0x100000000);
    assert_true(mmio_string_step(&i, registers, 0));
    assert_int_equal(registers[RCX], 0);
}

/* 32-bit results clear the upper half, 16-bit results keep the other bits. */
static void registers_wrap_at_the_address_size(void **state) {
    struct mmio_instruction i = {.string = MMIO_MOVS, .size = 1, .address_size = 4, .repeat = true};
    uint64_t registers[16] = {[RCX] = 0x500000001, [RSI] = 0x7ffffffff, [RDI] = 0xffffffff00000000};

    (void)state;
    assert_true(mmio_string_step(&i, registers, 0));
    assert_int_equal(registers[RCX], 0);
    assert_int_equal(registers[RSI], 0);
    assert_int_equal(registers[RDI], 1);
    i.address_size = 2;
    registers[RCX] = 0x50000;
    registers[RSI] = 0x7ffff;
    registers[RDI] = 0x30000;
    assert_false(mmio_string_step(&i, registers, 0));
    assert_int_equal(registers[RCX], 0x5ffff);
    assert_int_equal(registers[RSI], 0x70000);
    assert_int_equal(registers[RDI], 0x30001);
    assert_int_equal(mmio_index(2, 0x12345678), 0x5678);
    assert_int_equal(mmio_index(4, 0x112345678), 0x12345678);
    assert_int_equal(mmio_index(8, ~0ULL), ~0ULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_operation_agrees_with_the_processor),
        cmocka_unit_test(an_exchange_changes_both_operands_and_no_flags),
        cmocka_unit_test(an_immediate_is_the_other_operand),
        cmocka_unit_test(a_step_advances_the_registers_of_the_instruction),
        cmocka_unit_test(rep_counts_rcx_down_to_0),
        cmocka_unit_test(registers_wrap_at_the_address_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
