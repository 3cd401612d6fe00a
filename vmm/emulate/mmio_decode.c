/* Decoding an MMIO instruction: see vmm/emulate/mmio_decode.h. What each opcode is, is in the
 * tables of mmio_opcodes.c. */
#include "vmm/emulate/mmio_opcodes.h"

#define REX_W      8u
#define REX_R      4u
#define REX_X      2u
#define REX_B      1u
#define SEGMENT_ES 0
#define SEGMENT_SS 2
#define SEGMENT_DS 3
#define NO_SEGMENT 6 /* no prefix */
#define RCX        1
#define RBX        3
#define RSP        4
#define RBP        5
#define RSI        6
#define RDI        7
#define NONE       MMIO_NO_REGISTER

/* ---- bytes ---- */

struct reader {
    const uint8_t *bytes;
    size_t count;
    size_t at;
    bool cut_off; /* a byte past the last one was wanted */
    enum mmio_mode mode;
    bool operand_override, address_override, lock;
    uint8_t repeat; /* enum mmio_repeat */
    uint8_t segment;
    uint8_t rex;    /* 0: none. Those of a VEX prefix are in the same place. */
    uint8_t prefix; /* that is part of the opcode: MMIO_66 and so on */
    bool vex, wide;
    uint8_t source; /* the register in VEX.vvvv */
};

static uint8_t next_byte(struct reader *reader) {
    if (reader->at >= reader->count) {
        reader->cut_off = true;
        return 0;
    }
    return reader->bytes[reader->at++];
}

/* A little-endian number, sign-extended. */
static uint64_t next_signed(struct reader *reader, unsigned size) {
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)next_byte(reader) << (8 * i);
    return mmio_sign_extended(value, size);
}

static unsigned operand_size(const struct reader *reader) {
    if (reader->rex & REX_W)
        return 8;
    return (reader->mode == MMIO_MODE_16) == reader->operand_override ? 4 : 2;
}

static unsigned address_size(const struct reader *reader) {
    if (reader->mode == MMIO_MODE_64)
        return reader->address_override ? 4 : 8;
    return (reader->mode == MMIO_MODE_16) == reader->address_override ? 4 : 2;
}

/* ---- parts of an instruction ---- */

/* Reads the prefixes and returns the first byte of the opcode. A REX prefix counts only directly
 * before the opcode. */
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
            if (reader->mode != MMIO_MODE_64) /* 64-bit mode ignores these four */
                reader->segment = byte >> 3 & 3;
            break;
        case 0x64:
        case 0x65:
            reader->segment = byte & 7;
            break;
        case 0xf2:
            reader->repeat = MMIO_REPNE;
            break;
        case 0xf3:
            reader->repeat = MMIO_REP;
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

static uint8_t prefix_of(const struct reader *reader) {
    if (reader->repeat)
        return reader->repeat == MMIO_REP ? MMIO_F3 : MMIO_F2;
    return reader->operand_override ? MMIO_66 : MMIO_NO_PREFIX;
}

/* The rest of a VEX prefix, behind C5H or C4H. Returns false if these bytes are none: prefixes come
 * before it that do not go with it, or they are LDS or LES, which need a ModRM byte for memory
 * where VEX has two bits that are inverted. SDM Vol. 2A, "The VEX Prefix". */
static bool read_vex(struct reader *reader, bool three_bytes, unsigned *index) {
    static const uint8_t prefixes[4] = {MMIO_NO_PREFIX, MMIO_66, MMIO_F3, MMIO_F2};
    static const unsigned maps[4] = {UINT32_MAX, MMIO_TWO_BYTE, MMIO_THREE_BYTE, UINT32_MAX};
    uint8_t first = next_byte(reader);

    if ((reader->mode != MMIO_MODE_64 && first < 0xc0) || (three_bytes && (first & 0x1c)) ||
        prefix_of(reader) != MMIO_NO_PREFIX || reader->rex || reader->lock)
        return false;
    uint8_t last = three_bytes ? next_byte(reader) : first;
    unsigned map = three_bytes ? maps[first & 3] : MMIO_TWO_BYTE;
    if (map == UINT32_MAX)
        return false;
    if (reader->mode == MMIO_MODE_64)
        reader->rex = (first & 0x80 ? 0 : REX_R) |
                      (three_bytes ? (last >> 4 & REX_W) | (~first >> 5 & (REX_X | REX_B)) : 0);
    reader->vex = true;
    reader->wide = last & 4;
    reader->prefix = prefixes[last & 3];
    reader->source = (last >> 3 & 15) ^ 15;
    if (reader->mode != MMIO_MODE_64)
        reader->source &= 7;
    *index = map + next_byte(reader);
    return true;
}

/* The index in the tables, or UINT32_MAX. */
static unsigned read_opcode(struct reader *reader) {
    uint8_t first = read_prefixes(reader);
    unsigned index = first;

    reader->prefix = prefix_of(reader);
    if (first == 0xc4 || first == 0xc5)
        return read_vex(reader, first == 0xc4, &index) ? index : UINT32_MAX;
    if (first != 0x0f)
        return index;
    index = MMIO_TWO_BYTE + next_byte(reader);
    if (index == MMIO_TWO_BYTE + 0x38)
        index = MMIO_THREE_BYTE + next_byte(reader);
    return index == MMIO_TWO_BYTE + 0x3a ? UINT32_MAX : index;
}

/* 16-bit addressing: BX or BP, and SI or DI. */
static void set_operand_16bit(struct reader *reader, unsigned mod, unsigned rm,
                              struct mmio_instruction *i) {
    static const uint8_t bases[] = {RBX, RBX, RBP, RBP, NONE, NONE, RBP, RBX};
    static const uint8_t indices[] = {RSI, RDI, RSI, RDI, RSI, RDI, NONE, NONE};

    i->base = mod == 0 && rm == 6 ? NONE : bases[rm];
    i->index = indices[rm];
    if (mod == 1)
        i->displacement = (int32_t)next_signed(reader, 1);
    else if (mod == 2 || i->base == i->index) /* there is neither */
        i->displacement = (int32_t)next_signed(reader, 2);
}

static void set_operand(struct reader *reader, unsigned mod, unsigned rm,
                        struct mmio_instruction *i) {
    unsigned base = rm;

    if (rm == RSP) { /* the SIB byte */
        uint8_t sib = next_byte(reader), index = sib >> 3 & 7;
        base = sib & 7;
        if (reader->rex & REX_X)
            index += 8;
        i->index = index == RSP ? NONE : index;
        i->scale = sib >> 6;
    }
    if (mod == 0 && base == RBP)
        i->base = rm == RBP && reader->mode == MMIO_MODE_64 ? MMIO_RIP : NONE;
    else
        i->base = (uint8_t)(base + (reader->rex & REX_B ? 8 : 0));
    if (mod == 1)
        i->displacement = (int32_t)next_signed(reader, 1);
    else if (mod == 2 || (mod == 0 && base == RBP))
        i->displacement = (int32_t)next_signed(reader, 4);
}

/* Reads the ModRM byte, the SIB byte and the displacement. Returns false if the operand is a
 * register. */
static bool read_modrm(struct reader *reader, uint8_t *reg, struct mmio_instruction *i) {
    uint8_t modrm = next_byte(reader);
    unsigned mod = modrm >> 6, rm = modrm & 7;

    *reg = modrm >> 3 & 7;
    if (mod == 3)
        return false;
    if (i->address_size == 2)
        set_operand_16bit(reader, mod, rm, i);
    else
        set_operand(reader, mod, rm, i);
    if (reader->segment == NO_SEGMENT && (i->base == RBP || i->base == RSP))
        i->segment = SEGMENT_SS;
    i->plain = reader->mode == MMIO_MODE_64 && i->base < NONE && i->base != RSP &&
               i->index == NONE && i->segment <= SEGMENT_DS && i->address_size == 8;
    return true;
}

static void set_register(const struct reader *reader, struct mmio_instruction *i, uint8_t reg) {
    i->high_byte = i->register_size == 1 && !reader->rex && reg >= 4;
    i->reg = reg;
    if (i->high_byte)
        i->reg -= 4;
    else if (reader->rex & REX_R)
        i->reg += 8;
}

static void read_immediate(struct reader *reader, struct mmio_instruction *i, unsigned size) {
    i->has_immediate = true;
    i->immediate = next_signed(reader, size > 4 ? 4 : size);
}

/* The destination is always in ES. */
static void set_string(const struct reader *reader, struct mmio_instruction *i, uint8_t string) {
    bool only_destination = string == MMIO_STOS || string == MMIO_SCAS;

    i->string = string;
    i->repeat = reader->repeat;
    i->base = only_destination ? RDI : RSI;
    if (only_destination)
        i->segment = SEGMENT_ES;
}

/* Returns false if the VEX prefix makes it #UD: only a load that merges has a register in VEX.vvvv,
 * and VEX.L is 0 if the operand is less than a register. */
static bool set_vector(const struct reader *reader, struct mmio_instruction *i,
                       const struct mmio_opcode *opcode) {
    i->vex = reader->vex;
    i->half = opcode->half;
    i->merge = opcode->merge;
    i->aligned = opcode->aligned;
    i->source = i->merge && i->vex ? reader->source : i->reg;
    return (opcode->width == WIDTH_VECTOR || opcode->any_length || !reader->wide) &&
           (opcode->merge || !reader->source);
}

/* ---- the instruction ---- */

/* The size of the operands; that of the access to memory may be smaller. */
static uint8_t width(const struct reader *reader, enum mmio_width width, unsigned index) {
    switch (width) {
    case WIDTH_BY_OPCODE:
        return index & 1 ? (uint8_t)operand_size(reader) : 1;
    case WIDTH_VECTOR:
        return reader->wide ? 32 : 16;
    case WIDTH_OPERAND:
        return (uint8_t)operand_size(reader);
    case WIDTH_STACK:
        if (reader->mode == MMIO_MODE_64)
            return reader->operand_override && !(reader->rex & REX_W) ? 2 : 8;
        return (uint8_t)operand_size(reader);
    case WIDTH_REX_W:
        return reader->rex & REX_W ? 8 : 4;
    default:
        return (uint8_t)width;
    }
}

/* The operand that is not memory. Returns false if there is no such instruction. */
static bool read_other(struct reader *reader, const struct mmio_opcode *opcode, uint8_t reg,
                       struct mmio_instruction *i) {
    switch ((enum mmio_form)opcode->form) {
    case FORM_EXTENDED:
        i->size = opcode->narrow;
        i->sign_extend = opcode->sign_extend;
        set_register(reader, i, reg);
        return true;
    case FORM_REGISTER:
    case FORM_REGISTER_IMMEDIATE:
        set_register(reader, i, reg);
        return i->operation != MMIO_VECTOR || set_vector(reader, i, opcode);
    case FORM_CL:
        i->reg = RCX;
        return true;
    case FORM_STACK:
        i->reg = RSP;
        return true;
    case FORM_ONE:
        i->has_immediate = true;
        i->immediate = 1;
        return true;
    case FORM_STRING:
        set_string(reader, i, opcode->string);
        return true;
    case FORM_OFFSET:
        i->base = MMIO_IMMEDIATE;
        i->immediate = next_signed(reader, i->address_size);
        return true;
    default:
        return opcode->form != FORM_NOT_DECODED;
    }
}

/* Returns NULL, or what is wrong in words. */
static const char *decode(struct reader *reader, struct mmio_instruction *i) {
    static const char not_decoded[] = "not an instruction that is decoded for device memory";
    uint8_t reg = 0;
    unsigned index = read_opcode(reader);

    if (index == UINT32_MAX)
        return not_decoded;
    i->address_size = (uint8_t)address_size(reader);
    i->segment = reader->segment == NO_SEGMENT ? SEGMENT_DS : reader->segment;
    i->base = i->index = NONE;
    const struct mmio_opcode *opcode = mmio_opcode_find(index, reader->prefix, reader->vex);
    if (opcode->form == FORM_NOT_DECODED || (opcode->only_64bit && reader->mode != MMIO_MODE_64))
        return not_decoded;
    if (opcode->form != FORM_OFFSET && opcode->form != FORM_STRING && !read_modrm(reader, &reg, i))
        return "its operand is a register, not memory";
    uint8_t narrow = opcode->narrow, access_width = opcode->width;
    if (opcode->form == FORM_GROUP) {
        opcode = mmio_opcode_of_group(opcode, reg);
        access_width = opcode->width ? opcode->width : access_width;
    }
    i->size = i->register_size = width(reader, (enum mmio_width)access_width, index);
    i->operation = opcode->operation;
    i->store = opcode->store;
    i->write_only = opcode->write_only;
    i->to_register = opcode->to_register;
    if (i->operation == MMIO_SET || i->operation == MMIO_CMOV)
        i->condition = index & 15;
    if (narrow > i->size || !read_other(reader, opcode, reg, i) ||
        (i->operation == MMIO_CMPXCHG8B && (reader->rex & REX_W))) /* CMPXCHG16B */
        return not_decoded;
    if (opcode->form == FORM_IMMEDIATE || opcode->form == FORM_REGISTER_IMMEDIATE)
        read_immediate(reader, i, narrow ? narrow : i->size);
    return NULL;
}

/* Whether LOCK may stand before it: SDM Vol. 2A, "LOCK-Assert LOCK# Signal Prefix". */
static bool may_lock(const struct mmio_instruction *i) {
    switch ((enum mmio_operation)i->operation) {
    case MMIO_ADD ... MMIO_XOR:
    case MMIO_BTS ... MMIO_BTC:
    case MMIO_NOT ... MMIO_CMPXCHG8B:
        return i->store;
    default:
        return false;
    }
}

const char mmio_bytes_missing[] = "its last bytes are missing";

const char *mmio_decode(const uint8_t *bytes, size_t count, enum mmio_mode mode,
                        struct mmio_instruction *instruction) {
    struct reader reader = {.bytes = bytes, .count = count, .mode = mode, .segment = NO_SEGMENT};

    *instruction = (struct mmio_instruction){0};
    if (count > MMIO_INSTRUCTION_MAX)
        reader.count = MMIO_INSTRUCTION_MAX;
    const char *problem = decode(&reader, instruction);
    if (reader.cut_off && reader.at == MMIO_INSTRUCTION_MAX)
        return "longer than 15 bytes";
    if (reader.cut_off)
        return mmio_bytes_missing;
    if (!problem && reader.lock && !may_lock(instruction))
        return "LOCK is not allowed with it";
    instruction->length = (uint8_t)reader.at;
    return problem;
}

const char *mmio_decode_anew(struct mmio_memo *memo, const uint64_t bytes[2], size_t count,
                             enum mmio_mode mode) {
    const char *problem = mmio_decode((const uint8_t *)bytes, count, mode, &memo->instruction);

    memo->bytes[0] = bytes[0];
    memo->bytes[1] = bytes[1];
    memo->key = problem ? 0 : MMIO_MEMO_KEY(count, mode);
    return problem;
}
