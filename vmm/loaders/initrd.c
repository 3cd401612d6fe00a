/* The parts of an initial RAM disk, and cpio archives: see vmm/loaders/initrd.h. */
#include "vmm/loaders/initrd.h"

#include <stddef.h>

#include "vmm/loaders/initrd_internal.h"

/* cpio, "newc" format: a header of hexadecimal digits, the name and the contents, the last two each
 * padded to a multiple of 4. */
#define CPIO_HEADER    110u
#define CPIO_FILE_SIZE 54u
#define CPIO_NAME_SIZE 94u
#define CPIO_DIGITS    8u

static bool starts_with(const struct initrd_reader *r, const void *bytes, uint64_t count) {
    uint64_t at = r->at;

    for (uint64_t i = 0; i < count; i++, at++) {
        if (at >= r->size || r->file[at] != ((const uint8_t *)bytes)[i])
            return false;
    }
    return true;
}

/* Eight hexadecimal digits of the header at `at`, which is complete. False: not a digit. */
static bool header_number(const struct initrd_reader *r, unsigned offset, uint64_t *value) {
    uint64_t at = r->at + offset, end = at + CPIO_DIGITS;

    *value = 0;
    for (; at < end && at < r->size; at++) {
        unsigned digit = r->file[at];
        if (digit >= '0' && digit <= '9')
            digit -= '0';
        else if ((digit | 0x20) >= 'a' && (digit | 0x20) <= 'f')
            digit = (digit | 0x20) - 'a' + 10;
        else
            return false;
        *value = *value << 4 | digit;
    }
    return true;
}

static bool skip_to_alignment(struct initrd_reader *r) {
    return initrd_skip(r, -r->at & 3);
}

/* One file of an archive. The last one is named TRAILER!!!; its padding may be missing. */
static enum initrd_walk walk_file(struct initrd_reader *r, bool *last) {
    static const char trailer[] = "TRAILER!!!";
    uint64_t contents, name;

    if (initrd_left(r) < CPIO_HEADER)
        return INITRD_CUT_OFF;
    if (!starts_with(r, "070701", 6) && !starts_with(r, "070702", 6))
        return INITRD_UNKNOWN;
    if (!header_number(r, CPIO_FILE_SIZE, &contents) || !header_number(r, CPIO_NAME_SIZE, &name))
        return INITRD_UNKNOWN;
    r->at += CPIO_HEADER;
    *last = name == sizeof(trailer) && starts_with(r, trailer, sizeof(trailer));
    if (!initrd_skip(r, name))
        return INITRD_CUT_OFF;
    if (*last && contents == 0)
        return INITRD_ENDED;
    return skip_to_alignment(r) && initrd_skip(r, contents) && skip_to_alignment(r)
               ? INITRD_ENDED
               : INITRD_CUT_OFF;
}

static enum initrd_walk walk_cpio(struct initrd_reader *r) {
    enum initrd_walk result = INITRD_UNKNOWN;
    bool last = false;

    if (r->at & 3)
        return result;
    do /* each file has at least its header */
        result = walk_file(r, &last);
    while (result == INITRD_ENDED && !last);
    return result;
}

static const struct {
    uint8_t magic[6], magic_size;
    enum initrd_walk (*walk)(struct initrd_reader *);
    const char *name;
} formats[] = {
    {"070701", 6, walk_cpio, "a cpio archive"},
    {"070702", 6, walk_cpio, "a cpio archive"},
    {{0x1f, 0x8b, 8}, 3, initrd_walk_gzip, "a gzip file"},
    {{0x28, 0xb5, 0x2f, 0xfd}, 4, initrd_walk_zstd, "a zstd frame"},
    {{0xfd, '7', 'z', 'X', 'Z', 0}, 6, initrd_walk_xz, "an xz stream"},
    {{0x02, 0x21, 0x4c, 0x18}, 4, initrd_walk_lz4, "an lz4 file"},
};
#define FORMATS (sizeof(formats) / sizeof(formats[0]))

/* The format of the part at `at`, by its magic number, or by the beginning of that if the file ends
 * within it. FORMATS: unknown. */
static unsigned format_at(const struct initrd_reader *r) {
    unsigned i = 0;

    for (; i < FORMATS; i++) {
        uint64_t size = formats[i].magic_size, left = initrd_left(r);
        if (starts_with(r, formats[i].magic, size < left ? size : left))
            break;
    }
    return i;
}

struct initrd_finding initrd_check(const uint8_t *file, uint64_t size) {
    struct initrd_reader r = {.file = file, .size = size};

    for (;;) { /* each part has at least the bytes of its magic number */
        while (r.at < size && file[r.at] == 0)
            r.at++;
        uint64_t start = r.at;
        unsigned format = r.at < size ? format_at(&r) : FORMATS;
        if (format == FORMATS)
            return (struct initrd_finding){NULL, 0, start, r.codes};
        enum initrd_walk result = initrd_left(&r) < formats[format].magic_size
                                      ? INITRD_CUT_OFF
                                      : formats[format].walk(&r);
        if (result == INITRD_CUT_OFF)
            return (struct initrd_finding){formats[format].name, start, size, r.codes};
        if (result == INITRD_UNKNOWN)
            return (struct initrd_finding){NULL, 0, start, r.codes};
    }
}
