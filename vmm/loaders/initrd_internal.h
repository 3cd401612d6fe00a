/* Shared by initrd.c, initrd_formats.c and initrd_deflate.c: reading the bytes of the file. Pure.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* What a walk over one part of the file found. */
enum initrd_walk {
    INITRD_ENDED,   /* it is complete, and `at` is behind it */
    INITRD_CUT_OFF, /* the file ends within it */
    INITRD_UNKNOWN, /* not in this format: left to the kernel */
};

struct initrd_reader {
    const uint8_t *file;
    uint64_t size, at; /* at <= size */
    uint64_t codes;    /* Huffman codes built so far, in all parts */
};

static inline uint64_t initrd_left(const struct initrd_reader *r) {
    return r->size - r->at;
}

/* Skips `count` bytes; false if fewer are left. */
static inline bool initrd_skip(struct initrd_reader *r, uint64_t count) {
    if (count > initrd_left(r))
        return false;
    r->at += count;
    return true;
}

/* Reads the next `count` bytes (at most 8) as a little-endian number; false if fewer are left. */
static inline bool initrd_take(struct initrd_reader *r, unsigned count, uint64_t *value) {
    uint64_t at = r->at;

    *value = 0;
    for (unsigned i = 0; i < count; i++, at++) {
        if (at >= r->size)
            return false;
        *value |= (uint64_t)r->file[at] << 8 * i;
    }
    r->at = at;
    return true;
}

/* Each walks over one file of its format, from its magic number at `at`, which is complete. */
enum initrd_walk initrd_walk_gzip(struct initrd_reader *r);
enum initrd_walk initrd_walk_zstd(struct initrd_reader *r);
enum initrd_walk initrd_walk_xz(struct initrd_reader *r);
enum initrd_walk initrd_walk_lz4(struct initrd_reader *r);

/* Walks over a DEFLATE stream (RFC 1951), to the byte behind its last bit. */
enum initrd_walk initrd_walk_deflate(struct initrd_reader *r);
