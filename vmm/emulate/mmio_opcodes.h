/* What each opcode is: the tables of mmio_decode.c.
 *
 * Pure. SDM Vol. 2D, "Opcode Map". Read next: mmio_decode.c, which reads the parts of an
 * instruction. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "vmm/emulate/mmio_decode.h"

/* What follows the opcode. A ModRM byte gives the memory operand. */
enum mmio_form {
    FORM_NOT_DECODED,
    FORM_REGISTER,           /* ModRM; its reg field is the register operand */
    FORM_EXTENDED,           /* the same; MOVZX and MOVSX, which read `narrow` bytes of memory */
    FORM_REGISTER_IMMEDIATE, /* the same, and an immediate is the third operand */
    FORM_NO_OTHER,           /* ModRM; memory is the only operand that is encoded */
    FORM_IMMEDIATE,          /* ModRM; the other operand is an immediate */
    FORM_ONE,                /* ModRM; the other operand is 1 */
    FORM_CL,                 /* ModRM; the other operand is CL */
    FORM_STACK,              /* ModRM; the other operand is on the stack */
    FORM_GROUP,              /* ModRM; its reg field selects an entry of a group */
    FORM_OFFSET,             /* an address; the register operand is RAX */
    FORM_STRING,
};

/* The size of the access. */
enum mmio_width {
    WIDTH_BY_OPCODE, /* bit 0 of the opcode is 0 for operands of one byte */
    WIDTH_1 = 1,
    WIDTH_2 = 2,
    WIDTH_4 = 4,
    WIDTH_8 = 8,
    WIDTH_VECTOR = 16, /* or 32 with VEX.L */
    WIDTH_OPERAND,
    WIDTH_STACK, /* in 64-bit mode 8 unless there is a prefix 66H */
    WIDTH_REX_W, /* 8 with REX.W, else 4; never 2 */
};

struct mmio_opcode {
    uint8_t form;      /* enum mmio_form */
    uint8_t operation; /* enum mmio_operation */
    bool store;
    bool to_register;
    bool write_only;
    uint8_t width;  /* enum mmio_width */
    uint8_t group;  /* which group */
    uint8_t string; /* enum mmio_string */
    uint8_t narrow; /* bytes of an operand that is smaller than the others; 0: there is none */
    bool sign_extend;
    bool only_64bit;
    uint8_t half; /* MOVLPS and MOVHPS: as in struct mmio_instruction */
    bool merge;
    bool aligned;
    bool any_length; /* VEX.L is ignored */
};

/* The index of an opcode that follows bytes 0FH, or 0FH 38H, is by so much more. */
#define MMIO_TWO_BYTE   0x100u
#define MMIO_THREE_BYTE 0x200u

/* The prefix that is part of an opcode: one bit each. */
#define MMIO_NO_PREFIX 1u
#define MMIO_66        2u
#define MMIO_F3        4u
#define MMIO_F2        8u

/* The opcode with this index behind one of these prefixes. vex: in the encoding of AVX. Its form is
 * FORM_NOT_DECODED if it is not in the tables. */
const struct mmio_opcode *mmio_opcode_find(unsigned index, unsigned prefix, bool vex);
/* An entry of the opcode's group, by the reg field of the ModRM byte, 0 to 7. */
const struct mmio_opcode *mmio_opcode_of_group(const struct mmio_opcode *opcode, unsigned reg);
