/* Checks whether an initial RAM disk is complete.
 *
 * A file that was truncated while it was copied is a mistake that nothing else reports: Linux
 * unpacks the part that is there and may print nothing. The file is a sequence of cpio archives,
 * each plain or compressed, with zeros between them (Linux,
 * Documentation/driver-api/early-userspace/buffer-format.rst). All these formats have an end, so
 * the check walks over them to find it; it unpacks nothing and checks nothing else. The first part
 * in an unknown format, and everything behind it, is left to the kernel. Pure; the file is not
 * trusted. Read next: initrd.c, initrd_deflate.c. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct initrd_finding {
    const char *cut_off; /* the part that is incomplete ("a gzip file"); NULL: none is */
    uint64_t start;      /* the offset at which that part begins */
    uint64_t unknown;    /* the offset of the first part in an unknown format; the size: none */
    uint64_t codes;      /* how many Huffman codes the check has built */
};

/* Reads nothing outside [file, file + size). The time is proportional to the size: some
 * instructions for each file of an archive, each symbol of DEFLATE and each block of the other
 * formats, all of which have at least one bit of their own in the file; and a few thousand for each
 * Huffman code, of which INITRD_CODES_MAX(n) are built at most in the first n bytes. A file that
 * needs more, as no compressor writes it, is left to the kernel from that part on. */
#define INITRD_CODES_MAX(bytes) (64 + (bytes) / 32)
struct initrd_finding initrd_check(const uint8_t *file, uint64_t size);
