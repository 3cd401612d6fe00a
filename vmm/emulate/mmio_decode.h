/* Decodes the instruction that accessed the memory of an emulated device.
 *
 * An EPT violation reports the address and whether it was read or written, but not the value: the
 * size, the register and the operation are in the instruction's bytes. Decoded are the forms that
 * compilers generate for loads, stores and compound assignments (MOV, MOVZX, MOVSX, ADD, OR, ADC,
 * SBB, AND, SUB, XOR, CMP, TEST, NOT, NEG, INC, DEC, XCHG), and MOVS and STOS, with which drivers
 * copy and clear. Every other instruction is refused with the reason. Pure: it reads no byte past
 * those given and trusts none of them. SDM Vol. 2A, "Instruction Format". Read next:
 * mmio_operate.h, which executes it; vmm/vcpu/exit_mmio.c, which fetches the bytes. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MMIO_INSTRUCTION_MAX 15

/* The default sizes of operands and addresses: CS.L selects 64-bit mode, else CS.D 32 or 16 bits.
 */
enum mmio_mode { MMIO_MODE_16, MMIO_MODE_32, MMIO_MODE_64 };

/* The first eight have the values of bits 5:3 of their opcodes. */
enum mmio_operation {
    MMIO_ADD,
    MMIO_OR,
    MMIO_ADC,
    MMIO_SBB,
    MMIO_AND,
    MMIO_SUB,
    MMIO_XOR,
    MMIO_CMP,
    MMIO_TEST,
    MMIO_NOT,
    MMIO_NEG,
    MMIO_INC,
    MMIO_DEC,
    MMIO_XCHG,
    MMIO_MOVE,
};

/* MMIO_INS and MMIO_OUTS access ports: their VM exit gives the operands, so they are not decoded.
 */
enum mmio_string { MMIO_NO_STRING, MMIO_STOS, MMIO_MOVS, MMIO_INS, MMIO_OUTS };

struct mmio_instruction {
    bool store;            /* writes memory; else it only reads */
    uint8_t length;        /* bytes */
    uint8_t size;          /* of the access to memory: 1, 2, 4 or 8 */
    uint8_t register_size; /* of the register operand; more than `size` for MOVZX and MOVSX */
    uint8_t reg;           /* 0 to 15, as encoded: RAX RCX RDX RBX RSP RBP RSI RDI R8 ... */
    bool high_byte;        /* AH, CH, DH or BH: bits 15:8 of reg 0 to 3 */
    bool sign_extend;
    bool has_immediate; /* the other operand is `immediate`, not the register */
    uint64_t immediate; /* sign-extended */
    uint8_t operation;  /* enum mmio_operation */
    bool to_register;   /* the register is the first operand and receives the result */
    /* MOVS copies memory to memory: `reg` and `store` have no meaning. */
    uint8_t string;       /* enum mmio_string */
    bool repeat;          /* REP */
    uint8_t segment;      /* the source segment of MOVS: 0 to 5, ES CS SS DS FS GS */
    uint8_t address_size; /* of RSI, RDI and RCX: 2, 4 or 8 */
};

/* Sign-extends a value of `size` bytes: 1, 2, 4 or 8. */
static inline uint64_t mmio_sign_extended(uint64_t value, unsigned size) {
    unsigned unused = 64 - 8 * size;

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
    _Alignas(64) uint64_t bytes[2]; /* aligned: one memo per cache line */
    uint32_t key;                   /* MMIO_MEMO_KEY(), or 0 */
    struct mmio_instruction instruction;
};
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
