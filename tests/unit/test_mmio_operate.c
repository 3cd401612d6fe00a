/* Guards vmm/emulate/mmio_operate.c: operands, and the steps of string instructions. Results and
 * flags are compared with the processor's in test_mmio_native.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/control_registers.h"
#include "vmm/emulate/mmio_operate.h"

#define STATUS (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

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

#define RCX 1
#define RBX 3
#define RSP 4
#define RBP 5
#define RSI 6
#define RDI 7

/* ---- where the operand is ---- */

static uint64_t offset_of(const char *bytes, size_t count, enum mmio_mode mode) {
    const uint64_t registers[16] = {[RBX] = 0x10000, [RSP] = 0x20000,     [RBP] = 0x30000,
                                    [RSI] = 0x400,   [RDI] = 0x50000000f, [9] = ~0ULL};
    struct mmio_instruction i;

    assert_null(mmio_decode((const uint8_t *)bytes, count, mode, &i));
    assert_int_equal(i.length, count);
    return mmio_operand_offset(&i, registers, 0x7000000);
}
#define OFFSET_OF(bytes, mode) offset_of(bytes, sizeof(bytes) - 1, MMIO_MODE_##mode)

static void the_operand_is_where_the_registers_say(void **state) {
    (void)state;
    assert_int_equal(OFFSET_OF("\x8b\x84\x73\x10\x00\x00\x00", 64), 0x10810); /* [rbx+rsi*2+16] */
    assert_int_equal(OFFSET_OF("\x8b\x05\xfc\xff\xff\xff", 64), 0x6fffffc);   /* [rip-4] */
    assert_int_equal(OFFSET_OF("\x8b\x05\xfc\xff\xff\xff", 32), 0xfffffffc);
    assert_int_equal(OFFSET_OF("\xa1\x88\x77\x66\x55\x44\x33\x22\x11", 64), 0x1122334455667788);
    assert_int_equal(OFFSET_OF("\x8b\x41\xfe", 16), 0xd); /* [bx+di-2] */
}

/* 16-bit addresses: SDM Vol. 2A, "16-Bit Addressing Forms with the ModR/M Byte". */
static void sixteen_bit_addresses_add_two_registers(void **state) {
    struct mmio_instruction i;

    (void)state;
    for (uint8_t rm = 0; rm < 8; rm++) {
        const uint8_t bytes[] = {0x8b, 0x40 | rm, 0xff};
        const uint64_t registers[16] = {[RBX] = 0x1000, [RBP] = 0x200, [RSI] = 0x30, [RDI] = 4};
        const uint64_t sums[] = {0x1030, 0x1004, 0x230, 0x204, 0x30, 4, 0x200, 0x1000};

        assert_null(mmio_decode(bytes, sizeof(bytes), MMIO_MODE_16, &i));
        assert_int_equal(mmio_operand_offset(&i, registers, 0), sums[rm] - 1);
        assert_int_equal(i.segment,
                         rm == 2 || rm == 3 || rm == 6 ? 2 : 3); /* SS with BP, else DS */
    }
}

/* BT takes a bit of a string, POP its address behind the increment of RSP. */
static void some_operands_are_elsewhere(void **state) {
    (void)state;
    assert_int_equal(OFFSET_OF("\x44\x0f\xa3\x0b", 64), 0x10000 - 4); /* bt [rbx], r9d: -1 */
    assert_int_equal(OFFSET_OF("\x0f\xa3\x33", 64), 0x10080);         /* bt [rbx], esi: 1024 */
    assert_int_equal(OFFSET_OF("\x0f\xba\x23\x1f", 64), 0x10000);
    assert_int_equal(OFFSET_OF("\x8f\x04\x24", 64), 0x20008); /* pop [rsp] */
    assert_int_equal(OFFSET_OF("\xff\x34\x24", 64), 0x20000); /* push [rsp] */
    assert_int_equal(OFFSET_OF("\xaf", 64), 0x50000000f);     /* scasd */
    assert_int_equal(OFFSET_OF("\xad", 64), 0x400);           /* lodsd */
}

/* ---- strings ---- */

static void a_step_advances_the_registers_of_the_instruction(void **state) {
    static const struct {
        enum mmio_string string;
        bool source, destination;
    } each[] = {
        {MMIO_STOS, false, true}, {MMIO_MOVS, true, true},  {MMIO_CMPS, true, true},
        {MMIO_LODS, true, false}, {MMIO_SCAS, false, true}, {MMIO_INS, false, true},
        {MMIO_OUTS, true, false},
    };

    (void)state;
    for (unsigned n = 0; n < sizeof(each) / sizeof(each[0]); n++) {
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
    struct mmio_instruction i = {
        .string = MMIO_STOS, .size = 2, .address_size = 8, .repeat = MMIO_REP};
    uint64_t registers[16] = {[RCX] = 2, [RDI] = 0xfffffffe};

    (void)state;
    assert_false(mmio_string_step(&i, registers, 0));
    assert_int_equal(registers[RDI], 0x100000000);
    assert_true(mmio_string_step(&i, registers, 0));
    assert_int_equal(registers[RCX], 0);
}

static void repe_and_repne_end_at_zf(void **state) {
    struct mmio_instruction i = {.string = MMIO_SCAS, .size = 1, .address_size = 8};
    uint64_t registers[16] = {[RCX] = 100};

    (void)state;
    i.repeat = MMIO_REP;
    assert_false(mmio_string_step(&i, registers, RFLAGS_ZF));
    assert_true(mmio_string_step(&i, registers, 0));
    i.repeat = MMIO_REPNE;
    assert_false(mmio_string_step(&i, registers, 0));
    assert_true(mmio_string_step(&i, registers, RFLAGS_ZF));
    i.string = MMIO_LODS; /* compares nothing */
    assert_false(mmio_string_step(&i, registers, RFLAGS_ZF));
    assert_int_equal(registers[RCX], 95);
}

/* 32-bit results clear the upper half, 16-bit results keep the other bits. */
static void registers_wrap_at_the_address_size(void **state) {
    struct mmio_instruction i = {
        .string = MMIO_MOVS, .size = 1, .address_size = 4, .repeat = MMIO_REP};
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
        cmocka_unit_test(an_exchange_changes_both_operands_and_no_flags),
        cmocka_unit_test(an_immediate_is_the_other_operand),
        cmocka_unit_test(the_operand_is_where_the_registers_say),
        cmocka_unit_test(sixteen_bit_addresses_add_two_registers),
        cmocka_unit_test(some_operands_are_elsewhere),
        cmocka_unit_test(a_step_advances_the_registers_of_the_instruction),
        cmocka_unit_test(rep_counts_rcx_down_to_0),
        cmocka_unit_test(repe_and_repne_end_at_zf),
        cmocka_unit_test(registers_wrap_at_the_address_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
