/* Reading the bytes of an MMIO instruction: see vmm/mmio_decode.h. What it does: mmio_execute.c. */
#include "vmm/mmio_decode.h"

#define REX_W 8u
#define REX_R 4u

/* The bytes, and what the prefixes said. */
struct reader {
    const uint8_t *bytes;
    size_t count;
    size_t at;
    bool cut; /* a byte was wanted that is not there */
    enum mmio_mode mode;
    bool operand_override, address_override, lock;
    uint8_t rex; /* 0: none */
};

static uint8_t next_byte(struct reader *reader)
{
    if (reader->at >= reader->count) {
        reader->cut = true;
        return 0;
    }
    return reader->bytes[reader->at++];
}

static void skip(struct reader *reader, unsigned bytes)
{
    while (bytes-- > 0) {
        next_byte(reader);
    }
}

/* A little-endian number of 1, 2 or 4 bytes, sign-extended. */
static uint64_t next_signed(struct reader *reader, unsigned bytes)
{
    uint64_t value = 0;
    unsigned unused = 64 - 8 * bytes;

    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint64_t)next_byte(reader) << (8 * i);
    }
    return (uint64_t)((int64_t)(value << unused) >> unused);
}

static unsigned operand_size(const struct reader *reader)
{
    if ((reader->rex & REX_W) != 0) {
        return 8;
    }
    if (reader->mode == MMIO_MODE_16) {
        return reader->operand_override ? 4 : 2;
    }
    return reader->operand_override ? 2 : 4;
}

static unsigned address_size(const struct reader *reader)
{
    switch (reader->mode) {
    case MMIO_MODE_64:
        return reader->address_override ? 4 : 8;
    case MMIO_MODE_32:
        return reader->address_override ? 2 : 4;
    default:
        return reader->address_override ? 4 : 2;
    }
}

/* Reads the prefixes and returns the opcode's first byte. A REX prefix counts only directly before
 * the opcode. Segments do not matter: the address is known. REP has no meaning for what we decode.
 */
static uint8_t read_prefixes(struct reader *reader)
{
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
        case 0x64:
        case 0x65:
        case 0xf2:
        case 0xf3:
            break;
        default:
            if (reader->mode == MMIO_MODE_64 && (byte & 0xf0) == 0x40 && !reader->cut) {
                reader->rex = byte;
                continue;
            }
            return byte;
        }
        reader->rex = 0;
    }
}

static void skip_displacement_16(struct reader *reader, unsigned mod, unsigned rm)
{
    if (mod == 1) {
        skip(reader, 1);
    } else if (mod == 2 || rm == 6) {
        skip(reader, 2);
    }
}

static void skip_displacement_32(struct reader *reader, unsigned mod, unsigned rm)
{
    unsigned base = rm;

    if (rm == 4) {
        base = next_byte(reader) & 7; /* the SIB byte */
    }
    if (mod == 1) {
        skip(reader, 1);
    } else if (mod == 2 || base == 5) {
        skip(reader, 4);
    }
}

/* Reads the ModRM byte with all that belongs to the address. Returns its reg field, or -1 if it
 * names a register and not memory. */
static int read_modrm(struct reader *reader)
{
    uint8_t modrm = next_byte(reader);
    unsigned mod = modrm >> 6, rm = modrm & 7;

    if (mod == 3) {
        return -1;
    }
    if (address_size(reader) == 2) {
        skip_displacement_16(reader, mod, rm);
    } else {
        skip_displacement_32(reader, mod, rm);
    }
    return modrm >> 3 & 7;
}

/* Fills in the register operand: which one is meant by the ModRM byte's reg field. */
static void set_register(const struct reader *reader, struct mmio_instruction *i, unsigned field)
{
    if (i->register_size == 1 && reader->rex == 0 && field >= 4) {
        i->reg = (uint8_t)(field - 4);
        i->high_byte = true;
        return;
    }
    i->reg = (uint8_t)(field + ((reader->rex & REX_R) != 0 ? 8 : 0));
}

static void set_size(struct mmio_instruction *i, unsigned size)
{
    i->size = i->register_size = (uint8_t)size;
}

static const char *const no_memory = "its operand is a register, not memory";
static const char *const not_decoded = "not an instruction that is decoded for device memory";

/* Forms with a register: MOV, XCHG, TEST and the arithmetic group. */
static const char *with_register(struct reader *reader, struct mmio_instruction *i)
{
    int field = read_modrm(reader);

    if (field < 0) {
        return no_memory;
    }
    set_register(reader, i, (unsigned)field);
    return NULL;
}

/* Forms with an immediate: the reg field is a part of the opcode. `first` and `last` are the values
 * that it may have. */
static const char *with_immediate(struct reader *reader, struct mmio_instruction *i,
                                  unsigned immediate_size, int first, int last)
{
    int field = read_modrm(reader);

    if (field < 0) {
        return no_memory;
    }
    if (field < first || field > last) {
        return not_decoded;
    }
    if (i->kind == MMIO_ALU_MEMORY && i->alu != MMIO_TEST) {
        i->alu = (enum mmio_alu)field;
    }
    i->has_immediate = true;
    i->immediate = next_signed(reader, immediate_size > 4 ? 4 : immediate_size);
    return NULL;
}

/* A0 to A3: the accumulator, and an address instead of a ModRM byte. */
static const char *decode_moffs(struct reader *reader, struct mmio_instruction *i, uint8_t opcode)
{
    i->kind = (opcode & 2) != 0 ? MMIO_STORE : MMIO_LOAD;
    i->reg = 0;
    skip(reader, address_size(reader));
    return NULL;
}

/* 0F B6, B7, BE, BF: MOVZX and MOVSX from 8 or 16 bits. */
static const char *decode_extending(struct reader *reader, struct mmio_instruction *i)
{
    uint8_t opcode = next_byte(reader);

    if (opcode != 0xb6 && opcode != 0xb7 && opcode != 0xbe && opcode != 0xbf) {
        return not_decoded;
    }
    i->kind = MMIO_LOAD;
    i->register_size = (uint8_t)operand_size(reader);
    i->size = (opcode & 1) != 0 ? 2 : 1;
    i->sign_extend = (opcode & 8) != 0;
    return with_register(reader, i);
}

static const char *decode_movsxd(struct reader *reader, struct mmio_instruction *i)
{
    if (reader->mode != MMIO_MODE_64 || operand_size(reader) == 2) {
        return not_decoded;
    }
    i->kind = MMIO_LOAD;
    i->register_size = (uint8_t)operand_size(reader);
    i->size = 4;
    i->sign_extend = true;
    return with_register(reader, i);
}

/* 00 to 3B: bits 5:3 of the opcode are the operation, bit 1 says that the register is the target.
 */
static const char *decode_alu(struct reader *reader, struct mmio_instruction *i, uint8_t opcode)
{
    i->alu = (enum mmio_alu)(opcode >> 3);
    i->kind = (opcode & 2) != 0 ? MMIO_ALU_REGISTER : MMIO_ALU_MEMORY;
    return with_register(reader, i);
}

static const char *decode_opcode(struct reader *reader, struct mmio_instruction *i, uint8_t opcode)
{
    unsigned size = (opcode & 1) != 0 ? operand_size(reader) : 1;

    set_size(i, size);
    if (opcode < 0x40 && (opcode & 4) == 0) {
        return decode_alu(reader, i, opcode);
    }
    switch (opcode) {
    case 0x0f:
        return decode_extending(reader, i);
    case 0x63:
        return decode_movsxd(reader, i);
    case 0x80:
    case 0x81:
        i->kind = MMIO_ALU_MEMORY;
        return with_immediate(reader, i, size, MMIO_ADD, MMIO_CMP);
    case 0x83:
        i->kind = MMIO_ALU_MEMORY;
        return with_immediate(reader, i, 1, MMIO_ADD, MMIO_CMP);
    case 0x84:
    case 0x85:
        i->kind = MMIO_ALU_MEMORY;
        i->alu = MMIO_TEST;
        return with_register(reader, i);
    case 0x86:
    case 0x87:
        i->kind = MMIO_EXCHANGE;
        return with_register(reader, i);
    case 0x88:
    case 0x89:
        i->kind = MMIO_STORE;
        return with_register(reader, i);
    case 0x8a:
    case 0x8b:
        i->kind = MMIO_LOAD;
        return with_register(reader, i);
    case 0xa0:
    case 0xa1:
    case 0xa2:
    case 0xa3:
        return decode_moffs(reader, i, opcode);
    case 0xc6:
    case 0xc7:
        i->kind = MMIO_STORE;
        return with_immediate(reader, i, size, 0, 0);
    case 0xf6:
    case 0xf7:
        i->kind = MMIO_ALU_MEMORY;
        i->alu = MMIO_TEST;
        return with_immediate(reader, i, size, 0, 1);
    default:
        return not_decoded;
    }
}

const char *mmio_decode(const uint8_t *bytes, size_t count, enum mmio_mode mode,
                        struct mmio_instruction *instruction)
{
    struct reader reader = {.bytes = bytes, .count = count, .mode = mode};
    const char *error;
    uint8_t opcode;

    *instruction = (struct mmio_instruction){0};
    if (count > MMIO_INSTRUCTION_MAX) {
        reader.count = MMIO_INSTRUCTION_MAX;
    }
    opcode = read_prefixes(&reader);
    error = reader.cut ? NULL : decode_opcode(&reader, instruction, opcode);
    if (reader.cut) {
        return reader.at == MMIO_INSTRUCTION_MAX ? "longer than 15 bytes"
                                                 : "its last bytes are missing";
    }
    if (error != NULL) {
        return error;
    }
    if (reader.lock && (!mmio_reads(instruction) || !mmio_writes(instruction))) {
        return "LOCK is not allowed with it";
    }
    instruction->locked = reader.lock;
    instruction->length = (uint8_t)reader.at;
    return NULL;
}
