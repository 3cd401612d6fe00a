/* Decoding an MMIO instruction: see vmm/emulate/mmio_decode.h. Two tables say what each opcode is:
 * `opcodes`, and `groups` for opcodes that the ModRM byte extends. SDM Vol. 2D, "Opcode Map". */
#include "vmm/emulate/mmio_decode.h"

#define REX_W      8u
#define REX_R      4u
#define SEGMENT_DS 3u

/* ---- opcodes ---- */

/* What follows the opcode. A ModRM byte gives the memory operand. */
enum form {
    NOT_DECODED,
    REGISTER,  /* ModRM; its reg field is the register operand */
    EXTENDED,  /* the same; MOVZX and MOVSX, which read `narrow` bytes of memory */
    NO_OTHER,  /* ModRM; memory is the only operand */
    IMMEDIATE, /* ModRM; the other operand is an immediate */
    GROUP,     /* ModRM; its reg field selects an entry of `groups` */
    OFFSET,    /* an address; the register operand is RAX */
    STRING,
};

enum group { GROUP_1, GROUP_3, GROUP_4_5, GROUP_11, GROUP_COUNT };

struct opcode {
    uint8_t form;      /* enum form */
    uint8_t operation; /* enum mmio_operation */
    bool store;
    bool to_register;
    uint8_t group;  /* enum group */
    uint8_t string; /* enum mmio_string */
    uint8_t narrow; /* bytes of an operand that is smaller than the others; 0: there is none */
    bool sign_extend;
    bool only_64bit;
};

/* The opcode that follows a byte 0FH has an index of 100H more. */
#define TWO_BYTE 0x100u

/* Bit 0 of an opcode is 0 for operands of one byte. */
static const struct opcode opcodes[0x200] = {
    [0x00 ... 0x01] = {REGISTER, MMIO_ADD, .store = true},
    [0x02 ... 0x03] = {REGISTER, MMIO_ADD, .to_register = true},
    [0x08 ... 0x09] = {REGISTER, MMIO_OR, .store = true},
    [0x0a ... 0x0b] = {REGISTER, MMIO_OR, .to_register = true},
    [0x10 ... 0x11] = {REGISTER, MMIO_ADC, .store = true},
    [0x12 ... 0x13] = {REGISTER, MMIO_ADC, .to_register = true},
    [0x18 ... 0x19] = {REGISTER, MMIO_SBB, .store = true},
    [0x1a ... 0x1b] = {REGISTER, MMIO_SBB, .to_register = true},
    [0x20 ... 0x21] = {REGISTER, MMIO_AND, .store = true},
    [0x22 ... 0x23] = {REGISTER, MMIO_AND, .to_register = true},
    [0x28 ... 0x29] = {REGISTER, MMIO_SUB, .store = true},
    [0x2a ... 0x2b] = {REGISTER, MMIO_SUB, .to_register = true},
    [0x30 ... 0x31] = {REGISTER, MMIO_XOR, .store = true},
    [0x32 ... 0x33] = {REGISTER, MMIO_XOR, .to_register = true},
    [0x38 ... 0x39] = {REGISTER, MMIO_CMP},
    [0x3a ... 0x3b] = {REGISTER, MMIO_CMP, .to_register = true},
    [0x63] = {EXTENDED, MMIO_MOVE, .narrow = 4, .sign_extend = true, .only_64bit = true},
    [0x80 ... 0x81] = {GROUP, .group = GROUP_1},
    [0x83] = {GROUP, .group = GROUP_1, .narrow = 1},
    [0x84 ... 0x85] = {REGISTER, MMIO_TEST},
    [0x86 ... 0x87] = {REGISTER, MMIO_XCHG, .store = true, .to_register = true},
    [0x88 ... 0x89] = {REGISTER, MMIO_MOVE, .store = true},
    [0x8a ... 0x8b] = {REGISTER, MMIO_MOVE},
    [0xa0 ... 0xa1] = {OFFSET, MMIO_MOVE},
    [0xa2 ... 0xa3] = {OFFSET, MMIO_MOVE, .store = true},
    [0xa4 ... 0xa5] = {STRING, MMIO_MOVE, .string = MMIO_MOVS},
    [0xaa ... 0xab] = {STRING, MMIO_MOVE, .string = MMIO_STOS, .store = true},
    [0xc6 ... 0xc7] = {GROUP, .group = GROUP_11},
    [0xf6 ... 0xf7] = {GROUP, .group = GROUP_3},
    [0xfe ... 0xff] = {GROUP, .group = GROUP_4_5},
    [TWO_BYTE + 0xb6] = {EXTENDED, MMIO_MOVE, .narrow = 1},
    [TWO_BYTE + 0xb7] = {EXTENDED, MMIO_MOVE, .narrow = 2},
    [TWO_BYTE + 0xbe] = {EXTENDED, MMIO_MOVE, .narrow = 1, .sign_extend = true},
    [TWO_BYTE + 0xbf] = {EXTENDED, MMIO_MOVE, .narrow = 2, .sign_extend = true},
};

/* By the reg field of the ModRM byte. SDM Vol. 2D, "Opcode Extensions for One-Byte and Two-byte
 * Opcodes". */
static const struct opcode groups[GROUP_COUNT][8] = {
    [GROUP_1] = {{IMMEDIATE, MMIO_ADD, .store = true},
                 {IMMEDIATE, MMIO_OR, .store = true},
                 {IMMEDIATE, MMIO_ADC, .store = true},
                 {IMMEDIATE, MMIO_SBB, .store = true},
                 {IMMEDIATE, MMIO_AND, .store = true},
                 {IMMEDIATE, MMIO_SUB, .store = true},
                 {IMMEDIATE, MMIO_XOR, .store = true},
                 {IMMEDIATE, MMIO_CMP}},
    [GROUP_3] = {{IMMEDIATE, MMIO_TEST},
                 {IMMEDIATE, MMIO_TEST},
                 {NO_OTHER, MMIO_NOT, .store = true},
                 {NO_OTHER, MMIO_NEG, .store = true}},
    [GROUP_4_5] = {{NO_OTHER, MMIO_INC, .store = true}, {NO_OTHER, MMIO_DEC, .store = true}},
    [GROUP_11] = {{IMMEDIATE, MMIO_MOVE, .store = true}},
};

/* ---- bytes ---- */

struct reader {
    const uint8_t *bytes;
    size_t count;
    size_t at;
    bool cut_off; /* a byte past the last one was wanted */
    enum mmio_mode mode;
    bool operand_override, address_override, lock, repeat;
    uint8_t segment;
    uint8_t rex; /* 0: none */
};

static uint8_t next_byte(struct reader *reader) {
    if (reader->at >= reader->count) {
        reader->cut_off = true;
        return 0;
    }
    return reader->bytes[reader->at++];
}

/* For addresses and displacements: the VM exit reports where the access goes. */
static void skip(struct reader *reader, unsigned size) {
    size_t left = reader->count - reader->at;

    if (size > left) {
        reader->cut_off = true;
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

/* Returns the index in `opcodes`. */
static unsigned read_opcode(struct reader *reader) {
    uint8_t first = read_prefixes(reader);

    return first == 0x0f ? TWO_BYTE + next_byte(reader) : first;
}

/* Reads the ModRM byte, the SIB byte and the displacement. Returns false if the operand is a
 * register. */
static bool read_modrm(struct reader *reader, uint8_t *reg) {
    uint8_t modrm = next_byte(reader);
    unsigned mod = modrm >> 6, base = modrm & 7;
    bool wide = address_size(reader) != 2;

    *reg = modrm >> 3 & 7;
    if (mod == 3)
        return false;
    if (wide && base == 4)
        base = next_byte(reader) & 7; /* the SIB byte */
    if (mod == 1)
        skip(reader, 1);
    else if (mod == 2 || base == (wide ? 5 : 6))
        skip(reader, wide ? 4 : 2);
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

static void set_string(const struct reader *reader, struct mmio_instruction *i, uint8_t string) {
    i->string = string;
    i->repeat = reader->repeat;
    i->segment = reader->segment;
    i->address_size = (uint8_t)address_size(reader);
}

/* ---- the instruction ---- */

/* Returns NULL, or what is wrong in words. */
static const char *decode(struct reader *reader, struct mmio_instruction *i) {
    static const char not_decoded[] = "not an instruction that is decoded for device memory";
    uint8_t reg = 0;
    unsigned index = read_opcode(reader);
    const struct opcode *opcode = &opcodes[index];
    enum form form = (enum form)opcode->form;
    uint8_t narrow = opcode->narrow;

    i->size = i->register_size = index & 1 || form == EXTENDED ? (uint8_t)operand_size(reader) : 1;
    if (form == NOT_DECODED || narrow > i->size ||
        (opcode->only_64bit && reader->mode != MMIO_MODE_64))
        return not_decoded;
    if (form != OFFSET && form != STRING && !read_modrm(reader, &reg))
        return "its operand is a register, not memory";
    if (opcode->form == GROUP)
        opcode = &groups[opcode->group][reg];
    i->operation = opcode->operation;
    i->store = opcode->store;
    i->to_register = opcode->to_register;
    switch ((enum form)opcode->form) {
    case EXTENDED:
        i->size = narrow;
        i->sign_extend = opcode->sign_extend;
        set_register(reader, i, reg);
        return NULL;
    case REGISTER:
        set_register(reader, i, reg);
        return NULL;
    case IMMEDIATE:
        read_immediate(reader, i, narrow ? narrow : i->size);
        return NULL;
    case OFFSET:
        skip(reader, address_size(reader));
        return NULL;
    case STRING:
        set_string(reader, i, opcode->string);
        return NULL;
    case NO_OTHER:
        return NULL;
    default: /* no such entry in the group */
        return not_decoded;
    }
}

const char mmio_bytes_missing[] = "its last bytes are missing";

const char *mmio_decode(const uint8_t *bytes, size_t count, enum mmio_mode mode,
                        struct mmio_instruction *instruction) {
    struct reader reader = {.bytes = bytes, .count = count, .mode = mode, .segment = SEGMENT_DS};

    *instruction = (struct mmio_instruction){0};
    if (count > MMIO_INSTRUCTION_MAX)
        reader.count = MMIO_INSTRUCTION_MAX;
    const char *problem = decode(&reader, instruction);
    if (reader.cut_off && reader.at == MMIO_INSTRUCTION_MAX)
        return "longer than 15 bytes";
    if (reader.cut_off)
        return mmio_bytes_missing;
    if (!problem && reader.lock && (instruction->operation == MMIO_MOVE || !instruction->store))
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
