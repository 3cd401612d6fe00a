/* Executing an MMIO instruction: see vmm/emulate/mmio_operate.h. The flags are those of SDM Vol. 1,
 * "EFLAGS Cross-Reference"; a flag that it calls undefined is cleared. */
#include "vmm/emulate/mmio_operate.h"

#include "arch/control_registers.h"

/* A 32-bit result clears the upper half of the register; smaller results keep the other bits. */
void mmio_load(const struct mmio_instruction *i, uint64_t memory, uint64_t *registers) {
    unsigned shift = i->high_byte ? 8 : 0;
    uint64_t mask = mmio_mask(i->register_size) << shift;
    uint64_t kept = i->register_size >= 4 ? 0 : registers[i->reg] & ~mask;
    uint64_t value =
        i->sign_extend ? mmio_sign_extended(memory, i->size) : memory & mmio_mask(i->size);

    registers[i->reg] = kept | (value << shift & mask);
}

/* ---- arithmetic and logic ---- */

/* The flags of a result. Each bit of `carries` is the carry (of a sum) or the borrow (of a
 * difference) out of that bit position. `overflow` has the overflow at the position of the sign
 * bit. Both are 0 for logic. */
static uint64_t flags_of(uint64_t result, unsigned size, uint64_t carries, uint64_t overflow) {
    unsigned sign = 8 * size - 1;

    return (carries >> sign & 1 ? RFLAGS_CF : 0) | (carries >> 3 & 1 ? RFLAGS_AF : 0) |
           (overflow >> sign & 1 ? RFLAGS_OF : 0) | (result >> sign & 1 ? RFLAGS_SF : 0) |
           ((result & mmio_mask(size)) == 0 ? RFLAGS_ZF : 0) |
           (__builtin_parity((unsigned)(result & 0xff)) ? 0 : RFLAGS_PF);
}

static uint64_t add(uint64_t a, uint64_t b, bool carry, unsigned size, uint64_t *flags) {
    uint64_t sum = a + b + carry;

    *flags = flags_of(sum, size, (a & b) | ((a | b) & ~sum), (a ^ sum) & (b ^ sum));
    return sum;
}

static uint64_t subtract(uint64_t a, uint64_t b, bool borrow, unsigned size, uint64_t *flags) {
    uint64_t difference = a - b - borrow;

    *flags =
        flags_of(difference, size, (~a & b) | ((~a | b) & difference), (a ^ b) & (a ^ difference));
    return difference;
}

static uint64_t operate(enum mmio_operation operation, uint64_t a, uint64_t b, unsigned size,
                        uint64_t *flags) {
    uint64_t old = *flags, result;

    switch (operation) {
    case MMIO_ADD:
        return add(a, b, false, size, flags);
    case MMIO_ADC:
        return add(a, b, old & RFLAGS_CF, size, flags);
    case MMIO_SBB:
        return subtract(a, b, old & RFLAGS_CF, size, flags);
    case MMIO_SUB:
    case MMIO_CMP:
        return subtract(a, b, false, size, flags);
    case MMIO_NEG:
        return subtract(0, a, false, size, flags);
    case MMIO_INC:
    case MMIO_DEC: /* CF is unchanged */
        result = operation == MMIO_INC ? add(a, 1, false, size, flags)
                                       : subtract(a, 1, false, size, flags);
        *flags = (*flags & ~RFLAGS_CF) | (old & RFLAGS_CF);
        return result;
    case MMIO_OR:
        result = a | b;
        break;
    case MMIO_XOR:
        result = a ^ b;
        break;
    case MMIO_AND:
    case MMIO_TEST:
        result = a & b;
        break;
    case MMIO_NOT: /* no flags */
        return ~a;
    default: /* MMIO_XCHG */
        return b;
    }
    *flags = flags_of(result, size, 0, 0);
    return result;
}

uint64_t mmio_operate(const struct mmio_instruction *i, uint64_t memory, uint64_t *registers,
                      uint64_t *rflags) {
    const uint64_t changed = RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF;
    enum mmio_operation operation = (enum mmio_operation)i->operation;
    uint64_t flags = *rflags, operand = mmio_stored(i, registers);
    bool reversed = i->to_register && !i->store; /* both are set for XCHG */
    uint64_t result = operate(operation, reversed ? operand : memory, reversed ? memory : operand,
                              i->size, &flags);

    *rflags = (*rflags & ~changed) | (flags & changed);
    if (i->to_register && operation != MMIO_CMP)
        mmio_load(i, i->store ? memory : result, registers);
    return result & mmio_mask(i->size);
}

/* ---- string instructions ---- */

uint64_t mmio_index(unsigned size, uint64_t value) {
    return value & mmio_mask(size);
}

uint64_t mmio_index_add(unsigned size, uint64_t value, uint64_t by) {
    uint64_t kept = size >= 4 ? 0 : value & ~mmio_mask(size);

    return kept | mmio_index(size, value + by);
}

bool mmio_string_step(const struct mmio_instruction *i, uint64_t *registers, uint64_t rflags) {
    uint64_t by = rflags & RFLAGS_DF ? 0 - (uint64_t)i->size : i->size;
    uint64_t *count = &registers[1]; /* RCX */

    if (i->string != MMIO_OUTS)
        registers[7] = mmio_index_add(i->address_size, registers[7], by); /* RDI */
    if (i->string == MMIO_MOVS || i->string == MMIO_OUTS)
        registers[6] = mmio_index_add(i->address_size, registers[6], by); /* RSI */
    if (!i->repeat)
        return true;
    *count = mmio_index_add(i->address_size, *count, UINT64_MAX);
    return mmio_index(i->address_size, *count) == 0;
}
