/* Decodes the instruction behind an access to an emulated device's memory, and carries it out.
 *
 * An EPT violation says where the guest wanted to read or write, but not what: the size, the
 * register and what is done with the value are in the instruction's bytes. Drivers use few forms
 * for device registers, and these are decoded: MOV, MOVZX, MOVSX, XCHG, and the arithmetic group
 * (ADD OR ADC SBB AND SUB XOR CMP TEST) between memory and a register or an immediate. All else is
 * refused with the reason. Pure; it reads no byte past those given and trusts none of them. SDM
 * Vol. 2A, "Instruction Format". Read next: vmm/exits.c, which fetches the bytes.
 *
 * The caller: decode; if mmio_reads(), read `size` bytes at the device; mmio_execute(); if
 * mmio_writes(), write what it gives; advance RIP by `length`. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MMIO_INSTRUCTION_MAX 15

/* How the guest's CS says that instructions are to be read: CS.L, else CS.D. */
enum mmio_mode { MMIO_MODE_16, MMIO_MODE_32, MMIO_MODE_64 };

enum mmio_kind {
    MMIO_LOAD,         /* register = memory, extended */
    MMIO_STORE,        /* memory = source */
    MMIO_EXCHANGE,     /* both */
    MMIO_ALU_MEMORY,   /* memory = memory op source */
    MMIO_ALU_REGISTER, /* register = register op memory */
};

/* In the order of their encoding, then TEST. CMP and TEST set only the flags. */
enum mmio_alu {
    MMIO_ADD,
    MMIO_OR,
    MMIO_ADC,
    MMIO_SBB,
    MMIO_AND,
    MMIO_SUB,
    MMIO_XOR,
    MMIO_CMP,
    MMIO_TEST,
};

struct mmio_instruction {
    enum mmio_kind kind;
    enum mmio_alu alu;     /* of the two kinds that have one */
    uint8_t length;        /* bytes */
    uint8_t size;          /* of the access to memory: 1, 2, 4 or 8 */
    uint8_t register_size; /* of the register operand; larger than `size` if extended */
    uint8_t reg;           /* 0 to 15, as encoded: RAX RCX RDX RBX RSP RBP RSI RDI R8 ... */
    bool high_byte;        /* AH, CH, DH or BH: bits 15:8 of reg 0 to 3 */
    bool sign_extend;
    bool has_immediate; /* the source is `immediate`, and not the register */
    bool locked;
    uint64_t immediate; /* sign-extended */
};

/* Decodes one instruction at the start of `count` bytes; more than 15 do not matter. Returns NULL,
 * or why not, in words. */
const char *mmio_decode(const uint8_t *bytes, size_t count, enum mmio_mode mode,
                        struct mmio_instruction *instruction);

bool mmio_reads(const struct mmio_instruction *instruction);
bool mmio_writes(const struct mmio_instruction *instruction);

/* Does what the instruction does, except the access itself. `memory` is what was read at the
 * device, 0 if nothing was. Changes the register (`registers` are 16, in the order of their
 * encoding, RSP among them) and `rflags`, and returns what is to be written to the device. */
uint64_t mmio_execute(const struct mmio_instruction *instruction, uint64_t memory,
                      uint64_t *registers, uint64_t *rflags);
