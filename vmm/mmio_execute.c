/* What a decoded MMIO instruction does to registers and flags: see vmm/mmio_decode.h. */
#include "arch/control_registers.h"
#include "vmm/mmio_decode.h"

#define ARITHMETIC_FLAGS (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

static uint64_t mask_of(unsigned size)
{
    return size >= 8 ? ~0ULL : (1ULL << (8 * size)) - 1;
}

static uint64_t sign_of(unsigned size)
{
    return 1ULL << (8 * size - 1);
}

static bool only_flags(const struct mmio_instruction *i)
{
    return i->alu == MMIO_CMP || i->alu == MMIO_TEST;
}

bool mmio_reads(const struct mmio_instruction *i)
{
    return i->kind != MMIO_STORE;
}

bool mmio_writes(const struct mmio_instruction *i)
{
    return i->kind == MMIO_STORE || i->kind == MMIO_EXCHANGE ||
           (i->kind == MMIO_ALU_MEMORY && !only_flags(i));
}

static uint64_t read_register(const struct mmio_instruction *i, const uint64_t *registers)
{
    uint64_t value = registers[i->reg];

    return (i->high_byte ? value >> 8 : value) & mask_of(i->register_size);
}

/* A 32-bit result clears the upper half of the register; smaller ones leave the rest. */
static void write_register(const struct mmio_instruction *i, uint64_t *registers, uint64_t value)
{
    unsigned shift = i->high_byte ? 8 : 0;
    uint64_t mask = mask_of(i->register_size) << shift;
    uint64_t kept = i->register_size >= 4 ? 0 : registers[i->reg] & ~mask;

    registers[i->reg] = kept | ((value << shift) & mask);
}

static uint64_t sign_extended(uint64_t value, unsigned size)
{
    return (value ^ sign_of(size)) - sign_of(size);
}

static bool even_parity(uint64_t value)
{
    value ^= value >> 4;
    value ^= value >> 2;
    value ^= value >> 1;
    return (value & 1) == 0;
}

/* PF, ZF and SF, which follow from the result alone. */
static uint64_t result_flags(uint64_t result, unsigned size)
{
    uint64_t flags = 0;

    if (even_parity(result & 0xff)) {
        flags |= RFLAGS_PF;
    }
    if (result == 0) {
        flags |= RFLAGS_ZF;
    }
    if ((result & sign_of(size)) != 0) {
        flags |= RFLAGS_SF;
    }
    return flags;
}

/* left + right + carry. A carry out of a bit shows in its neighbour: left ^ right ^ result. */
static uint64_t add(uint64_t left, uint64_t right, bool carry, unsigned size, uint64_t *flags)
{
    uint64_t result = (left + right + carry) & mask_of(size);

    *flags = result_flags(result, size);
    if (result < left || (carry && result == left)) {
        *flags |= RFLAGS_CF;
    }
    if (((left ^ right ^ result) & 0x10) != 0) {
        *flags |= RFLAGS_AF;
    }
    if (((left ^ result) & (right ^ result) & sign_of(size)) != 0) {
        *flags |= RFLAGS_OF;
    }
    return result;
}

/* left - right - borrow. */
static uint64_t subtract(uint64_t left, uint64_t right, bool borrow, unsigned size, uint64_t *flags)
{
    uint64_t result = (left - right - borrow) & mask_of(size);

    *flags = result_flags(result, size);
    if (left < right || (borrow && left == right)) {
        *flags |= RFLAGS_CF;
    }
    if (((left ^ right ^ result) & 0x10) != 0) {
        *flags |= RFLAGS_AF;
    }
    if (((left ^ right) & (left ^ result) & sign_of(size)) != 0) {
        *flags |= RFLAGS_OF;
    }
    return result;
}

static uint64_t logic(uint64_t result, unsigned size, uint64_t *flags)
{
    *flags = result_flags(result, size);
    return result;
}

/* The result of an arithmetic instruction, and its flags: SDM Vol. 2, each one's "Flags Affected".
 * AF, which the logical ones leave undefined, is 0. */
static uint64_t combine(const struct mmio_instruction *i, uint64_t left, uint64_t right,
                        uint64_t *rflags)
{
    bool carry = (*rflags & RFLAGS_CF) != 0;
    uint64_t result = left, flags = 0;

    switch (i->alu) {
    case MMIO_ADD:
        result = add(left, right, false, i->size, &flags);
        break;
    case MMIO_ADC:
        result = add(left, right, carry, i->size, &flags);
        break;
    case MMIO_SUB:
    case MMIO_CMP:
        result = subtract(left, right, false, i->size, &flags);
        break;
    case MMIO_SBB:
        result = subtract(left, right, carry, i->size, &flags);
        break;
    case MMIO_OR:
        result = logic(left | right, i->size, &flags);
        break;
    case MMIO_AND:
    case MMIO_TEST:
        result = logic(left & right, i->size, &flags);
        break;
    case MMIO_XOR:
        result = logic(left ^ right, i->size, &flags);
        break;
    }
    *rflags = (*rflags & ~ARITHMETIC_FLAGS) | flags;
    return result;
}

uint64_t mmio_execute(const struct mmio_instruction *i, uint64_t memory, uint64_t *registers,
                      uint64_t *rflags)
{
    uint64_t mask = mask_of(i->size);
    uint64_t reg = read_register(i, registers);
    uint64_t source = (i->has_immediate ? i->immediate : reg) & mask;
    uint64_t result;

    memory &= mask;
    switch (i->kind) {
    case MMIO_LOAD:
        write_register(i, registers, i->sign_extend ? sign_extended(memory, i->size) : memory);
        return 0;
    case MMIO_STORE:
        return source;
    case MMIO_EXCHANGE:
        write_register(i, registers, memory);
        return source;
    case MMIO_ALU_MEMORY:
        return combine(i, memory, source, rflags);
    case MMIO_ALU_REGISTER:
        result = combine(i, reg, memory, rflags);
        if (!only_flags(i)) {
            write_register(i, registers, result);
        }
        return 0;
    }
    return 0;
}
