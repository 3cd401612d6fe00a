/* Executing an MMIO instruction: see vmm/emulate/mmio_operate.h. The flags are those of SDM Vol. 1,
 * "EFLAGS Cross-Reference". Of those that it calls undefined, a bit test keeps all, a shift by more
 * than 1 sets OF by the rule of a shift by 1, and the others are cleared. */
#include "vmm/emulate/mmio_operate.h"

#include "arch/control_registers.h"

#define STATUS_FLAGS (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)
#define RAX          0
#define RCX          1
#define RDX          2
#define RBX          3
#define RSP          4
#define RSI          6
#define RDI          7

uint64_t mmio_operand_offset(const struct mmio_instruction *i, const uint64_t *registers,
                             uint64_t rip) {
    uint64_t offset = (uint64_t)i->displacement;

    if (i->base == MMIO_RIP)
        offset += rip;
    else if (i->base == MMIO_IMMEDIATE)
        offset = i->immediate;
    else if (i->base != MMIO_NO_REGISTER)
        offset += registers[i->base];
    if (i->index != MMIO_NO_REGISTER)
        offset += registers[i->index] << i->scale;
    if (i->operation == MMIO_POP && i->base == RSP) /* after it has been incremented */
        offset += i->size;
    if (i->operation >= MMIO_BT && i->operation <= MMIO_BTC && !i->has_immediate) {
        /* The number of the bit is signed, and the operand is where the bit is. */
        int64_t number = (int64_t)mmio_sign_extended(registers[i->reg], i->size);
        offset += (uint64_t)(number >> 3) & ~(uint64_t)(i->size - 1);
    }
    return mmio_index(i->address_size, offset);
}

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

/* ---- shifts, bits and products ---- */

static uint64_t sign_of(uint64_t value, unsigned size) {
    return value >> (8 * size - 1) & 1;
}

/* A shift or rotation by one bit, as the SDM's pseudocode has it. */
static uint64_t shift_once(enum mmio_operation operation, uint64_t value, unsigned size,
                           uint64_t *carry) {
    uint64_t in = 0, out, top = 8 * size - 1;
    bool left = operation == MMIO_ROL || operation == MMIO_RCL || operation == MMIO_SHL ||
                operation == MMIO_SAL;

    out = left ? value >> top & 1 : value & 1;
    if (operation == MMIO_ROL || operation == MMIO_ROR)
        in = out;
    else if (operation == MMIO_RCL || operation == MMIO_RCR)
        in = *carry;
    else if (operation == MMIO_SAR)
        in = value >> top & 1;
    *carry = out;
    return left ? (value << 1 | in) & mmio_mask(size) : value >> 1 | in << top;
}

/* SDM Vol. 2B, "SAL/SAR/SHL/SHR-Shift", "RCL/RCR/ROL/ROR-Rotate". At most 63 steps. */
static uint64_t shift(enum mmio_operation operation, uint64_t value, uint64_t count, unsigned size,
                      uint64_t *flags) {
    uint64_t carry = *flags & RFLAGS_CF, next_to_sign, overflow;

    count &= size == 8 ? 63 : 31;
    if (count == 0)
        return value;
    for (; count; count--)
        value = shift_once(operation, value, size, &carry);
    next_to_sign = value >> (8 * size - 2) & 1;
    if (operation == MMIO_ROL || operation == MMIO_RCL || operation == MMIO_SHL ||
        operation == MMIO_SAL)
        overflow = sign_of(value, size) ^ carry;
    else
        overflow = sign_of(value, size) ^ next_to_sign;
    if (operation >= MMIO_SHL)
        *flags = flags_of(value, size, 0, 0);
    *flags = (*flags & ~(RFLAGS_CF | RFLAGS_OF)) | carry | (overflow ? RFLAGS_OF : 0);
    return value;
}

/* The bit is of the `size` bytes that the instruction accesses: with a register for its number it
 * may have been anywhere, but the address of the access says where. Only CF changes. */
static uint64_t test_bit(enum mmio_operation operation, uint64_t value, uint64_t number,
                         unsigned size, uint64_t *flags) {
    uint64_t bit = 1ULL << (number & (8 * size - 1));

    *flags = (*flags & ~RFLAGS_CF) | (value & bit ? RFLAGS_CF : 0);
    if (operation == MMIO_BTS)
        return value | bit;
    if (operation == MMIO_BTR)
        return value & ~bit;
    return operation == MMIO_BTC ? value ^ bit : value;
}

/* CF and OF: the upper half of the product is more than the extension of the lower one. */
static uint64_t flags_of_product(bool overflow) {
    return overflow ? RFLAGS_CF | RFLAGS_OF : 0;
}

struct product {
    uint64_t low, high;
};

/* From the products of the halves. */
static struct product unsigned_product(uint64_t a, uint64_t b) {
    uint64_t low = (uint64_t)(uint32_t)a * (uint32_t)b;
    uint64_t middle = (a >> 32) * (uint32_t)b + (low >> 32);
    uint64_t other = (b >> 32) * (uint32_t)a + (uint32_t)middle;

    return (struct product){a * b, (a >> 32) * (b >> 32) + (middle >> 32) + (other >> 32)};
}

/* A negative factor is its bits less 2^64. */
static struct product signed_product(uint64_t a, uint64_t b) {
    struct product product = unsigned_product(a, b);

    product.high -= (a >> 63 ? b : 0) + (b >> 63 ? a : 0);
    return product;
}

/* Whether the product of two signed numbers does not fit in `size` bytes. */
static bool exceeds(struct product product, unsigned size) {
    uint64_t fits = mmio_sign_extended(product.low, size);

    return product.low != fits || product.high != 0 - (fits >> 63);
}

static uint64_t multiply(uint64_t a, uint64_t b, unsigned size, uint64_t *flags) {
    struct product product =
        signed_product(mmio_sign_extended(a, size), mmio_sign_extended(b, size));

    *flags = flags_of_product(exceeds(product, size));
    return product.low;
}

static uint64_t reverse_bytes(uint64_t value, unsigned size) {
    return __builtin_bswap64(value) >> (64 - 8 * size);
}

/* ---- operations on two values ---- */

static uint64_t operate(enum mmio_operation operation, uint64_t a, uint64_t b, unsigned size,
                        uint64_t *flags) {
    uint64_t old = *flags, result;

    switch (operation) {
    case MMIO_ADD:
    case MMIO_XADD:
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
    case MMIO_ROL ... MMIO_SAR:
        return shift(operation, a, b, size, flags);
    case MMIO_BT ... MMIO_BTC:
        return test_bit(operation, a, b, size, flags);
    case MMIO_IMUL:
        return multiply(a, b, size, flags);
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

/* ---- operations on certain registers ---- */

/* SDM Vol. 2, "CMPXCHG-Compare and Exchange". Memory is written in either case. */
static uint64_t compare_exchange(const struct mmio_instruction *i, uint64_t memory,
                                 uint64_t *registers, uint64_t *flags) {
    const struct mmio_instruction accumulator = {
        .size = i->size, .register_size = i->size, .reg = RAX};
    uint64_t new_value = mmio_stored(i, registers);

    subtract(registers[RAX] & mmio_mask(i->size), memory, false, i->size, flags);
    if (*flags & RFLAGS_ZF)
        return new_value;
    mmio_load(&accumulator, memory, registers);
    return memory;
}

/* EDX:EAX is compared, ECX:EBX stored. Only ZF changes. */
static uint64_t compare_exchange_8_bytes(uint64_t memory, uint64_t *registers, uint64_t *flags) {
    uint64_t expected = (uint32_t)registers[RAX] | registers[RDX] << 32;

    *flags &= ~RFLAGS_ZF;
    if (memory == expected) {
        *flags |= RFLAGS_ZF;
        return (uint32_t)registers[RBX] | registers[RCX] << 32;
    }
    registers[RAX] = (uint32_t)memory;
    registers[RDX] = memory >> 32;
    return memory;
}

/* The accumulator by memory: the product is in AX, DX:AX, EDX:EAX or RDX:RAX. */
static void multiply_double(const struct mmio_instruction *i, uint64_t memory, uint64_t *registers,
                            uint64_t *flags) {
    unsigned size = i->size;
    struct mmio_instruction half = {.size = (uint8_t)size, .register_size = (uint8_t)size};
    struct product product;
    bool overflow;

    if (i->operation == MMIO_IMUL_DOUBLE) {
        product = signed_product(mmio_sign_extended(registers[RAX], size),
                                 mmio_sign_extended(memory, size));
        overflow = exceeds(product, size);
    } else {
        product = unsigned_product(registers[RAX] & mmio_mask(size), memory);
        overflow = product.high || product.low & ~mmio_mask(size);
    }
    *flags = flags_of_product(overflow);
    if (size == 1)
        half.size = half.register_size = 2;
    half.reg = RAX;
    mmio_load(&half, product.low, registers);
    half.reg = RDX;
    if (size > 1)
        mmio_load(&half, size == 8 ? product.high : product.low >> 8 * size, registers);
}

/* SDM Vol. 1, "EFLAGS Condition Codes". Bit 0 inverts. */
static bool condition_holds(unsigned condition, uint64_t flags) {
    bool less = !(flags & RFLAGS_SF) != !(flags & RFLAGS_OF), holds;

    switch (condition >> 1) {
    case 0:
        holds = flags & RFLAGS_OF;
        break;
    case 1:
        holds = flags & RFLAGS_CF;
        break;
    case 2:
        holds = flags & RFLAGS_ZF;
        break;
    case 3:
        holds = flags & (RFLAGS_CF | RFLAGS_ZF);
        break;
    case 4:
        holds = flags & RFLAGS_SF;
        break;
    case 5:
        holds = flags & RFLAGS_PF;
        break;
    case 6:
        holds = less;
        break;
    default:
        holds = less || (flags & RFLAGS_ZF);
        break;
    }
    return holds != (condition & 1);
}

uint64_t mmio_operate(const struct mmio_instruction *i, uint64_t memory, uint64_t *registers,
                      uint64_t *rflags) {
    enum mmio_operation operation = (enum mmio_operation)i->operation;
    uint64_t flags = *rflags, operand = mmio_stored(i, registers), result = 0;
    bool reversed = i->to_register && !i->store; /* both are set for XCHG and XADD */

    memory &= mmio_mask(i->size);
    switch (operation) {
    case MMIO_CMPXCHG:
        result = compare_exchange(i, memory, registers, &flags);
        break;
    case MMIO_CMPXCHG8B:
        result = compare_exchange_8_bytes(memory, registers, &flags);
        break;
    case MMIO_MUL_DOUBLE:
    case MMIO_IMUL_DOUBLE:
        multiply_double(i, memory, registers, &flags);
        break;
    case MMIO_SET:
        return condition_holds(i->condition, flags);
    case MMIO_CMOV: /* a 32-bit register is written in either case, which clears its upper half */
        mmio_load(i, condition_holds(i->condition, flags) ? memory : operand, registers);
        return 0;
    case MMIO_MOVBE:
        if (i->store)
            return reverse_bytes(operand, i->size);
        mmio_load(i, reverse_bytes(memory, i->size), registers);
        return 0;
    default:
        result = operate(operation, reversed ? operand : memory, reversed ? memory : operand,
                         i->size, &flags);
        if (i->to_register && operation != MMIO_CMP)
            mmio_load(i, i->store ? memory : result, registers);
    }
    *rflags = (*rflags & ~STATUS_FLAGS) | (flags & STATUS_FLAGS);
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

uint64_t mmio_compared(const struct mmio_instruction *i, uint64_t first, uint64_t second,
                       uint64_t rflags) {
    uint64_t flags;

    subtract(first & mmio_mask(i->size), second & mmio_mask(i->size), false, i->size, &flags);
    return (rflags & ~STATUS_FLAGS) | (flags & STATUS_FLAGS);
}

bool mmio_string_step(const struct mmio_instruction *i, uint64_t *registers, uint64_t rflags) {
    uint64_t by = rflags & RFLAGS_DF ? 0 - (uint64_t)i->size : i->size;
    bool compares = i->string == MMIO_CMPS || i->string == MMIO_SCAS;

    if (i->string != MMIO_OUTS && i->string != MMIO_LODS)
        registers[RDI] = mmio_index_add(i->address_size, registers[RDI], by);
    if (i->string == MMIO_MOVS || i->string == MMIO_OUTS || i->string == MMIO_LODS ||
        i->string == MMIO_CMPS)
        registers[RSI] = mmio_index_add(i->address_size, registers[RSI], by);
    if (!i->repeat)
        return true;
    registers[RCX] = mmio_index_add(i->address_size, registers[RCX], UINT64_MAX);
    if (compares && !(rflags & RFLAGS_ZF) == (i->repeat == MMIO_REP))
        return true;
    return mmio_index(i->address_size, registers[RCX]) == 0;
}
