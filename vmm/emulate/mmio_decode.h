/* Decodes the instruction behind an access to an emulated device's memory, and carries it out.
 *
 * An EPT violation says where the guest wanted to read or write, but not what: the size, the
 * register and what is done with the value are in the instruction's bytes. Decoded are the forms
 * that compilers make of loads, stores and assignments with an operator (MOV, MOVZX, MOVSX, ADD,
 * OR, ADC, SBB, AND, SUB, XOR, CMP, TEST, NOT, NEG, INC, DEC, XCHG), and MOVS and STOS, of which
 * drivers copy and clear. All else is refused with the reason. Pure; it reads no byte past those
 * given and trusts none of them. SDM Vol. 2A, "Instruction Format". Read next:
 * vmm/vcpu/exit_mmio.c, which fetches the bytes.
 *
 * The caller: decode. For MMIO_MOVE either write mmio_stored() to the device, or read `size` bytes
 * there and give them to mmio_load(). For another operation read, call mmio_operate(), and if it is
 * a store, write what that returns. Then advance RIP by `length`, but behind a string instruction
 * only if mmio_string_step() says so. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MMIO_INSTRUCTION_MAX 15

/* How the guest's CS says that instructions are to be read: CS.L, else CS.D. */
enum mmio_mode { MMIO_MODE_16, MMIO_MODE_32, MMIO_MODE_64 };

/* The first eight as bits 5:3 of the opcode have them. A comparison is not a store. */
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

/* The last two are for ports, and never come from bytes. */
enum mmio_string { MMIO_NO_STRING, MMIO_STOS, MMIO_MOVS, MMIO_INS, MMIO_OUTS };

struct mmio_instruction {
    bool store;            /* to memory; else a load */
    uint8_t length;        /* bytes */
    uint8_t size;          /* of the access to memory: 1, 2, 4 or 8 */
    uint8_t register_size; /* of the register operand; larger than `size` if extended */
    uint8_t reg;           /* 0 to 15, as encoded: RAX RCX RDX RBX RSP RBP RSI RDI R8 ... */
    bool high_byte;        /* AH, CH, DH or BH: bits 15:8 of reg 0 to 3 */
    bool sign_extend;
    bool has_immediate; /* what is stored is `immediate`, and not the register */
    uint64_t immediate; /* sign-extended */
    uint8_t operation;  /* enum mmio_operation */
    bool to_register;   /* the register is the first operand, and takes the result */
    /* Of MOVS, `reg` and `store` say nothing: memory goes to memory. */
    uint8_t string;       /* enum mmio_string */
    bool repeat;          /* REP */
    uint8_t segment;      /* MOVS reads there: 0 to 5, ES CS SS DS FS GS */
    uint8_t address_size; /* of RSI, RDI and RCX: 2, 4 or 8 */
};

static inline uint64_t mmio_sign_extended(uint64_t value, unsigned size) {
    unsigned unused = 64 - 8 * size;

    return (uint64_t)((int64_t)(value << unused) >> unused);
}

/* Decodes one instruction at the start of `count` bytes; more than 15 do not matter. Returns NULL,
 * or why not, in words. */
const char *mmio_decode(const uint8_t *bytes, size_t count, enum mmio_mode mode,
                        struct mmio_instruction *instruction);

/* What was decoded last. A driver reads and writes by a few instructions over and over; the same
 * bytes in the same mode are the same instruction, so a guest may rewrite its code as it likes. All
 * zeros: nothing yet. */
struct mmio_memo {
    _Alignas(64) uint64_t bytes[2]; /* a cache line each */
    uint32_t key;                   /* mode and count */
    struct mmio_instruction instruction;
};
#define MMIO_MEMO_KEY(count, mode) (0x100u | (uint32_t)(mode) << 4 | (uint32_t)(count))

/* mmio_decode() into the memo's instruction. bytes: `count` of them, at most 16, the rest 0. */
const char *mmio_decode_anew(struct mmio_memo *memo, const uint64_t bytes[2], size_t count,
                             enum mmio_mode mode);
/* The same, if the memo has another instruction. */
static inline const char *mmio_decode_again(struct mmio_memo *memo, const uint64_t bytes[2],
                                            size_t count, enum mmio_mode mode) {
    bool same = memo->key == MMIO_MEMO_KEY(count, mode) && memo->bytes[0] == bytes[0] &&
                memo->bytes[1] == bytes[1];

    return same ? NULL : mmio_decode_anew(memo, bytes, count, mode);
}

/* The bits of a value of 1, 2, 4 or 8 bytes. */
static inline uint64_t mmio_mask(unsigned size) {
    return ~0ULL >> (64 - 8 * size);
}

/* What a store writes to the device. `registers` are 16, in the order of their encoding. */
static inline uint64_t mmio_stored(const struct mmio_instruction *i, const uint64_t *registers) {
    uint64_t value = i->has_immediate ? i->immediate : registers[i->reg] >> (i->high_byte ? 8 : 0);

    return value & mmio_mask(i->size);
}

/* Puts what a load has read at the device into its register. */
void mmio_load(const struct mmio_instruction *instruction, uint64_t memory, uint64_t *registers);

/* Anything but MMIO_MOVE: what becomes of the `size` bytes that were read. Sets the register and
 * the flags; returns what a store writes. */
uint64_t mmio_operate(const struct mmio_instruction *instruction, uint64_t memory,
                      uint64_t *registers, uint64_t *rflags);

/* One element of a string instruction is done: moves RSI, RDI and RCX on. True: the instruction is
 * done, too; else it goes on from where it is. */
bool mmio_string_step(const struct mmio_instruction *instruction, uint64_t *registers,
                      uint64_t rflags);

/* An index or count register as the address size cuts it, and moved on by `by`. */
uint64_t mmio_index(unsigned address_size, uint64_t value);
uint64_t mmio_index_add(unsigned address_size, uint64_t value, uint64_t by);
