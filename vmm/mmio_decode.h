/* Decodes the instruction behind an access to an emulated device's memory, and carries it out.
 *
 * An EPT violation says where the guest wanted to read or write, but not what: the size, the
 * register and what is done with the value are in the instruction's bytes. Drivers load and store
 * device registers, and these forms are decoded: MOV, MOVZX, MOVSX. All else is refused with the
 * reason. Pure; it reads no byte past those given and trusts none of them. SDM Vol. 2A,
 * "Instruction Format". Read next: vmm/mmio.c, which fetches the bytes.
 *
 * The caller: decode; then either write mmio_stored() to the device, or read `size` bytes there and
 * give them to mmio_load(); advance RIP by `length`. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MMIO_INSTRUCTION_MAX 15

/* How the guest's CS says that instructions are to be read: CS.L, else CS.D. */
enum mmio_mode { MMIO_MODE_16, MMIO_MODE_32, MMIO_MODE_64 };

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
};

/* Decodes one instruction at the start of `count` bytes; more than 15 do not matter. Returns NULL,
 * or why not, in words. */
const char *mmio_decode(const uint8_t *bytes, size_t count, enum mmio_mode mode,
                        struct mmio_instruction *instruction);

/* What a store writes to the device. `registers` are 16, in the order of their encoding. */
uint64_t mmio_stored(const struct mmio_instruction *instruction, const uint64_t *registers);

/* Puts what a load has read at the device into its register. */
void mmio_load(const struct mmio_instruction *instruction, uint64_t memory, uint64_t *registers);
