/* Executes an instruction that mmio_decode.h has decoded: moves, arithmetic with flags, and the
 * steps of string instructions.
 *
 * The caller accesses the device. For MMIO_MOVE it writes mmio_stored() to the device, or reads
 * `size` bytes from it and passes them to mmio_load(). For the operations before MMIO_MOVE it reads
 * unless the instruction is write_only, calls mmio_operate(), and writes the result if the
 * instruction is a store. Then it advances RIP by `length`; after a string instruction only if
 * mmio_string_step() returned true. `registers` are the 16 general-purpose registers in the order
 * of their encoding. Pure. SDM Vol. 2, "Instruction Set Reference". */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "vmm/emulate/mmio_decode.h"

/* A mask of 1, 2, 4 or 8 bytes. */
static inline uint64_t mmio_mask(unsigned size) {
    return ~0ULL >> ((64 - 8 * size) & 63);
}

/* The value that a store writes. */
static inline uint64_t mmio_stored(const struct mmio_instruction *i, const uint64_t *registers) {
    uint64_t value = i->has_immediate ? i->immediate : registers[i->reg] >> (i->high_byte ? 8 : 0);

    return value & mmio_mask(i->size);
}

/* The offset in its segment of the operand in memory. rip: that of the next instruction. */
uint64_t mmio_operand_offset(const struct mmio_instruction *instruction, const uint64_t *registers,
                             uint64_t rip);

/* Completes a load: writes the value read from the device to the register. A 32-bit result clears
 * the upper half of the register. */
void mmio_load(const struct mmio_instruction *instruction, uint64_t memory, uint64_t *registers);

/* Executes an operation before MMIO_MOVE on the `size` bytes that were read. Updates registers and
 * flags; returns the value that a store writes. */
uint64_t mmio_operate(const struct mmio_instruction *instruction, uint64_t memory,
                      uint64_t *registers, uint64_t *rflags);

/* The flags after the comparison of two elements of a string instruction: CMPS and SCAS. */
uint64_t mmio_compared(const struct mmio_instruction *instruction, uint64_t first, uint64_t second,
                       uint64_t rflags);

/* After one element of a string instruction: advances RSI, RDI and RCX. Returns true if that was
 * the last element; else the instruction is executed again. */
bool mmio_string_step(const struct mmio_instruction *instruction, uint64_t *registers,
                      uint64_t rflags);

/* A string instruction's register truncated to the address size, 2, 4 or 8 bytes; and the register
 * after adding `by`, where a 32-bit result clears the upper half. */
uint64_t mmio_index(unsigned address_size, uint64_t value);
uint64_t mmio_index_add(unsigned address_size, uint64_t value, uint64_t by);
