/* Finding the end of compressed files: see vmm/loaders/initrd.h. gzip: RFC 1952. zstd: RFC 8878.
 * xz: "The .xz File Format" 1.1.0, with LZMA2 chunks. lz4: LZ4 Frame Format, "Legacy frame". */
#include "vmm/loaders/initrd_internal.h"

/* ---- gzip: a header with optional parts, DEFLATE, CRC-32 and size ---- */

#define GZIP_HEADER     10u
#define GZIP_FLAGS      3u
#define GZIP_HEADER_CRC 0x02u
#define GZIP_EXTRA      0x04u
#define GZIP_NAME       0x08u
#define GZIP_COMMENT    0x10u
#define GZIP_RESERVED   0xe0u
#define GZIP_TRAILER    8u

static bool skip_text(struct initrd_reader *r) {
    while (r->at < r->size && r->file[r->at] != 0)
        r->at++;
    return initrd_skip(r, 1);
}

enum initrd_walk initrd_walk_gzip(struct initrd_reader *r) {
    uint64_t flags, extra;

    if (!initrd_skip(r, GZIP_FLAGS) || !initrd_take(r, 1, &flags) ||
        !initrd_skip(r, GZIP_HEADER - GZIP_FLAGS - 1))
        return INITRD_CUT_OFF;
    if (flags & GZIP_RESERVED)
        return INITRD_UNKNOWN;
    if (flags & GZIP_EXTRA && (!initrd_take(r, 2, &extra) || !initrd_skip(r, extra)))
        return INITRD_CUT_OFF;
    if (flags & GZIP_NAME && !skip_text(r))
        return INITRD_CUT_OFF;
    if (flags & GZIP_COMMENT && !skip_text(r))
        return INITRD_CUT_OFF;
    if (flags & GZIP_HEADER_CRC && !initrd_skip(r, 2))
        return INITRD_CUT_OFF;
    enum initrd_walk result = initrd_walk_deflate(r);
    if (result == INITRD_ENDED && !initrd_skip(r, GZIP_TRAILER))
        return INITRD_CUT_OFF;
    return result;
}

/* ---- zstd: a frame header, blocks with their sizes, an optional checksum ---- */

#define ZSTD_MAGIC_SIZE     4u
#define ZSTD_SINGLE_SEGMENT 0x20u
#define ZSTD_RESERVED       0x08u
#define ZSTD_CHECKSUM       0x04u
#define ZSTD_BLOCK_LAST     1u
#define ZSTD_BLOCK_RLE      1u
#define ZSTD_BLOCK_RESERVED 3u

/* The size of the fields between the descriptor and the first block. */
static unsigned zstd_header_rest(unsigned descriptor) {
    static const uint8_t dictionary[] = {0, 1, 2, 4}, content[] = {0, 2, 4, 8};
    bool single = (descriptor & ZSTD_SINGLE_SEGMENT) != 0;
    unsigned size = content[descriptor >> 6 & 3];

    if (single && size == 0)
        size = 1;
    return size + dictionary[descriptor & 3] + !single;
}

enum initrd_walk initrd_walk_zstd(struct initrd_reader *r) {
    uint64_t descriptor, block;

    r->at += ZSTD_MAGIC_SIZE;
    if (!initrd_take(r, 1, &descriptor))
        return INITRD_CUT_OFF;
    if (descriptor & ZSTD_RESERVED)
        return INITRD_UNKNOWN;
    if (!initrd_skip(r, zstd_header_rest((unsigned)descriptor)))
        return INITRD_CUT_OFF;
    do { /* each block has at least its header of 3 bytes */
        if (!initrd_take(r, 3, &block))
            return INITRD_CUT_OFF;
        unsigned type = block >> 1 & 3;
        if (type == ZSTD_BLOCK_RESERVED)
            return INITRD_UNKNOWN;
        if (!initrd_skip(r, type == ZSTD_BLOCK_RLE ? 1 : block >> 3))
            return INITRD_CUT_OFF;
    } while (!(block & ZSTD_BLOCK_LAST));
    return !(descriptor & ZSTD_CHECKSUM) || initrd_skip(r, 4) ? INITRD_ENDED : INITRD_CUT_OFF;
}

/* ---- xz: a stream header, blocks of LZMA2 chunks, an index of the blocks, a footer ---- */

#define XZ_HEADER        12u
#define XZ_CHECK_TYPE    7u
#define XZ_FOOTER        12u
#define XZ_INTEGER_BYTES 9u
#define LZMA2_END        0x00u
#define LZMA2_COPY_LAST  0x02u /* 1 and 2: an uncompressed chunk */
#define LZMA2_COMPRESSED 0x80u
#define LZMA2_PROPERTIES 0xc0u /* from here on the chunk has a properties byte */

/* A number of variable length, 7 bits a byte, the lowest first. */
static enum initrd_walk take_integer(struct initrd_reader *r, uint64_t *value) {
    uint64_t byte = 0x80;

    *value = 0;
    for (unsigned i = 0; byte & 0x80; i++) {
        if (i == XZ_INTEGER_BYTES)
            return INITRD_UNKNOWN;
        if (!initrd_take(r, 1, &byte))
            return INITRD_CUT_OFF;
        *value |= (byte & 0x7f) << 7 * i;
    }
    return INITRD_ENDED;
}

static enum initrd_walk walk_lzma2(struct initrd_reader *r) {
    uint64_t control, size;

    for (;;) { /* each chunk has at least its control byte */
        if (!initrd_take(r, 1, &control))
            return INITRD_CUT_OFF;
        if (control == LZMA2_END)
            return INITRD_ENDED;
        if (control > LZMA2_COPY_LAST && control < LZMA2_COMPRESSED)
            return INITRD_UNKNOWN;
        if (control >= LZMA2_COMPRESSED && !initrd_skip(r, 2)) /* the unpacked size */
            return INITRD_CUT_OFF;
        if (!initrd_take(r, 2, &size))
            return INITRD_CUT_OFF;
        size = (size >> 8 | (size & 0xff) << 8) + 1; /* it is big-endian */
        if (!initrd_skip(r, size + (control >= LZMA2_PROPERTIES)))
            return INITRD_CUT_OFF;
    }
}

/* Blocks and the index are padded to a multiple of 4 bytes. */
static bool xz_fill(struct initrd_reader *r, uint64_t start) {
    return initrd_skip(r, (start - r->at) & 3);
}

/* The size of a block's check: 0 for type 0, then three types each of 4, 8, 16... bytes. */
static unsigned xz_check_size(uint64_t type) {
    return type == 0 ? 0 : 4u << (type - 1) / 3;
}

static enum initrd_walk walk_xz_block(struct initrd_reader *r, unsigned check_size) {
    uint64_t start = r->at;

    if (!initrd_skip(r, (r->file[r->at] + 1u) * 4)) /* the block header */
        return INITRD_CUT_OFF;
    enum initrd_walk result = walk_lzma2(r);
    if (result == INITRD_ENDED && (!xz_fill(r, start) || !initrd_skip(r, check_size)))
        return INITRD_CUT_OFF;
    return result;
}

static enum initrd_walk walk_xz_index(struct initrd_reader *r) {
    uint64_t start = r->at++, records, value;
    enum initrd_walk result = take_integer(r, &records);

    /* Each record has at least two bytes: the file ends before a wrong number does. The number has
     * at most 63 bits. */
    for (records *= 2; result == INITRD_ENDED && records != 0; records--)
        result = take_integer(r, &value);
    if (result == INITRD_ENDED && (!xz_fill(r, start) || !initrd_skip(r, 4)))
        return INITRD_CUT_OFF;
    return result;
}

enum initrd_walk initrd_walk_xz(struct initrd_reader *r) {
    enum initrd_walk result = INITRD_ENDED;
    uint64_t check;

    if (!initrd_skip(r, XZ_CHECK_TYPE) || !initrd_take(r, 1, &check) ||
        !initrd_skip(r, XZ_HEADER - XZ_CHECK_TYPE - 1))
        return INITRD_CUT_OFF;
    unsigned check_size = xz_check_size(check & 0xf);
    /* Each block has at least its header of 8 bytes. */
    while (result == INITRD_ENDED && r->at < r->size && r->file[r->at] != 0)
        result = walk_xz_block(r, check_size);
    if (result != INITRD_ENDED)
        return result;
    if (initrd_left(r) == 0)
        return INITRD_CUT_OFF;
    result = walk_xz_index(r);
    return result == INITRD_ENDED && !initrd_skip(r, XZ_FOOTER) ? INITRD_CUT_OFF : result;
}

/* ---- lz4, legacy frame: blocks with their sizes, up to the end of the file ---- */

#define LZ4_MAGIC_SIZE 4u
#define LZ4_MAGIC      0x184c2102u
#define LZ4_BLOCK      (8u << 20) /* unpacked */
#define LZ4_BLOCK_MAX  (LZ4_BLOCK + LZ4_BLOCK / 255 + 16)

static bool all_zero(const struct initrd_reader *r) {
    uint64_t at = r->at;

    while (at < r->size && r->file[at] == 0)
        at++;
    return at == r->size;
}

/* The format has no end mark, so a file that is cut off between two blocks is taken as complete.
 * Zeros may follow. */
enum initrd_walk initrd_walk_lz4(struct initrd_reader *r) {
    uint64_t size;

    r->at += LZ4_MAGIC_SIZE;
    for (;;) { /* each block has at least its size of 4 bytes */
        if (!initrd_take(r, 4, &size))
            return all_zero(r) ? INITRD_ENDED : INITRD_CUT_OFF;
        if (size == LZ4_MAGIC)
            continue;
        if (size == 0 || size > LZ4_BLOCK_MAX) {
            r->at -= 4;
            return INITRD_ENDED;
        }
        if (!initrd_skip(r, size))
            return INITRD_CUT_OFF;
    }
}
