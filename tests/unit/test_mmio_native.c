/* Guards vmm/emulate as a whole: each instruction that it decodes is also executed by the processor
 * that runs this test, with the same random registers, flags and memory, and both must agree in all
 * that the SDM defines. The instructions are found by trying every opcode. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "arch/control_registers.h"
#include "vmm/emulate/mmio_operate.h"
#include "vmm/emulate/mmio_vector.h"

#define STATUS    (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)
#define MOD_RM(r) (uint8_t)((r) << 3 | 3) /* memory at [rbx] */
#define RCX       1
#define RBX       3
#define RSP       4
#define RSI       6
#define RDI       7

/* ---- the processor ---- */

#define MEMORY_SIZE 64
struct state {
    uint64_t reg[16]; /* as encoded; RSP is not loaded */
    uint64_t flags;
    struct mmio_vector ymm[16];
    _Alignas(64) uint8_t memory[MEMORY_SIZE];
    uint8_t other[MEMORY_SIZE]; /* the second operand of string instructions */
};
struct state native;
void *native_code;
void native_run(void);

/* Loads the registers, calls native_code and saves the registers. */
__asm__(".macro each_register move\n"
        "\\move %rax, 0; \\move %rcx, 1; \\move %rdx, 2; \\move %rbx, 3\n"
        "\\move %rbp, 5; \\move %rsi, 6; \\move %rdi, 7; \\move %r8, 8\n"
        "\\move %r9, 9; \\move %r10, 10; \\move %r11, 11; \\move %r12, 12\n"
        "\\move %r13, 13; \\move %r14, 14; \\move %r15, 15\n"
        ".endm\n"
        ".macro load_it r n\n"
        "mov native+8*\\n(%rip), \\r\n"
        ".endm\n"
        ".macro save_it r n\n"
        "mov \\r, native+8*\\n(%rip)\n"
        ".endm\n"
        ".pushsection .text\n"
        "native_run:\n"
        "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
        "vmovdqu native+136+32*\\n(%rip), %ymm\\n\n"
        ".endr\n"
        "push native+128(%rip); popfq\n"
        "each_register load_it\n"
        "call *native_code(%rip)\n"
        "each_register save_it\n"
        "pushfq; pop native+128(%rip); cld\n"
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
        "vmovdqu %ymm\\n, native+136+32*\\n(%rip)\n"
        ".endr\n"
        "vzeroupper\n"
        "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n"
        ".popsection\n");
_Static_assert(offsetof(struct state, flags) == 128 && offsetof(struct state, ymm) == 136, "above");

static void execute(const uint8_t *bytes, unsigned length) {
    memcpy(native_code, bytes, length);
    ((uint8_t *)native_code)[length] = 0xc3; /* RET */
    native_run();
}

/* ---- what decodes and executes it in the hypervisor ---- */

static uint64_t get(const uint8_t *at, unsigned size) {
    uint64_t value = 0;

    memcpy(&value, at, size);
    return value;
}

static void emulate_vector(const struct mmio_instruction *i, struct state *s) {
    struct mmio_vector memory = {{0}};

    if (i->store) {
        memory = mmio_vector_stored(i, &s->ymm[i->reg]);
        memcpy(s->memory, &memory, i->size);
    } else {
        memcpy(&memory, s->memory, i->size);
        mmio_vector_load(i, &memory, &s->ymm[i->source], &s->ymm[i->reg]);
    }
}

/* RSI points into `other`, RDI into `memory`. */
static void emulate_string(const struct mmio_instruction *i, struct state *s) {
    do {
        if (i->repeat && !mmio_index(i->address_size, s->reg[RCX]))
            return;
        uint8_t *rsi = s->other + (s->reg[RSI] - (uintptr_t)native.other);
        uint8_t *rdi = s->memory + (s->reg[RDI] - (uintptr_t)native.memory);
        if (i->string == MMIO_MOVS)
            memcpy(rdi, rsi, i->size);
        else if (i->string == MMIO_STOS)
            memcpy(rdi, s->reg, i->size);
        else if (i->string == MMIO_LODS)
            mmio_load(i, get(rsi, i->size), s->reg);
        else
            s->flags = mmio_compared(
                i, i->string == MMIO_CMPS ? get(rsi, i->size) : mmio_stored(i, s->reg),
                get(rdi, i->size), s->flags);
    } while (!mmio_string_step(i, s->reg, s->flags));
}

static void emulate(const struct mmio_instruction *i, struct state *s) {
    uint64_t value;

    if (i->operation == MMIO_VECTOR) {
        emulate_vector(i, s);
    } else if (i->operation == MMIO_STRING) {
        emulate_string(i, s);
    } else if (i->operation == MMIO_MOVE && !i->store) {
        mmio_load(i, get(s->memory, i->size), s->reg);
    } else {
        value =
            i->operation == MMIO_MOVE
                ? mmio_stored(i, s->reg)
                : mmio_operate(i, i->write_only ? 0 : get(s->memory, i->size), s->reg, &s->flags);
        if (i->store)
            memcpy(s->memory, &value, i->size);
    }
}

/* ---- random states ---- */

static uint64_t next_random(void) {
    static uint64_t random = 0x9e3779b97f4a7c15;

    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    return random;
}

/* Often a value at which flags change. */
static uint64_t next_operand(void) {
    static const uint64_t corners[] = {0,        1,          0xf,        0x10,       0x7f,
                                       0x80,     0xff,       0x7fff,     0x8000,     0xffff,
                                       1u << 31, 0x7fffffff, 0xffffffff, 1ULL << 63, ~0ULL};
    uint64_t random = next_random();

    return random & 1 ? next_random() : corners[(random >> 1) % (sizeof(corners) / 8)];
}

static void randomize(const struct mmio_instruction *i) {
    uint64_t value;

    for (unsigned n = 0; n < 16; n++)
        native.reg[n] = next_operand();
    for (unsigned n = 0; n < sizeof(native.ymm) / 8; n++)
        native.ymm[n / 4].word[n % 4] = next_random();
    for (unsigned n = 0; n < MEMORY_SIZE; n += 8) {
        value = next_operand();
        memcpy(native.memory + n, &value, 8);
        value = next_random() & 1 ? value : next_random(); /* often equal, for CMPS */
        memcpy(native.other + n, &value, 8);
    }
    native.flags = RFLAGS_ONE | RFLAGS_IF | (next_random() & (STATUS | RFLAGS_DF));
    native.reg[RBX] = (uintptr_t)native.memory;
    if (i->operation >= MMIO_BT && i->operation <= MMIO_BTC && !i->has_immediate)
        native.reg[i->reg] &= 8 * i->size - 1u; /* else it is a bit of other memory */
    if (i->operation == MMIO_STRING) {
        native.reg[RSI] = (uintptr_t)native.other + MEMORY_SIZE / 2;
        native.reg[RDI] = (uintptr_t)native.memory + MEMORY_SIZE / 2;
        native.reg[RCX] = next_random() % 4;
    }
    if (i->operation == MMIO_CMPXCHG && (next_random() & 1))
        native.reg[0] = get(native.memory, 8);
    if (i->operation == MMIO_CMPXCHG8B && (next_random() & 1)) {
        native.reg[0] = get(native.memory, 4);
        native.reg[2] = get(native.memory + 4, 4);
    }
}

/* The flags that the SDM leaves undefined. */
static uint64_t undefined_flags(const struct mmio_instruction *i) {
    uint64_t flags = 0;

    if (i->operation >= MMIO_MOVE)
        return 0;
    unsigned count = (unsigned)mmio_stored(i, native.reg) & (i->size == 8 ? 63 : 31);
    switch ((enum mmio_operation)i->operation) {
    case MMIO_AND:
    case MMIO_OR:
    case MMIO_XOR:
    case MMIO_TEST:
        return RFLAGS_AF;
    case MMIO_BT ... MMIO_BTC:
        return RFLAGS_OF | RFLAGS_SF | RFLAGS_AF | RFLAGS_PF;
    case MMIO_IMUL ... MMIO_IMUL_DOUBLE:
        return RFLAGS_SF | RFLAGS_ZF | RFLAGS_AF | RFLAGS_PF;
    case MMIO_ROL ... MMIO_RCR:
        return count > 1 ? RFLAGS_OF : 0;
    case MMIO_SHL ... MMIO_SAR:
        if (count)
            flags |= RFLAGS_AF;
        if (count > 1)
            flags |= RFLAGS_OF;
        if (i->operation != MMIO_SAR && count >= 8u * i->size)
            flags |= RFLAGS_CF;
        return flags;
    default:
        return 0;
    }
}

/* ---- the comparison ---- */

static bool may_execute(const struct mmio_instruction *i) {
    if (i->operation > MMIO_STRING)
        return false; /* PUSH and POP need a stack, SMSW shows the host's CR0 */
    if (i->reg == RSP && i->operation != MMIO_VECTOR)
        return false;
    /* a bit by the address in RBX is far away */
    return !(i->operation >= MMIO_BT && i->operation <= MMIO_BTC && i->reg == RBX &&
             !i->has_immediate);
}

static void compare(const uint8_t *bytes, const struct mmio_instruction *i) {
    static struct state before, emulated;

    for (unsigned round = 0; round < 100; round++) {
        randomize(i);
        before = native;
        uint64_t undefined = undefined_flags(i);
        execute(bytes, i->length);
        emulated = before;
        emulated.reg[RSP] = native.reg[RSP];
        emulate(i, &emulated);
        emulated.flags ^= (emulated.flags ^ native.flags) & undefined;
        if (memcmp(&emulated, &native, sizeof(native)) != 0)
            fail_msg("%02x %02x %02x %02x %02x %02x: the processor has another result: flags %lx "
                     "and %lx of %lx",
                     bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], emulated.flags,
                     native.flags, before.flags);
    }
}

/* Prefixes, and one opcode with each reg field of its ModRM byte; random bytes follow. */
static unsigned compare_opcode(const uint8_t *prefixes, unsigned prefix_count, uint8_t opcode) {
    unsigned compared = 0;

    for (unsigned reg = 0; reg < 8; reg++) {
        uint8_t bytes[MMIO_INSTRUCTION_MAX];
        struct mmio_instruction i;

        for (unsigned n = 0; n < sizeof(bytes); n++)
            bytes[n] = (uint8_t)next_random();
        memcpy(bytes, prefixes, prefix_count);
        bytes[prefix_count] = opcode;
        bytes[prefix_count + 1] = MOD_RM(reg);
        if (mmio_decode(bytes, sizeof(bytes), MMIO_MODE_64, &i) || !may_execute(&i))
            continue;
        compare(bytes, &i);
        compared++;
    }
    return compared;
}

/* Whether what follows it is the ModRM byte, or ignored: no prefix, no escape to another map, no
 * address as of MOV. */
static bool has_modrm(unsigned map, unsigned opcode) {
    static const uint8_t others[] = {0x0f, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67,
                                     0xa0, 0xa1, 0xa2, 0xa3, 0xc4, 0xc5, 0xf0, 0xf2, 0xf3};

    if (map)
        return map == 2 || (opcode != 0x38 && opcode != 0x3a);
    return !memchr(others, (int)opcode, sizeof(others)) && (opcode & 0xf0) != 0x40;
}

static void each_instruction_agrees_with_the_processor(void **state) {
    static const struct {
        uint8_t count, bytes[3];
    } before[] = {{0, {0}},          {1, {0x66}},       {1, {0x48}},       {1, {0x44}},
                  {1, {0xf2}},       {1, {0xf3}},       {1, {0xf0}},       {2, {0x66, 0x48}},
                  {2, {0x66, 0x44}}, {2, {0xf3, 0x48}}, {2, {0xf2, 0x44}}, {2, {0xf3, 0x44}}};
    static const uint8_t maps[][2] = {{0}, {0x0f}, {0x0f, 0x38}};
    unsigned compared = 0;

    (void)state;
    for (unsigned n = 0; n < sizeof(before) / sizeof(before[0]); n++) {
        for (unsigned map = 0; map < 3; map++) {
            uint8_t prefixes[5];
            memcpy(prefixes, before[n].bytes, before[n].count);
            memcpy(prefixes + before[n].count, maps[map], map);
            for (unsigned opcode = 0; opcode < 0x100; opcode++) {
                if (has_modrm(map, opcode))
                    compared += compare_opcode(prefixes, before[n].count + map, (uint8_t)opcode);
            }
        }
    }
    assert_true(compared > 4000);
}

/* VEX in both forms: for the registers, VEX.L, W, and each prefix that is part of an opcode. Only
 * MOVLPS and MOVHPS have a second register; for the others VEX.vvvv is 1111. */
static void each_avx_instruction_agrees_with_the_processor(void **state) {
    unsigned compared = 0;

    (void)state;
    for (unsigned opcode = 0; opcode < 0x100; opcode++) {
        bool has_source = opcode == 0x12 || opcode == 0x16;
        bool of_128_bits = has_source || opcode == 0x13 || opcode == 0x17 || opcode == 0x6e ||
                           opcode == 0x7e || opcode == 0xd6;
        for (unsigned pp = 0; pp < 4; pp++) {
            for (unsigned l = 0; l < 8; l += 4) {
                uint8_t source = has_source ? (uint8_t)(next_random() & 0x78) : 0x78;
                uint8_t last = (uint8_t)(source | l | pp);
                const uint8_t vex2[] = {0xc5, 0x80 | last}, vex2_r[] = {0xc5, last};
                const uint8_t vex3[] = {0xc4, 0xe1, last}, vex3_w[] = {0xc4, 0x61, 0x80 | last};
                const uint8_t vex3_38[] = {0xc4, 0xe2, last};
                if (l && of_128_bits)
                    continue;
                compared += compare_opcode(vex2, 2, (uint8_t)opcode);
                compared += compare_opcode(vex2_r, 2, (uint8_t)opcode);
                compared += compare_opcode(vex3, 3, (uint8_t)opcode);
                compared += compare_opcode(vex3_w, 3, (uint8_t)opcode);
                compared += compare_opcode(vex3_38, 3, (uint8_t)opcode);
            }
        }
    }
    assert_true(compared > 1000);
}

/* Of MOV, by LEA with the same ModRM byte and what follows it. */
static void the_operands_address_agrees_with_the_processor(void **state) {
    static const uint8_t prefixes[][2] = {{0x48}, {0x4b}, {0x67, 0x48}, {0x67, 0x4a}, {0x49}};
    struct mmio_instruction i = {0};
    uint8_t bytes[MMIO_INSTRUCTION_MAX];

    (void)state;
    for (unsigned round = 0; round < 100000; round++) {
        const uint8_t *prefix = prefixes[round % 5];
        unsigned opcode = prefix[1] ? 2 : 1;
        for (unsigned n = 0; n < sizeof(bytes); n++)
            bytes[n] = (uint8_t)next_random();
        memcpy(bytes, prefix, opcode);
        bytes[opcode] = 0x8b;
        bytes[opcode + 1] &= 0xc7; /* to RAX */
        if (mmio_decode(bytes, sizeof(bytes), MMIO_MODE_64, &i) || i.base == RSP)
            continue;
        randomize(&i);
        uint64_t offset = mmio_operand_offset(&i, native.reg, (uintptr_t)native_code + i.length);
        bytes[opcode] = 0x8d;
        execute(bytes, i.length);
        assert_int_equal(native.reg[0], offset);
    }
}

static int set_up(void **state) {
    (void)state;
    if (!__builtin_cpu_supports("avx2"))
        skip(); /* like movbe, which those with AVX2 have */
    native_code =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return native_code == MAP_FAILED;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_instruction_agrees_with_the_processor, set_up),
        cmocka_unit_test_setup(each_avx_instruction_agrees_with_the_processor, set_up),
        cmocka_unit_test_setup(the_operands_address_agrees_with_the_processor, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
