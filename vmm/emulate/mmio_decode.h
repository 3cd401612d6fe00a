/* Decodes the instruction that accessed the memory of an emulated device.
 *
 * An EPT violation reports the address and whether it was read or written, but not the value: the
 * size, the register and the operation are in the instruction's bytes. Decoded is what compilers
 * and kernels emit: moves of general-purpose and of SSE and AVX registers, arithmetic, logic,
 * shifts and bit tests, the atomic instructions, string instructions, PUSH and POP, SETcc and
 * CMOVcc, and cache flushes (mmio_opcodes.c). Every other instruction is refused with the reason.
 * Pure: it reads no byte past those given and trusts none of them. SDM Vol. 2A, "Instruction
 * Format". Read next: mmio_operate.h and mmio_vector.h, which execute it; vmm/vcpu/exit_mmio.c,
 * which fetches the bytes. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MMIO_INSTRUCTION_MAX 15

/* The default sizes of operands and addresses: CS.L selects 64-bit mode, else CS.D 32 or 16 bits.
 */
enum mmio_mode { MMIO_MODE_16, MMIO_MODE_32, MMIO_MODE_64 };

/* Each eight and the next four have the order of bits 5:3 of an opcode or of a ModRM byte. Those
 * before MMIO_MOVE are executed by mmio_operate(), those behind it by the caller. */
enum mmio_operation {
    MMIO_ADD,
    MMIO_OR,
    MMIO_ADC,
    MMIO_SBB,
    MMIO_AND,
    MMIO_SUB,
    MMIO_XOR,
    MMIO_CMP,
    MMIO_ROL,
    MMIO_ROR,
    MMIO_RCL,
    MMIO_RCR,
    MMIO_SHL,
    MMIO_SHR,
    MMIO_SAL, /* the same as SHL */
    MMIO_SAR,
    MMIO_BT,
    MMIO_BTS,
    MMIO_BTR,
    MMIO_BTC,
    MMIO_TEST,
    MMIO_NOT,
    MMIO_NEG,
    MMIO_INC,
    MMIO_DEC,
    MMIO_XCHG,
    MMIO_XADD,
    MMIO_CMPXCHG,
    MMIO_CMPXCHG8B,
    MMIO_IMUL,        /* the product has the size of its factors */
    MMIO_MUL_DOUBLE,  /* by the accumulator; the product has twice the size: RDX:RAX, or AX */
    MMIO_IMUL_DOUBLE, /* the same, signed */
    MMIO_SET,         /* SETcc */
    MMIO_CMOV,        /* CMOVcc */
    MMIO_MOVBE,       /* a move that reverses the bytes */
    MMIO_MOVE,
    MMIO_VECTOR, /* a move of an SSE or AVX register: mmio_vector.h */
    MMIO_STRING,
    MMIO_PUSH,
    MMIO_POP,
    MMIO_SMSW,
    MMIO_NOTHING, /* CLFLUSH and its like */
};

/* MMIO_INS and MMIO_OUTS access ports: their VM exit gives the operands, so they are not decoded.
 */
enum mmio_string {
    MMIO_NO_STRING,
    MMIO_MOVS,
    MMIO_CMPS,
    MMIO_STOS,
    MMIO_LODS,
    MMIO_SCAS,
    MMIO_INS,
    MMIO_OUTS,
};

/* MMIO_REPNE ends CMPS and SCAS at equal operands, MMIO_REP at others. */
enum mmio_repeat { MMIO_ONCE, MMIO_REP, MMIO_REPNE };

#define MMIO_NO_REGISTER 16
#define MMIO_RIP         17
#define MMIO_IMMEDIATE   18 /* the offset is `immediate` */

struct mmio_instruction {
    uint64_t immediate;    /* sign-extended */
    int32_t displacement;  /* of the operand in memory: see `base` */
    bool store;            /* writes memory; else it only reads */
    bool write_only;       /* does not read it: SETcc, MOVBE */
    uint8_t length;        /* bytes */
    uint8_t size;          /* of the access to memory: 1, 2, 4 or 8; for MMIO_VECTOR 4 to 32 */
    uint8_t register_size; /* of the register operand; more than `size` for MOVZX and MOVSX */
    uint8_t reg;           /* 0 to 15, as encoded: RAX RCX RDX RBX RSP RBP RSI RDI R8 ... */
    bool high_byte;        /* AH, CH, DH or BH: bits 15:8 of reg 0 to 3 */
    bool sign_extend;
    bool has_immediate; /* the other operand is `immediate`, not the register */
    uint8_t operation;  /* enum mmio_operation */
    uint8_t condition;  /* of SETcc and CMOVcc, as encoded */
    bool to_register;   /* the register is the first operand and receives the result */
    /* MOVS and CMPS have two memory operands: `reg` and `store` have no meaning. */
    uint8_t string; /* enum mmio_string */
    uint8_t repeat; /* enum mmio_repeat */
    /* Where the operand in memory is: mmio_operand_offset(). Of MOVS and CMPS, the one at RSI. */
    uint8_t segment;      /* 0 to 5: ES CS SS DS FS GS */
    uint8_t address_size; /* of offsets, RSI, RDI and RCX: 2, 4 or 8 */
    uint8_t base, index;  /* registers, or MMIO_NO_REGISTER; base: MMIO_RIP, MMIO_IMMEDIATE */
    uint8_t scale;        /* the index is shifted left by so much */
    bool plain;   /* in 64-bit mode: base, not RSP, and displacement are all there is to it */
    bool vex;     /* MMIO_VECTOR: AVX, which clears what it does not load */
    uint8_t half; /* which half of an XMM register is the operand of MOVLPS and MOVHPS: 0, 1 */
    bool merge;   /* their loads: the other half comes from register `source` */
    uint8_t source;
    bool aligned; /* MMIO_VECTOR: #GP unless the operand is aligned to its size */
};

/* Sign-extends a value of `size` bytes: 1, 2, 4 or 8. */
static inline uint64_t mmio_sign_extended(uint64_t value, unsigned size) {
    unsigned unused = (64 - 8 * size) & 63; /* the mask is part of the shift's instruction */

    return (uint64_t)((int64_t)(value << unused) >> unused);
}

/* Decodes the instruction at the start of `count` bytes; those after the 15th are ignored. Returns
 * NULL, or what is wrong in words; then *instruction is undefined. mmio_bytes_missing: the
 * instruction is longer than `count`, which is less than 15. */
extern const char mmio_bytes_missing[];
const char *mmio_decode(const uint8_t *bytes, size_t count, enum mmio_mode mode,
                        struct mmio_instruction *instruction);

/* The instruction that was decoded last. Drivers execute the same few instructions again and again.
 * The key is the bytes and the mode, so a guest may modify its code at any time. All zeros: empty.
 */
struct mmio_memo {
    _Alignas(64) uint64_t bytes[2]; /* one memo per cache line */
    uint32_t key;                   /* MMIO_MEMO_KEY(), or 0 */
    struct mmio_instruction instruction;
};
_Static_assert(sizeof(struct mmio_memo) == 64, "one cache line");
#define MMIO_MEMO_KEY(count, mode) (0x10000u | (uint32_t)(mode) << 8 | (uint32_t)(count))

/* Decodes into the memo. bytes: `count` of them, at most 16, the others 0. Returns NULL, or what is
 * wrong in words; then the memo is empty. */
const char *mmio_decode_anew(struct mmio_memo *memo, const uint64_t bytes[2], size_t count,
                             enum mmio_mode mode);
/* The same, unless the memo already holds this instruction. */
static inline const char *mmio_decode_again(struct mmio_memo *memo, const uint64_t bytes[2],
                                            size_t count, enum mmio_mode mode) {
    bool same = memo->key == MMIO_MEMO_KEY(count, mode) && memo->bytes[0] == bytes[0] &&
                memo->bytes[1] == bytes[1];

    return same ? NULL : mmio_decode_anew(memo, bytes, count, mode);
}
