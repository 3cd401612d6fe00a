/* Guards vmm/emulate/mmio_decode.c: lengths, operands and refusals; and simple loads and stores. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/mmio_cases.h"
#include "vmm/emulate/mmio_operate.h"

#define CASE_COUNT (sizeof(mmio_cases) / sizeof(mmio_cases[0]))

/* From a copy in an allocation of its exact size, so that ASan detects a read past the end. */
static const char *decode_exact(const void *bytes, size_t count, enum mmio_mode mode,
                                struct mmio_instruction *out) {
    uint8_t *copy = malloc(count + (count == 0));
    const char *problem;

    memcpy(copy, bytes, count);
    problem = mmio_decode(copy, count, mode, out);
    free(copy);
    return problem;
}

static void assert_same(const struct mmio_case *each, const struct mmio_instruction *out) {
    const struct mmio_instruction *e = &each->expected;
    unsigned register_size = e->register_size != 0 ? e->register_size : e->size;

    if (out->length != each->length || out->store != e->store || out->size != e->size ||
        out->register_size != register_size || out->reg != e->reg ||
        out->high_byte != e->high_byte || out->sign_extend != e->sign_extend ||
        out->has_immediate != e->has_immediate ||
        (out->base != MMIO_IMMEDIATE && out->immediate != e->immediate) ||
        out->operation != e->operation || out->to_register != e->to_register ||
        out->string != e->string || out->repeat != e->repeat ||
        (e->string && out->segment != e->segment) ||
        (e->string && out->address_size != e->address_size) || out->write_only != e->write_only ||
        out->condition != e->condition || out->vex != e->vex || out->half != e->half ||
        out->merge != e->merge || out->source != e->source) {
        fail_msg("%s: decoded wrongly", each->text);
    }
}

static void every_form_decodes_as_the_assembler_encoded_it(void **state) {
    (void)state;
    for (unsigned i = 0; i < CASE_COUNT; i++) {
        const struct mmio_case *each = &mmio_cases[i];
        struct mmio_instruction out;
        const char *problem = decode_exact(each->bytes, each->length, each->mode, &out);

        if (problem) {
            fail_msg("%s: %s", each->text, problem);
        }
        assert_same(each, &out);
    }
}

static void an_instruction_that_is_cut_off_is_refused(void **state) {
    (void)state;
    for (unsigned i = 0; i < CASE_COUNT; i++) {
        const struct mmio_case *each = &mmio_cases[i];

        for (unsigned count = 0; count < each->length; count++) {
            struct mmio_instruction out;

            assert_string_equal(decode_exact(each->bytes, count, each->mode, &out),
                                "its last bytes are missing");
        }
    }
}

static void bytes_behind_the_instruction_are_ignored(void **state) {
    (void)state;
    for (unsigned i = 0; i < CASE_COUNT; i++) {
        const struct mmio_case *each = &mmio_cases[i];
        struct mmio_instruction out;
        uint8_t bytes[64];

        memset(bytes, 0xf0, sizeof(bytes));
        memcpy(bytes, each->bytes, each->length);
        assert_null(mmio_decode(bytes, sizeof(bytes), each->mode, &out));
        assert_same(each, &out);
    }
}

static void prefixes_without_effect_are_counted(void **state) {
    static const uint8_t segments[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0xf2, 0xf3};
    uint8_t bytes[] = {0, 0x8b, 0x03};
    struct mmio_instruction out;

    (void)state;
    for (unsigned i = 0; i < sizeof(segments); i++) {
        bytes[0] = segments[i];
        assert_null(decode_exact(bytes, sizeof(bytes), MMIO_MODE_32, &out));
        assert_int_equal(out.length, 3);
        assert_int_equal(out.size, 4);
    }
}

static void rex_counts_only_directly_before_the_opcode(void **state) {
    struct mmio_instruction out;

    (void)state;
    assert_null(decode_exact("\x48\x66\x8b\x03", 4, MMIO_MODE_64, &out));
    assert_int_equal(out.size, 2);
    assert_null(decode_exact("\x66\x48\x8b\x03", 4, MMIO_MODE_64, &out));
    assert_int_equal(out.size, 8);
    assert_null(decode_exact("\x44\x41\x8b\x03", 4, MMIO_MODE_64, &out));
    assert_int_equal(out.reg, 0);
    /* in 32-bit mode the byte is INC */
    assert_non_null(decode_exact("\x48\x8b\x03", 3, MMIO_MODE_32, &out));
}

static void refused(const void *bytes, size_t count, enum mmio_mode mode, const char *why) {
    struct mmio_instruction out;
    const char *problem = decode_exact(bytes, count, mode, &out);

    assert_non_null(problem);
    assert_non_null(strstr(problem, why));
}

static void other_instructions_are_refused_with_the_reason(void **state) {
    (void)state;
    refused("\x8b\xc3", 2, MMIO_MODE_64, "not memory");           /* mov eax, ebx */
    refused("\xc7\xc0\0\0\0\0", 6, MMIO_MODE_64, "not memory");   /* mov eax, 0 */
    refused("\xc7\x08\0\0\0\0", 6, MMIO_MODE_64, "not an instr"); /* C7 /1 */
    refused("\xf7\x30", 2, MMIO_MODE_64, "not an instr");         /* div dword [rax] */
    refused("\xff\x10", 2, MMIO_MODE_64, "not an instr");         /* call [rax] */
    refused("\xff\x38", 2, MMIO_MODE_64, "not an instr");         /* FF /7 */
    refused("\xfe\x10", 2, MMIO_MODE_64, "not an instr");         /* FE /2 */
    refused("\xfe\x30", 2, MMIO_MODE_64, "not an instr");         /* FE /6 */
    refused("\x8f\x08", 2, MMIO_MODE_64, "not an instr");         /* 8F /1 */
    refused("\x83\xc0\x01", 3, MMIO_MODE_64, "not memory");       /* add eax, 1 */
    refused("\x87\xc3", 2, MMIO_MODE_64, "not memory");           /* xchg ebx, eax */
    refused("\x0f\x28\xc1", 3, MMIO_MODE_64, "not memory");       /* movaps xmm0, xmm1 */
    refused("\xc5\xf8\x28\xc1", 4, MMIO_MODE_64, "not memory");   /* vmovaps xmm0, xmm1 */
    refused("\x82\x03\x01", 3, MMIO_MODE_64, "not an instr"); /* 82 is not defined in 64-bit mode */
    refused("\x0f\x6f\x00", 3, MMIO_MODE_64, "not an instr"); /* movq mm0, [rax] */
    refused("\x0f\xef\x00", 3, MMIO_MODE_64, "not an instr"); /* pxor mm0, [rax] */
    refused("\x63\x00", 2, MMIO_MODE_32, "not an instr");     /* arpl */
    refused("\x66\x63\x00", 3, MMIO_MODE_64, "not an instr"); /* movsxd ax, [rax] */
    refused("\x04\x01", 2, MMIO_MODE_64, "not an instr");     /* add al, 1 */
    refused("\x48\x0f\xc7\x08", 4, MMIO_MODE_64, "not an instr");         /* cmpxchg16b */
    refused("\x0f\x00\x18", 3, MMIO_MODE_64, "not an instr");             /* ltr */
    refused("\x0f\x01\x10", 3, MMIO_MODE_64, "not an instr");             /* lgdt */
    refused("\x0f\xba\x00\x01", 4, MMIO_MODE_64, "not an instr");         /* 0F BA /0 */
    refused("\x0f\xae\x00", 3, MMIO_MODE_64, "not an instr");             /* fxsave */
    refused("\xf3\x0f\xae\x38", 4, MMIO_MODE_64, "not an instr");         /* with F3 */
    refused("\xf2\x0f\x38\xf0\x00", 5, MMIO_MODE_64, "not an instr");     /* crc32 */
    refused("\x66\x0f\x3a\x16\x00\x01", 6, MMIO_MODE_64, "not an instr"); /* pextrd */
    refused("\xdd\x00", 2, MMIO_MODE_64, "not an instr");                 /* fld */
}

/* Bytes C4H and C5H are LES and LDS outside 64-bit mode, if a ModRM byte for memory follows. */
static void a_vex_prefix_is_told_from_what_looks_like_it(void **state) {
    (void)state;
    refused("\xc5\x08", 2, MMIO_MODE_32, "not an instr");             /* lds ecx, [eax] */
    refused("\xc4\x08", 2, MMIO_MODE_16, "not an instr");             /* les */
    refused("\x66\xc5\xf8\x28\x00", 5, MMIO_MODE_64, "not an instr"); /* prefixes that */
    refused("\xf3\xc5\xf8\x28\x00", 5, MMIO_MODE_64, "not an instr"); /* are #UD with it */
    refused("\xf0\xc5\xf8\x28\x00", 5, MMIO_MODE_64, "not an instr");
    refused("\x48\xc5\xf8\x28\x00", 5, MMIO_MODE_64, "not an instr");
    assert_string_equal(decode_exact("\xc4\xe1", 2, MMIO_MODE_64, &(struct mmio_instruction){0}),
                        mmio_bytes_missing);
    refused("\xc4\xe0\x78\x28\x00", 5, MMIO_MODE_64, "not an instr"); /* map 0 */
    refused("\xc4\xe3\x78\x28\x00", 5, MMIO_MODE_64, "not an instr"); /* map 3 */
    refused("\xc4\xe5\x78\x28\x00", 5, MMIO_MODE_64, "not an instr"); /* map 5 */
    refused("\xc5\xf8\xae\x38", 4, MMIO_MODE_64, "not an instr");     /* 0F AE /7 */
    refused("\xc5\xf8\xa3\x08", 4, MMIO_MODE_64, "not an instr");     /* 0F A3 */
    refused("\xc4\xe2\x78\xf0\x08", 5, MMIO_MODE_64, "not an instr"); /* 0F 38 F0 */
    refused("\xc5\xf8\x6f\x08", 4, MMIO_MODE_64, "not an instr");     /* no MMX */
}

/* SDM Vol. 2A, "Exceptions Type 1", "Exceptions Type 5". */
static void vex_bits_that_are_undefined_are_refused(void **state) {
    (void)state;
    refused("\xc5\xf0\x28\x08", 4, MMIO_MODE_64, "not an instr"); /* vmovaps: VEX.vvvv 1110 */
    refused("\xc5\xb8\x11\x08", 4, MMIO_MODE_64, "not an instr"); /* vmovups: 0111 */
    refused("\xc5\xf0\x13\x08", 4, MMIO_MODE_64, "not an instr"); /* vmovlps to memory */
    refused("\xc5\xfc\x12\x08", 4, MMIO_MODE_64, "not an instr"); /* vmovlps: VEX.L 1 */
    refused("\xc5\xfd\x17\x08", 4, MMIO_MODE_64, "not an instr"); /* vmovhpd */
    refused("\xc5\xfd\x6e\x08", 4, MMIO_MODE_64, "not an instr"); /* vmovd */
    refused("\xc5\xfe\x7e\x08", 4, MMIO_MODE_64, "not an instr"); /* vmovq */
    refused("\xc5\xfd\xd6\x08", 4, MMIO_MODE_64, "not an instr"); /* vmovq to memory */
    assert_null(decode_exact("\xc5\xfe\x10\x08", 4, MMIO_MODE_64, /* vmovss ignores VEX.L */
                             &(struct mmio_instruction){0}));
}

static void lock_is_refused_where_the_processor_refuses_it(void **state) {
    (void)state;
    refused("\xf0\x8b\x03", 3, MMIO_MODE_64, "LOCK");     /* load */
    refused("\xf0\x89\x03", 3, MMIO_MODE_64, "LOCK");     /* store */
    refused("\xf0\x39\x03", 3, MMIO_MODE_64, "LOCK");     /* cmp */
    refused("\xf0\x0b\x03", 3, MMIO_MODE_64, "LOCK");     /* or eax, [rbx] */
    refused("\xf0\xf6\x03\x01", 4, MMIO_MODE_64, "LOCK"); /* test */
    refused("\xf0\xab", 2, MMIO_MODE_64, "LOCK");         /* stosd */
    refused("\xf0\x0f\xa3\x03", 4, MMIO_MODE_64, "LOCK"); /* bt */
    refused("\xf0\xd1\x23", 3, MMIO_MODE_64, "LOCK");     /* shl */
    refused("\xf0\x0f\x94\x03", 4, MMIO_MODE_64, "LOCK"); /* sete */
    refused("\xf0\x8f\x03", 3, MMIO_MODE_64, "LOCK");     /* pop */
    refused("\xf0\x0f\x11\x03", 4, MMIO_MODE_64, "LOCK"); /* movups */
    refused("\xf0\x0f\x44\x03", 4, MMIO_MODE_64, "LOCK"); /* cmove */
}

static void more_than_15_bytes_are_refused(void **state) {
    uint8_t bytes[32];
    struct mmio_instruction out;

    (void)state;
    memset(bytes, 0x66, sizeof(bytes));
    refused(bytes, sizeof(bytes), MMIO_MODE_64, "15 bytes");
    memcpy(bytes + 13, "\x8b\x03", 2);
    assert_null(mmio_decode(bytes, sizeof(bytes), MMIO_MODE_64, &out));
    assert_int_equal(out.length, 15);
    memset(bytes, 0x66, sizeof(bytes));
    memcpy(bytes + 14, "\x8b\x03", 2);
    refused(bytes, sizeof(bytes), MMIO_MODE_64, "15 bytes");
}

/* Any bytes are refused or decode to an instruction that can be executed. */
static void random_bytes_decode_to_valid_instructions(void **state) {
    uint64_t random = 0x9e3779b97f4a7c15;

    (void)state;
    for (unsigned round = 0; round < 300000; round++) {
        uint8_t bytes[MMIO_INSTRUCTION_MAX];
        struct mmio_instruction out;
        uint64_t registers[16] = {0};

        for (unsigned i = 0; i < sizeof(bytes); i++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            bytes[i] = (uint8_t)random;
        }
        if (decode_exact(bytes, round % (sizeof(bytes) + 1), (enum mmio_mode)(round % 3), &out))
            continue;
        assert_in_range(out.length, out.string ? 1 : 2, round % (sizeof(bytes) + 1));
        assert_true(out.reg < 16 && (!out.high_byte || out.reg < 4));
        assert_true(out.operation <= MMIO_NOTHING && out.string <= MMIO_SCAS && out.segment < 6);
        assert_true(!out.string == (out.operation != MMIO_STRING));
        assert_true(!out.string || out.address_size >= 2);
        if (out.operation == MMIO_VECTOR) {
            assert_true(out.size >= 4 && out.size <= 32 && !(out.size & (out.size - 1)));
            assert_true(out.source < 16 && out.half < 2);
            continue;
        }
        assert_true(out.size == 1 || out.size == 2 || out.size == 4 || out.size == 8);
        assert_true(out.register_size >= out.size && out.register_size <= 8);
        mmio_load(&out, ~0ULL, registers);
        mmio_stored(&out, registers);
    }
}

static void load(const char *bytes, size_t count, uint64_t memory, uint64_t *registers) {
    struct mmio_instruction out;

    assert_null(decode_exact(bytes, count, MMIO_MODE_64, &out));
    assert_false(out.store);
    mmio_load(&out, memory, registers);
}

static uint64_t stored(const char *bytes, size_t count, const uint64_t *registers) {
    struct mmio_instruction out;

    assert_null(decode_exact(bytes, count, MMIO_MODE_64, &out));
    assert_true(out.store);
    return mmio_stored(&out, registers);
}

static void loads_change_only_their_part_of_the_register(void **state) {
    uint64_t r[16];
    const uint64_t old = 0x1122334455667788, memory = 0xfffffffff0e1d2c3;

    (void)state;
#define LOADS(bytes, result)                                                                       \
    do {                                                                                           \
        r[0] = old;                                                                                \
        load(bytes, sizeof(bytes) - 1, memory, r);                                                 \
        assert_true(r[0] == (result));                                                             \
    } while (0)
    LOADS("\x8a\x03", 0x11223344556677c3);     /* mov al */
    LOADS("\x8a\x23", 0x112233445566c388);     /* mov ah */
    LOADS("\x66\x8b\x03", 0x112233445566d2c3); /* mov ax */
    LOADS("\x8b\x03", 0xf0e1d2c3);             /* mov eax */
    LOADS("\x48\x8b\x03", memory);             /* mov rax */
    LOADS("\x0f\xb6\x03", 0xc3);               /* movzx eax, byte */
    LOADS("\x0f\xbe\x03", 0xffffffc3);         /* movsx eax, byte */
    LOADS("\x48\x0f\xbf\x03", 0xffffffffffffd2c3);
    LOADS("\x66\x0f\xbe\x03", 0x112233445566ffc3);
    LOADS("\x48\x63\x03", 0xfffffffff0e1d2c3); /* movsxd */
    LOADS("\x66\x0f\xb6\x03", 0x11223344556600c3);
}

static void stores_truncate_the_source_to_the_size(void **state) {
    uint64_t r[16] = {[3] = 0x1122334455667788, [12] = ~0ULL};

    (void)state;
    assert_true(stored("\x88\x1e", 2, r) == 0x88);
    assert_true(stored("\x88\x3e", 2, r) == 0x77);
    assert_true(stored("\x66\x89\x1e", 3, r) == 0x7788);
    assert_true(stored("\x89\x1e", 2, r) == 0x55667788);
    assert_true(stored("\x4c\x89\x26", 3, r) == ~0ULL);
    assert_true(stored("\xc7\x06\xff\xff\xff\xff", 6, r) == 0xffffffff);
    assert_true(stored("\x48\xc7\x06\xff\xff\xff\xff", 7, r) == ~0ULL);
    assert_true(stored("\xc6\x06\x80", 3, r) == 0x80);
}

/* Whatever the memo held before. */
static void the_memo_agrees_with_a_fresh_decoding(void **state) {
    struct mmio_memo memo = {0};
    uint64_t bytes[2] = {0};

    (void)state;
    assert_non_null(
        mmio_decode_again(&memo, bytes, 0, MMIO_MODE_16)); /* an empty memo does not hold zeros */
    for (unsigned i = 0; i < sizeof(mmio_cases) / sizeof(mmio_cases[0]); i++) {
        const struct mmio_case *c = &mmio_cases[i];
        memset(bytes, 0, sizeof(bytes));
        memcpy(bytes, c->bytes, c->length);
        for (unsigned again = 0; again < 2; again++) {
            struct mmio_instruction fresh;
            assert_null(mmio_decode((const uint8_t *)bytes, c->length, c->mode, &fresh));
            assert_null(mmio_decode_again(&memo, bytes, c->length, c->mode));
            assert_memory_equal(&memo.instruction, &fresh, sizeof(fresh));
        }
    }
}

static void the_memo_distinguishes_bytes_count_and_mode(void **state) {
    uint64_t store[2] = {0x0389}, load[2] = {0x038b}, other[2] = {0x0389, 1};
    struct mmio_memo memo = {0};

    (void)state;
    assert_null(mmio_decode_again(&memo, store, 16, MMIO_MODE_64));
    assert_true(memo.instruction.store && memo.instruction.size == 4);
    assert_null(mmio_decode_again(&memo, load, 16, MMIO_MODE_64));
    assert_false(memo.instruction.store);
    assert_null(mmio_decode_again(&memo, load, 16, MMIO_MODE_16));
    assert_int_equal(memo.instruction.size, 2);
    memo.instruction.length = 99; /* a mark: decoding again would change it */
    assert_null(mmio_decode_again(&memo, load, 16, MMIO_MODE_16));
    assert_int_equal(memo.instruction.length, 99);
    assert_null(mmio_decode_again(&memo, other, 16, MMIO_MODE_16));
    assert_int_equal(memo.instruction.length, 2);
    assert_non_null(mmio_decode_again(&memo, other, 1, MMIO_MODE_16));
    assert_non_null(mmio_decode_again(&memo, other, 1, MMIO_MODE_16)); /* refusals are not kept */
}

/* Among all counts and modes. With equal bytes, only the key tells the memo what they mean. */
static void no_two_keys_of_the_memo_meet(void **state) {
    uint64_t zeros[2] = {0};
    struct mmio_memo memo = {0};

    (void)state;
    /* 16 bytes of zeros are `add [bx+si], al` in 16-bit code; no bytes are no instruction */
    assert_null(mmio_decode_again(&memo, zeros, 16, MMIO_MODE_16));
    assert_non_null(mmio_decode_again(&memo, zeros, 0, MMIO_MODE_32));
    for (unsigned a = 0; a < 3 * 17; a++) {
        for (unsigned b = 0; b < a; b++)
            assert_int_not_equal(MMIO_MEMO_KEY(a % 17, a / 17), MMIO_MEMO_KEY(b % 17, b / 17));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_decodes_as_the_assembler_encoded_it),
        cmocka_unit_test(an_instruction_that_is_cut_off_is_refused),
        cmocka_unit_test(bytes_behind_the_instruction_are_ignored),
        cmocka_unit_test(prefixes_without_effect_are_counted),
        cmocka_unit_test(rex_counts_only_directly_before_the_opcode),
        cmocka_unit_test(other_instructions_are_refused_with_the_reason),
        cmocka_unit_test(a_vex_prefix_is_told_from_what_looks_like_it),
        cmocka_unit_test(vex_bits_that_are_undefined_are_refused),
        cmocka_unit_test(lock_is_refused_where_the_processor_refuses_it),
        cmocka_unit_test(more_than_15_bytes_are_refused),
        cmocka_unit_test(random_bytes_decode_to_valid_instructions),
        cmocka_unit_test(loads_change_only_their_part_of_the_register),
        cmocka_unit_test(stores_truncate_the_source_to_the_size),
        cmocka_unit_test(the_memo_agrees_with_a_fresh_decoding),
        cmocka_unit_test(the_memo_distinguishes_bytes_count_and_mode),
        cmocka_unit_test(no_two_keys_of_the_memo_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
