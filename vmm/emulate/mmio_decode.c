/* Reading the bytes of an MMIO instruction: see vmm/emulate/mmio_decode.h. What it does:
 * mmio_operate.c. */
#include "vmm/emulate/mmio_decode.h"

#define REX_W 8u
#define REX_R 4u

/* The bytes, and what the prefixes said. */
struct reader {
    const uint8_t *bytes;
    size_t count;
    size_t at;
    bool cut; /* a byte was wanted that is not there */
    enum mmio_mode mode;
    bool operand_override, address_override, lock, repeat;
    uint8_t segment; /* an override; 3, DS, without one */
    uint8_t rex;     /* 0: none */
};

static uint8_t next_byte(struct reader *reader) {
    if (reader->at >= reader->count) {
        reader->cut = true;
        return 0;
    }
    return reader->bytes[reader->at++];
}

/* Goes past a displacement: where the access goes to is known. */
static void skip(struct reader *reader, unsigned size) {
    size_t left = reader->count - reader->at;

    if (size > left) {
        reader->cut = true;
        size = (unsigned)left;
    }
    reader->at += size;
}

/* A little-endian number, sign-extended. */
static uint64_t next_signed(struct reader *reader, unsigned size) {
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)next_byte(reader) << (8 * i);
    return mmio_sign_extended(value, size);
}

static unsigned operand_size(const struct reader *reader) {
    if ((reader->rex & REX_W) != 0)
        return 8;
    return (reader->mode == MMIO_MODE_16) == reader->operand_override ? 4 : 2;
}

static unsigned address_size(const struct reader *reader) {
    if (reader->mode == MMIO_MODE_64)
        return reader->address_override ? 4 : 8;
    return (reader->mode == MMIO_MODE_16) == reader->address_override ? 4 : 2;
}

/* Reads the prefixes and returns the opcode's first byte. A REX prefix counts only directly before
 * the opcode. Segments and REP matter for the string instructions alone: else the address is known.
 */
static uint8_t read_prefixes(struct reader *reader) {
    for (;;) {
        uint8_t byte = next_byte(reader);

        switch (byte) {
        case 0x66:
            reader->operand_override = true;
            break;
        case 0x67:
            reader->address_override = true;
            break;
        case 0xf0:
            reader->lock = true;
            break;
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
            if (reader->mode != MMIO_MODE_64) /* else there is but one segment */
                reader->segment = byte >> 3 & 3;
            break;
        case 0x64:
        case 0x65:
            reader->segment = byte & 7;
            break;
        case 0xf2:
        case 0xf3:
            reader->repeat = true;
            break;
        default:
            if (reader->mode == MMIO_MODE_64 && (byte & 0xf0) == 0x40) {
                reader->rex = byte;
                continue;
            }
            return byte;
        }
        reader->rex = 0;
    }
}

static const char *const not_decoded = "not an instruction that is decoded for device memory";

/* Reads the ModRM byte with all that belongs to the address, and puts its reg field into `reg`. */
static const char *read_modrm(struct reader *reader, struct mmio_instruction *i) {
    uint8_t modrm = next_byte(reader);
    unsigned mod = modrm >> 6, base = modrm & 7;
    bool wide = address_size(reader) != 2;

    if (mod == 3)
        return "its operand is a register, not memory";
    if (wide && base == 4)
        base = next_byte(reader) & 7; /* the SIB byte */
    if (mod == 1)
        skip(reader, 1);
    else if (mod == 2 || base == (wide ? 5 : 6))
        skip(reader, wide ? 4 : 2);
    i->reg = modrm >> 3 & 7;
    return NULL;
}

/* Forms whose reg field names the register. */
static const char *with_register(struct reader *reader, struct mmio_instruction *i) {
    const char *error = read_modrm(reader, i);

    if (i->register_size == 1 && reader->rex == 0 && i->reg >= 4) {
        i->reg -= 4;
        i->high_byte = true;
    } else if ((reader->rex & REX_R) != 0) {
        i->reg += 8;
    }
    return error;
}

static void read_immediate(struct reader *reader, struct mmio_instruction *i, unsigned size) {
    i->has_immediate = true;
    i->immediate = next_signed(reader, size > 4 ? 4 : size);
}

/* C6 and C7: the reg field is a part of the opcode, and must be 0. */
static const char *with_immediate(struct reader *reader, struct mmio_instruction *i) {
    const char *error = read_modrm(reader, i);

    read_immediate(reader, i, i->size);
    return error == NULL && i->reg != 0 ? not_decoded : error;
}

/* 00 to 3B: one of the eight operations, its forms in the lowest bits. */
static const char *arithmetic(struct reader *reader, struct mmio_instruction *i, uint8_t opcode) {
    i->operation = opcode >> 3;
    i->to_register = opcode & 2;
    i->store = !i->to_register && i->operation != MMIO_CMP;
    return with_register(reader, i);
}

/* The groups whose operation is in the reg field: 80 to 83, F6, F7, FE, FF. */
static const char *group(struct reader *reader, struct mmio_instruction *i, uint8_t opcode) {
    static const uint8_t group3[8] = {MMIO_TEST, MMIO_TEST, MMIO_NOT,  MMIO_NEG,
                                      MMIO_MOVE, MMIO_MOVE, MMIO_MOVE, MMIO_MOVE};
    static const uint8_t group4[8] = {MMIO_INC,  MMIO_DEC,  MMIO_MOVE, MMIO_MOVE,
                                      MMIO_MOVE, MMIO_MOVE, MMIO_MOVE, MMIO_MOVE};
    const char *error = read_modrm(reader, i);

    if (opcode < 0xf6)
        i->operation = i->reg;
    else
        i->operation = (opcode < 0xfe ? group3 : group4)[i->reg];
    if (opcode < 0xf6)
        read_immediate(reader, i, opcode == 0x83 ? 1 : i->size);
    else if (i->operation == MMIO_TEST)
        read_immediate(reader, i, i->size);
    i->store = i->operation != MMIO_CMP && i->operation != MMIO_TEST;
    i->reg = 0;
    return error == NULL && i->operation == MMIO_MOVE ? not_decoded : error;
}

static const char *string(struct reader *reader, struct mmio_instruction *i,
                          enum mmio_string which) {
    i->string = (uint8_t)which;
    i->repeat = reader->repeat;
    i->segment = reader->segment;
    i->address_size = (uint8_t)address_size(reader);
    i->store = which == MMIO_STOS;
    return NULL;
}

/* MOVZX and MOVSX from `size` bytes. */
static const char *extending(struct reader *reader, struct mmio_instruction *i, unsigned size,
                             bool sign_extend) {
    i->register_size = (uint8_t)operand_size(reader);
    i->size = (uint8_t)size;
    i->sign_extend = sign_extend;
    return with_register(reader, i);
}

static const char *decode_opcode(struct reader *reader, struct mmio_instruction *i) {
    uint8_t opcode = read_prefixes(reader);

    i->size = i->register_size = (opcode & 1) != 0 ? (uint8_t)operand_size(reader) : 1;
    i->operation = MMIO_MOVE;
    if (opcode < 0x40 && (opcode & 7) < 4)
        return arithmetic(reader, i, opcode);
    switch (opcode) {
    case 0x0f:
        opcode = next_byte(reader);
        if ((opcode & 0xf6) != 0xb6) /* B6, B7, BE or BF */
            return not_decoded;
        return extending(reader, i, (opcode & 1) != 0 ? 2 : 1, (opcode & 8) != 0);
    case 0x63: /* MOVSXD */
        if (reader->mode != MMIO_MODE_64 || operand_size(reader) == 2)
            return not_decoded;
        return extending(reader, i, 4, true);
    case 0x80:
    case 0x81:
    case 0x83:
    case 0xf6:
    case 0xf7:
    case 0xfe:
    case 0xff:
        return group(reader, i, opcode);
    case 0x84:
    case 0x85:
        i->operation = MMIO_TEST;
        return with_register(reader, i);
    case 0x86:
    case 0x87:
        i->operation = MMIO_XCHG;
        i->store = i->to_register = true;
        return with_register(reader, i);
    case 0x88:
    case 0x89:
        i->store = true;
        return with_register(reader, i);
    case 0x8a:
    case 0x8b:
        return with_register(reader, i);
    case 0xa0: /* to A3: the accumulator, and an address instead of a ModRM byte */
    case 0xa1:
    case 0xa2:
    case 0xa3:
        i->store = (opcode & 2) != 0;
        skip(reader, address_size(reader));
        return NULL;
    case 0xa4:
    case 0xa5:
        return string(reader, i, MMIO_MOVS);
    case 0xaa:
    case 0xab:
        return string(reader, i, MMIO_STOS);
    case 0xc6:
    case 0xc7:
        i->store = true;
        return with_immediate(reader, i);
    default:
        return not_decoded;
    }
}

const char *mmio_decode(const uint8_t *bytes, size_t count, enum mmio_mode mode,
                        struct mmio_instruction *instruction) {
    struct reader reader = {.bytes = bytes, .count = count, .mode = mode, .segment = 3};

    *instruction = (struct mmio_instruction){0};
    if (count > MMIO_INSTRUCTION_MAX)
        reader.count = MMIO_INSTRUCTION_MAX;
    const char *error = decode_opcode(&reader, instruction);
    if (reader.cut && reader.at == MMIO_INSTRUCTION_MAX)
        return "longer than 15 bytes";
    if (reader.cut)
        return "its last bytes are missing";
    if (error == NULL && reader.lock &&
        (instruction->operation == MMIO_MOVE || !instruction->store))
        return "LOCK is not allowed with it";
    instruction->length = (uint8_t)reader.at;
    return error;
}

const char *mmio_decode_anew(struct mmio_memo *memo, const uint64_t bytes[2], size_t count,
                             enum mmio_mode mode) {
    const char *problem = mmio_decode((const uint8_t *)bytes, count, mode, &memo->instruction);

    memo->bytes[0] = bytes[0];
    memo->bytes[1] = bytes[1];
    memo->key = problem ? 0 : MMIO_MEMO_KEY(count, mode);
    return problem;
}
