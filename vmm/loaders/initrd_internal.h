/* Shared by initrd.c, initrd_formats.c and deflate.c: bytes that are walked over. Pure. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* What has become of a part of the file. Once something is missing nothing more is looked at. */
enum initrd_walk {
    INITRD_ENDED,   /* it is whole, and `at` is behind it */
    INITRD_CUT_OFF, /* the file ends within it */
    INITRD_UNKNOWN, /* it is not what it seemed to be: the kernel shall judge */
};

struct initrd_reader {
    const uint8_t *file;
    uint64_t size, at; /* at <= size, always */
};

static inline uint64_t initrd_left(const struct initrd_reader *r) {
    return r->size - r->at;
}

/* Passes `count` bytes over, or says that there are not so many. */
static inline bool initrd_skip(struct initrd_reader *r, uint64_t count) {
    if (count > initrd_left(r))
        return false;
    r->at += count;
    return true;
}

/* The next `count` bytes (at most 8) as a number, the first one the lowest, and passes them over.
 */
static inline bool initrd_take(struct initrd_reader *r, unsigned count, uint64_t *value) {
    if (count > initrd_left(r))
        return false;
    *value = 0;
    for (unsigned i = 0; i < count; i++)
        *value |= (uint64_t)r->file[r->at + i] << 8 * i;
    r->at += count;
    return true;
}

/* Each walks over one such thing from `at` on, beginning with its magic number, which is there. */
enum initrd_walk initrd_walk_gzip(struct initrd_reader *r);
enum initrd_walk initrd_walk_zstd(struct initrd_reader *r);
enum initrd_walk initrd_walk_xz(struct initrd_reader *r);
enum initrd_walk initrd_walk_lz4(struct initrd_reader *r);

/* A DEFLATE stream (RFC 1951), to the byte behind its last bit. */
enum initrd_walk initrd_walk_deflate(struct initrd_reader *r);
