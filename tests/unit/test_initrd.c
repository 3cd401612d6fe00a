/* Guards vmm/loaders/initrd.c, initrd_formats.c and initrd_deflate.c: files made by cpio, gzip,
 * zstd, xz and lz4 are complete, and every shorter length of them is cut off. */
#define _POSIX_C_SOURCE 200809L /* popen */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/loaders/initrd.h"

#define OUTPUT_MAX (1u << 20)

struct bytes {
    uint8_t *at;
    size_t size;
};

/* A copy in an allocation of its exact size, so that ASan detects a read past its end. */
static struct bytes copy(const uint8_t *at, size_t size) {
    struct bytes result = {malloc(size ? size : 1), size};

    if (!result.at)
        abort();
    memcpy(result.at, at, size);
    return result;
}

/* The output of a shell command. */
static struct bytes output_of(const char *command) {
    static uint8_t out[OUTPUT_MAX];
    FILE *pipe = popen(command, "r");

    assert_non_null(pipe);
    size_t size = fread(out, 1, sizeof(out), pipe);
    if (pclose(pipe) != 0 || size == 0 || size == sizeof(out))
        fail_msg("%s: failed", command);
    return copy(out, size);
}

static struct bytes joined(struct bytes a, struct bytes b) {
    struct bytes result = {malloc(a.size + b.size), a.size + b.size};

    if (!result.at)
        abort();
    memcpy(result.at, a.at, a.size);
    memcpy(result.at + a.size, b.at, b.size);
    return result;
}

static struct initrd_finding check(const uint8_t *at, size_t size) {
    struct bytes exact = copy(at, size);
    struct initrd_finding found = initrd_check(exact.at, size);

    free(exact.at);
    assert_true(found.start <= size && found.unknown <= size);
    return found;
}

static void is_whole(const uint8_t *at, size_t size) {
    struct initrd_finding found = check(at, size);

    if (found.cut_off)
        fail_msg("%zu bytes are said to end within %s", size, found.cut_off);
    assert_int_equal(found.unknown, size);
}

static void is_cut_off(const uint8_t *at, size_t size, const char *within, uint64_t start) {
    struct initrd_finding found = check(at, size);

    if (!found.cut_off)
        fail_msg("%zu bytes of %s are said to be whole", size, within);
    assert_string_equal(found.cut_off, within);
    assert_int_equal(found.start, start);
}

/* The end is found to the byte: the unknown part begins directly behind it. */
static void ends_exactly(struct bytes file) {
    struct bytes more = joined(file, (struct bytes){(uint8_t *)(uintptr_t) "Z", 1});

    assert_int_equal(check(more.at, more.size).unknown, file.size);
    free(more.at);
}

#define TREE     "d=$(mktemp -d) && cd $d && seq 1 300 >a && ln -s a b && mkdir c && : >c/empty && "
#define ARCHIVE  "find . | cpio --quiet -o -H newc"
#define PACK(by) "{ " TREE ARCHIVE " && cd / && rm -r $d; } | " by

/* The whole file is complete; all shorter lengths from 1, in steps, are cut off. */
static void every_length(const char *command, const char *within, size_t step) {
    struct bytes file = output_of(command);

    is_whole(file.at, file.size);
    ends_exactly(file);
    for (size_t size = 1; size < file.size; size += step)
        is_cut_off(file.at, size, within, 0);
    is_cut_off(file.at, file.size - 1, within, 0);
    free(file.at);
}

static void cpio_archives_end_at_their_trailer(void **state) {
    static const char trailer[] = "TRAILER!!!";
    struct bytes file = output_of(PACK("cat"));
    size_t end = file.size;

    (void)state;
    while (end >= sizeof(trailer) &&
           memcmp(file.at + end - sizeof(trailer), trailer, sizeof(trailer)) != 0)
        end--;
    assert_true(end > 1000);
    for (size_t size = 1; size < end; size++)
        is_cut_off(file.at, size, "a cpio archive", 0);
    for (size_t size = end; size <= file.size; size++) /* zeros up to 512 bytes */
        is_whole(file.at, size);
    free(file.at);
}

static void gzip_files_end_exactly(void **state) {
    (void)state;
    every_length(PACK("gzip -9n"), "a gzip file", 1);
    every_length(PACK("gzip -1n"), "a gzip file", 1);
    every_length("printf a | gzip -n", "a gzip file", 1);                   /* a fixed code */
    every_length("head -c 3000 /dev/urandom | gzip -n", "a gzip file", 1);  /* stored */
    every_length("head -c 200000 /bin/bash | gzip -n", "a gzip file", 997); /* long codes */
    every_length("seq 1 99 | head -c 200000 /bin/bash /dev/stdin | gzip -9n", "a gzip file", 997);
}

static void gzip_headers_have_optional_fields(void **state) {
    static const uint8_t optional[] = {0x1f, 0x8b, 8,   0x1e, 0,   0, 0,   0, 0,    3,   2,
                                       0,    'x',  'y', 'n',  'a', 0, 'c', 0, 0x12, 0x34};
    struct bytes plain = output_of("printf a | gzip -n");
    struct bytes head = copy(optional, sizeof(optional));
    struct bytes file = joined(head, (struct bytes){plain.at + 10, plain.size - 10});

    (void)state;
    is_whole(file.at, file.size);
    ends_exactly(file);
    for (size_t size = 1; size < file.size; size++)
        is_cut_off(file.at, size, "a gzip file", 0);
    file.at[3] |= 0x20; /* a reserved flag */
    assert_int_equal(check(file.at, file.size).unknown, 0);
    free(plain.at);
    free(head.at);
    free(file.at);
}

static void zstd_frames_end_exactly(void **state) {
    (void)state;
    every_length(PACK("zstd -q -19 -c"), "a zstd frame", 1);
    every_length(PACK("zstd -q --no-check -c"), "a zstd frame", 1);
    every_length("d=$(mktemp -d); seq 1 3000 >$d/f && zstd -q -c $d/f; rm -r $d", "a zstd frame",
                 1);
    every_length("head -c 300000 /dev/zero | zstd -q -c", "a zstd frame", 1);
    every_length("head -c 300000 /dev/urandom | zstd -q -c", "a zstd frame", 4999);
}

/* Each combination of the optional fields of a frame header, followed by one empty block. */
static void zstd_headers_have_optional_fields(void **state) {
    static const uint8_t content[] = {0, 2, 4, 8}, dictionary[] = {0, 1, 2, 4};
    uint8_t file[32] = {0x28, 0xb5, 0x2f, 0xfd};

    (void)state;
    for (unsigned i = 0; i < 32; i++) {
        bool single = i & 1;
        unsigned has_content = i >> 1 & 3, has_dictionary = i >> 3, size = 5;

        file[4] = (uint8_t)(has_content << 6 | single << 5 | has_dictionary);
        size += content[has_content] + dictionary[has_dictionary];
        size +=
            single ? has_content == 0 : 1; /* a content size of 1 byte, or the window descriptor */
        memset(file + 5, 0xee, sizeof(file) - 5);
        memcpy(file + size, (const uint8_t[]){1, 0, 0}, 3);
        size += 3;
        is_whole(file, size);
        ends_exactly((struct bytes){file, size});
        is_cut_off(file, size - 1, "a zstd frame", 0);
    }
}

static void xz_streams_end_exactly(void **state) {
    (void)state;
    every_length(PACK("xz -9 -c"), "an xz stream", 1);
    every_length(PACK("xz --check=crc32 --block-size=1000 -c"), "an xz stream", 1);
    every_length(PACK("xz --check=sha256 --x86 --lzma2=dict=1MiB -c"), "an xz stream", 1);
    every_length("seq 1 9000 | xz --check=none -T2 --block-size=9000 -c", "an xz stream", 1);
    every_length("head -c 200000 /dev/urandom | xz -0 -c", "an xz stream", 997);
}

/* The format has no end mark: only a file that ends within a block is cut off. */
static void lz4_files_are_cut_off_within_a_block(void **state) {
    struct bytes file = output_of(PACK("lz4 -q -l -c"));

    (void)state;
    is_whole(file.at, file.size);
    is_whole(file.at, 4);
    for (size_t size = 1; size < file.size; size++) {
        if (size != 4)
            is_cut_off(file.at, size, "an lz4 file", 0);
    }
    free(file.at);
}

static void parts_in_sequence_are_all_checked(void **state) {
    static const uint8_t zeros[1024];
    struct bytes archive = output_of(PACK("cat")), packed = output_of(PACK("gzip -9n"));
    struct bytes padded = joined(archive, (struct bytes){(uint8_t *)(uintptr_t)zeros, 1024});
    struct bytes both = joined(padded, packed), all = joined(both, padded);

    (void)state;
    is_whole(both.at, both.size);
    for (size_t size = padded.size + 1; size < both.size; size++)
        is_cut_off(both.at, size, "a gzip file", padded.size);
    if (both.size % 4) /* Linux does not accept an archive there */
        assert_int_equal(check(all.at, all.size).unknown, both.size);
    struct bytes fill = joined(both, (struct bytes){(uint8_t *)(uintptr_t)zeros, -both.size & 3});
    struct bytes three = joined(fill, padded);
    is_whole(three.at, three.size);
    is_cut_off(three.at, fill.size + 200, "a cpio archive", fill.size);
    free(archive.at);
    free(packed.at);
    free(padded.at);
    free(both.at);
    free(all.at);
    free(fill.at);
    free(three.at);
}

static void unknown_formats_are_left_to_the_kernel(void **state) {
    static const char *const others[] = {"BZh91AY", "words", "]\0\0\0", "#BOOTCONFIG\n"};
    struct bytes archive = output_of(PACK("cat"));

    (void)state;
    is_whole(archive.at, 0);
    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct bytes other = {(uint8_t *)(uintptr_t)others[i], 4};
        struct bytes both = joined(archive, other);
        struct initrd_finding found = check(other.at, other.size);
        assert_null(found.cut_off);
        assert_int_equal(found.unknown, 0);
        found = check(both.at, both.size);
        assert_null(found.cut_off);
        assert_int_equal(found.unknown, archive.size);
        free(both.at);
    }
    archive.at[54] = 'g'; /* not a digit */
    assert_int_equal(check(archive.at, archive.size).unknown, 0);
    free(archive.at);
}

/* Changes each byte in several ways, in the whole file and in its first half: the check must end,
 * without an error of the sanitizers. */
static void damaged(const char *command) {
    static const uint8_t change[] = {0x01, 0x10, 0x80, 0xff};
    struct bytes file = output_of(command);

    for (size_t i = 0; i < file.size * sizeof(change); i++) {
        uint8_t *byte = &file.at[i / sizeof(change)], before = *byte;
        *byte ^= change[i % sizeof(change)];
        check(file.at, file.size);
        check(file.at, file.size / 2);
        *byte = before;
    }
    free(file.at);
}

static void damaged_files_do_no_harm(void **state) {
    (void)state;
    damaged(PACK("cat"));
    damaged(PACK("gzip -9n"));
    damaged("head -c 600 /bin/bash | gzip -9n");
    damaged(PACK("zstd -q -c"));
    damaged(PACK("xz --block-size=1000 -c"));
    damaged(PACK("lz4 -q -l -c"));
}

/* Appends the lowest `count` bits of `value` to a DEFLATE stream. */
static void put_bits(uint8_t *file, size_t *at, uint32_t value, unsigned count) {
    for (; count; count--, value >>= 1, ++*at)
        file[*at / 8] |= (uint8_t)((value & 1) << *at % 8);
}

#define HOSTILE_SIZE (64u << 10)

static const uint8_t gzip_header[10] = {0x1f, 0x8b, 8};

/* Each block of 10 bits has the fixed codes and no symbol but the end of the block. */
static size_t empty_fixed_blocks(uint8_t *file) {
    size_t at = sizeof(gzip_header) * 8;

    memcpy(file, gzip_header, sizeof(gzip_header));
    while (at + 10 <= HOSTILE_SIZE * 8)
        put_bits(file, &at, 2, 10);
    return at;
}

/* Each block of 73 bits describes codes for the end of the block and one distance only. */
static size_t empty_dynamic_blocks(uint8_t *file) {
    size_t at = sizeof(gzip_header) * 8;

    memcpy(file, gzip_header, sizeof(gzip_header));
    while (at + 80 <= HOSTILE_SIZE * 8) {
        put_bits(file, &at, 4, 3);         /* not the last, dynamic */
        put_bits(file, &at, 14 << 10, 14); /* 257 literals, 1 distance, 18 code lengths */
        for (unsigned i = 0; i < 18; i++)  /* 18 and 1 have a code of one bit: 0 is 1, 1 is 18 */
            put_bits(file, &at, i == 2 || i == 17, 3);
        put_bits(file, &at, 1 | 127 << 1, 8); /* 138 zeros */
        put_bits(file, &at, 1 | 107 << 1, 8); /* 118 zeros: up to symbol 255 */
        put_bits(file, &at, 0, 2);            /* the end of the block and the distance: one bit */
        put_bits(file, &at, 0, 1);            /* the end of the block */
    }
    return at;
}

/* A gzip file in 20 bytes: one empty block with the fixed codes. */
static size_t empty_files(uint8_t *file) {
    static const uint8_t gzip[20] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, 3};
    size_t at = 0;

    for (; at + sizeof(gzip) <= HOSTILE_SIZE; at += sizeof(gzip))
        memcpy(file + at, gzip, sizeof(gzip));
    return at * 8;
}

/* Building a code takes a few thousand instructions: not for each byte of a hostile file. */
static void the_check_builds_codes_in_proportion_to_the_file(void **state) {
    static size_t (*const write[])(uint8_t *) = {empty_fixed_blocks, empty_dynamic_blocks,
                                                 empty_files};
    static uint8_t file[HOSTILE_SIZE];

    (void)state;
    for (unsigned i = 0; i < sizeof(write) / sizeof(write[0]); i++) {
        memset(file, 0, sizeof(file));
        size_t size = write[i](file) / 8;
        struct initrd_finding found = check(file, size);
        /* The fixed codes of the first file are built once; the others reach the limit. */
        uint64_t least = i == 0 ? 2 : INITRD_CODES_MAX(0);
        assert_in_range(found.codes, least, i == 0 ? 2 : INITRD_CODES_MAX(size) / 4);
    }
}

/* Files that compressors write stay far below the limit. */
static void real_files_are_checked_to_their_end(void **state) {
    static const char *const commands[] = {
        PACK("gzip -9n"), "head -c 400000 /bin/bash | gzip -1n", "seq 1 200000 | gzip -9n",
        "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do printf $i | gzip -n; done"};

    (void)state;
    for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        struct bytes file = output_of(commands[i]);
        struct initrd_finding found = check(file.at, file.size);
        assert_int_equal(found.unknown, file.size);
        assert_in_range(found.codes, 2, INITRD_CODES_MAX(file.size) / 2);
        free(file.at);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpio_archives_end_at_their_trailer),
        cmocka_unit_test(gzip_files_end_exactly),
        cmocka_unit_test(gzip_headers_have_optional_fields),
        cmocka_unit_test(zstd_frames_end_exactly),
        cmocka_unit_test(zstd_headers_have_optional_fields),
        cmocka_unit_test(xz_streams_end_exactly),
        cmocka_unit_test(lz4_files_are_cut_off_within_a_block),
        cmocka_unit_test(parts_in_sequence_are_all_checked),
        cmocka_unit_test(unknown_formats_are_left_to_the_kernel),
        cmocka_unit_test(damaged_files_do_no_harm),
        cmocka_unit_test(the_check_builds_codes_in_proportion_to_the_file),
        cmocka_unit_test(real_files_are_checked_to_their_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
