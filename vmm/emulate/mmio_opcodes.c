/* The opcodes that are decoded for device memory: see mmio_opcodes.h. */
#include "vmm/emulate/mmio_opcodes.h"

#include <stddef.h>

enum group {
    GROUP_1,
    GROUP_1A,
    GROUP_2,
    GROUP_2_ONE,
    GROUP_2_CL,
    GROUP_3,
    GROUP_4,
    GROUP_5,
    GROUP_7,
    GROUP_8,
    GROUP_9,
    GROUP_11,
    GROUP_15,
    GROUP_15_66,
    GROUP_COUNT
};

#define TWO(opcode)   (MMIO_TWO_BYTE + (opcode))
#define THREE(opcode) (MMIO_THREE_BYTE + (opcode))

static const struct mmio_opcode opcodes[0x200] = {
    [0x00 ... 0x01] = {FORM_REGISTER, MMIO_ADD, .store = true},
    [0x02 ... 0x03] = {FORM_REGISTER, MMIO_ADD, .to_register = true},
    [0x08 ... 0x09] = {FORM_REGISTER, MMIO_OR, .store = true},
    [0x0a ... 0x0b] = {FORM_REGISTER, MMIO_OR, .to_register = true},
    [0x10 ... 0x11] = {FORM_REGISTER, MMIO_ADC, .store = true},
    [0x12 ... 0x13] = {FORM_REGISTER, MMIO_ADC, .to_register = true},
    [0x18 ... 0x19] = {FORM_REGISTER, MMIO_SBB, .store = true},
    [0x1a ... 0x1b] = {FORM_REGISTER, MMIO_SBB, .to_register = true},
    [0x20 ... 0x21] = {FORM_REGISTER, MMIO_AND, .store = true},
    [0x22 ... 0x23] = {FORM_REGISTER, MMIO_AND, .to_register = true},
    [0x28 ... 0x29] = {FORM_REGISTER, MMIO_SUB, .store = true},
    [0x2a ... 0x2b] = {FORM_REGISTER, MMIO_SUB, .to_register = true},
    [0x30 ... 0x31] = {FORM_REGISTER, MMIO_XOR, .store = true},
    [0x32 ... 0x33] = {FORM_REGISTER, MMIO_XOR, .to_register = true},
    [0x38 ... 0x39] = {FORM_REGISTER, MMIO_CMP},
    [0x3a ... 0x3b] = {FORM_REGISTER, MMIO_CMP, .to_register = true},
    [0x63] = {FORM_EXTENDED, MMIO_MOVE, .narrow = 4, .sign_extend = true, .only_64bit = true},
    [0x69] = {FORM_REGISTER_IMMEDIATE, MMIO_IMUL, .to_register = true},
    [0x6b] = {FORM_REGISTER_IMMEDIATE, MMIO_IMUL, .to_register = true, .narrow = 1},
    [0x80 ... 0x81] = {FORM_GROUP, .group = GROUP_1},
    [0x83] = {FORM_GROUP, .group = GROUP_1, .narrow = 1},
    [0x84 ... 0x85] = {FORM_REGISTER, MMIO_TEST},
    [0x86 ... 0x87] = {FORM_REGISTER, MMIO_XCHG, .store = true, .to_register = true},
    [0x88 ... 0x89] = {FORM_REGISTER, MMIO_MOVE, .store = true},
    [0x8a ... 0x8b] = {FORM_REGISTER, MMIO_MOVE},
    [0x8f] = {FORM_GROUP, .width = WIDTH_STACK, .group = GROUP_1A},
    [0xa0 ... 0xa1] = {FORM_OFFSET, MMIO_MOVE},
    [0xa2 ... 0xa3] = {FORM_OFFSET, MMIO_MOVE, .store = true},
    [0xa4 ... 0xa5] = {FORM_STRING, MMIO_STRING, .string = MMIO_MOVS},
    [0xa6 ... 0xa7] = {FORM_STRING, MMIO_STRING, .string = MMIO_CMPS},
    [0xaa ... 0xab] = {FORM_STRING, MMIO_STRING, .string = MMIO_STOS, .store = true},
    [0xac ... 0xad] = {FORM_STRING, MMIO_STRING, .string = MMIO_LODS},
    [0xae ... 0xaf] = {FORM_STRING, MMIO_STRING, .string = MMIO_SCAS},
    [0xc0 ... 0xc1] = {FORM_GROUP, .group = GROUP_2, .narrow = 1},
    [0xc6 ... 0xc7] = {FORM_GROUP, .group = GROUP_11},
    [0xd0 ... 0xd1] = {FORM_GROUP, .group = GROUP_2_ONE},
    [0xd2 ... 0xd3] = {FORM_GROUP, .group = GROUP_2_CL},
    [0xf6 ... 0xf7] = {FORM_GROUP, .group = GROUP_3},
    [0xfe] = {FORM_GROUP, .group = GROUP_4},
    [0xff] = {FORM_GROUP, .group = GROUP_5},
    [TWO(0x01)] = {FORM_GROUP, .width = WIDTH_2, .group = GROUP_7},
    [TWO(0x40)... TWO(0x4f)] = {FORM_REGISTER, MMIO_CMOV, .to_register = true,
                                .width = WIDTH_OPERAND},
    [TWO(0x90)... TWO(0x9f)] = {FORM_NO_OTHER, MMIO_SET, .store = true, .write_only = true,
                                .width = WIDTH_1},
    [TWO(0xa3)] = {FORM_REGISTER, MMIO_BT},
    [TWO(0xab)] = {FORM_REGISTER, MMIO_BTS, .store = true},
    [TWO(0xaf)] = {FORM_REGISTER, MMIO_IMUL, .to_register = true},
    [TWO(0xb0)... TWO(0xb1)] = {FORM_REGISTER, MMIO_CMPXCHG, .store = true},
    [TWO(0xb3)] = {FORM_REGISTER, MMIO_BTR, .store = true},
    [TWO(0xb6)] = {FORM_EXTENDED, MMIO_MOVE, .width = WIDTH_OPERAND, .narrow = 1},
    [TWO(0xb7)] = {FORM_EXTENDED, MMIO_MOVE, .narrow = 2},
    [TWO(0xba)] = {FORM_GROUP, .width = WIDTH_OPERAND, .group = GROUP_8, .narrow = 1},
    [TWO(0xbb)] = {FORM_REGISTER, MMIO_BTC, .store = true},
    [TWO(0xbe)] = {FORM_EXTENDED, MMIO_MOVE, .width = WIDTH_OPERAND, .narrow = 1,
                   .sign_extend = true},
    [TWO(0xbf)] = {FORM_EXTENDED, MMIO_MOVE, .narrow = 2, .sign_extend = true},
    [TWO(0xc0)... TWO(0xc1)] = {FORM_REGISTER, MMIO_XADD, .store = true, .to_register = true},
    [TWO(0xc7)] = {FORM_GROUP, .width = WIDTH_8, .group = GROUP_9},
};

#define SHIFTS(form)                                                                               \
    {                                                                                              \
        {form, MMIO_ROL, .store = true}, {form, MMIO_ROR, .store = true},                          \
            {form, MMIO_RCL, .store = true}, {form, MMIO_RCR, .store = true},                      \
            {form, MMIO_SHL, .store = true}, {form, MMIO_SHR, .store = true},                      \
            {form, MMIO_SAL, .store = true}, {form, MMIO_SAR, .store = true},                      \
    }

/* By the reg field of the ModRM byte. SDM Vol. 2D, "Opcode Extensions for One-Byte and Two-byte
 * Opcodes". */
static const struct mmio_opcode groups[GROUP_COUNT][8] = {
    [GROUP_1] = {{FORM_IMMEDIATE, MMIO_ADD, .store = true},
                 {FORM_IMMEDIATE, MMIO_OR, .store = true},
                 {FORM_IMMEDIATE, MMIO_ADC, .store = true},
                 {FORM_IMMEDIATE, MMIO_SBB, .store = true},
                 {FORM_IMMEDIATE, MMIO_AND, .store = true},
                 {FORM_IMMEDIATE, MMIO_SUB, .store = true},
                 {FORM_IMMEDIATE, MMIO_XOR, .store = true},
                 {FORM_IMMEDIATE, MMIO_CMP}},
    [GROUP_1A] = {{FORM_STACK, MMIO_POP, .store = true}},
    [GROUP_2] = SHIFTS(FORM_IMMEDIATE),
    [GROUP_2_ONE] = SHIFTS(FORM_ONE),
    [GROUP_2_CL] = SHIFTS(FORM_CL),
    [GROUP_3] = {{FORM_IMMEDIATE, MMIO_TEST},
                 {FORM_IMMEDIATE, MMIO_TEST},
                 {FORM_NO_OTHER, MMIO_NOT, .store = true},
                 {FORM_NO_OTHER, MMIO_NEG, .store = true},
                 {FORM_NO_OTHER, MMIO_MUL_DOUBLE},
                 {FORM_NO_OTHER, MMIO_IMUL_DOUBLE}},
    [GROUP_4] = {{FORM_NO_OTHER, MMIO_INC, .store = true},
                 {FORM_NO_OTHER, MMIO_DEC, .store = true}},
    [GROUP_5] = {{FORM_NO_OTHER, MMIO_INC, .store = true},
                 {FORM_NO_OTHER, MMIO_DEC, .store = true},
                 [6] = {FORM_STACK, MMIO_PUSH, .width = WIDTH_STACK}},
    [GROUP_7] = {[4] = {FORM_NO_OTHER, MMIO_SMSW, .store = true}},
    [GROUP_8] = {[4] = {FORM_IMMEDIATE, MMIO_BT},
                 {FORM_IMMEDIATE, MMIO_BTS, .store = true},
                 {FORM_IMMEDIATE, MMIO_BTR, .store = true},
                 {FORM_IMMEDIATE, MMIO_BTC, .store = true}},
    [GROUP_9] = {[1] = {FORM_NO_OTHER, MMIO_CMPXCHG8B, .store = true}},
    [GROUP_11] = {{FORM_IMMEDIATE, MMIO_MOVE, .store = true}},
    [GROUP_15] = {[7] = {FORM_NO_OTHER, MMIO_NOTHING}},    /* CLFLUSH */
    [GROUP_15_66] = {[6] = {FORM_NO_OTHER, MMIO_NOTHING},  /* CLWB */
                     [7] = {FORM_NO_OTHER, MMIO_NOTHING}}, /* CLFLUSHOPT */
};

#define PS_OR_PD (MMIO_NO_PREFIX | MMIO_66)
#define LOAD(size, ...)                                                                            \
    { FORM_REGISTER, MMIO_VECTOR, .width = (size), __VA_ARGS__ }
#define STORE(size, ...) LOAD(size, .store = true, __VA_ARGS__)

/* Where a prefix is part of the opcode. Without one, 0FH 6FH and the like move MMX registers. */
static const struct {
    uint16_t index;
    uint8_t prefixes;
    struct mmio_opcode opcode;
} prefixed[] = {
    {TWO(0x10), PS_OR_PD, LOAD(WIDTH_VECTOR)},               /* MOVUPS and MOVUPD */
    {TWO(0x10), MMIO_F3, LOAD(WIDTH_4, .any_length = true)}, /* MOVSS */
    {TWO(0x10), MMIO_F2, LOAD(WIDTH_8, .any_length = true)}, /* MOVSD */
    {TWO(0x11), PS_OR_PD, STORE(WIDTH_VECTOR)},
    {TWO(0x11), MMIO_F3, STORE(WIDTH_4, .any_length = true)},
    {TWO(0x11), MMIO_F2, STORE(WIDTH_8, .any_length = true)},
    {TWO(0x12), PS_OR_PD, LOAD(WIDTH_8, .merge = true)}, /* MOVLPS and MOVLPD */
    {TWO(0x13), PS_OR_PD, STORE(WIDTH_8)},
    {TWO(0x16), PS_OR_PD, LOAD(WIDTH_8, .half = 1, .merge = true)}, /* MOVHPS and MOVHPD */
    {TWO(0x17), PS_OR_PD, STORE(WIDTH_8, .half = 1)},
    {TWO(0x28), PS_OR_PD, LOAD(WIDTH_VECTOR, .aligned = true)}, /* MOVAPS and MOVAPD */
    {TWO(0x29), PS_OR_PD, STORE(WIDTH_VECTOR, .aligned = true)},
    {TWO(0x2b), PS_OR_PD, STORE(WIDTH_VECTOR, .aligned = true)}, /* MOVNTPS and MOVNTPD */
    {TWO(0x6e), MMIO_66, LOAD(WIDTH_REX_W)},                     /* MOVD and MOVQ */
    {TWO(0x6f), MMIO_66, LOAD(WIDTH_VECTOR, .aligned = true)},   /* MOVDQA */
    {TWO(0x6f), MMIO_F3, LOAD(WIDTH_VECTOR)},                    /* MOVDQU */
    {TWO(0x7e), MMIO_66, STORE(WIDTH_REX_W)},
    {TWO(0x7e), MMIO_F3, LOAD(WIDTH_8)}, /* MOVQ */
    {TWO(0x7f), MMIO_66, STORE(WIDTH_VECTOR, .aligned = true)},
    {TWO(0x7f), MMIO_F3, STORE(WIDTH_VECTOR)},
    {TWO(0xae), MMIO_NO_PREFIX, {FORM_GROUP, .width = WIDTH_1, .group = GROUP_15}},
    {TWO(0xae), MMIO_66, {FORM_GROUP, .width = WIDTH_1, .group = GROUP_15_66}},
    {TWO(0xc3),
     MMIO_NO_PREFIX,
     {FORM_REGISTER, MMIO_MOVE, .store = true, .width = WIDTH_REX_W}}, /* MOVNTI */
    {TWO(0xd6), MMIO_66, STORE(WIDTH_8)},                              /* MOVQ */
    {TWO(0xe7), MMIO_66, STORE(WIDTH_VECTOR, .aligned = true)},        /* MOVNTDQ */
    {TWO(0xf0), MMIO_F2, LOAD(WIDTH_VECTOR)},                          /* LDDQU */
    {THREE(0x2a), MMIO_66, LOAD(WIDTH_VECTOR, .aligned = true)},       /* MOVNTDQA */
    {THREE(0xf0),
     PS_OR_PD,
     {FORM_REGISTER, MMIO_MOVBE, .to_register = true, .width = WIDTH_OPERAND}},
    {THREE(0xf1),
     PS_OR_PD,
     {FORM_REGISTER, MMIO_MOVBE, .store = true, .write_only = true, .width = WIDTH_OPERAND}},
};

const struct mmio_opcode *mmio_opcode_find(unsigned index, unsigned prefix, bool vex) {
    static const struct mmio_opcode not_decoded = {FORM_NOT_DECODED};

    for (size_t i = 0; index >= MMIO_TWO_BYTE && i < sizeof(prefixed) / sizeof(prefixed[0]); i++) {
        if (prefixed[i].index == index && (prefixed[i].prefixes & prefix) &&
            (!vex || prefixed[i].opcode.operation == MMIO_VECTOR))
            return &prefixed[i].opcode;
    }
    return vex || index >= MMIO_THREE_BYTE ? &not_decoded : &opcodes[index];
}

const struct mmio_opcode *mmio_opcode_of_group(const struct mmio_opcode *opcode, unsigned reg) {
    return &groups[opcode->group][reg & 7];
}
