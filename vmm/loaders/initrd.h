/* Looks whether an initial RAM disk is all there.
 *
 * A file that was cut off while it was copied is the one mistake of this kind that nobody else
 * finds: Linux unpacks what there is and may not say a word. What such a file consists of is the
 * kernel's affair (Linux, Documentation/driver-api/early-userspace/buffer-format.rst): cpio
 * archives one after the other, each as it is or compressed, zeros between them. All these formats
 * tell where they end, so it is enough to walk over them; nothing is unpacked, and nothing but the
 * end is judged. What is in no format known here is left to the kernel, and so is all that follows
 * it. Pure; the file is not trusted. Read next: initrd.c, deflate.c. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct initrd_finding {
    const char *cut_off; /* NULL: nothing; else what the file ends in the middle of, in words */
    uint64_t start;      /* where in the file that begins */
    uint64_t unknown; /* from here on it was not looked at; the file's size if there is no such */
};

/* Reads nothing outside [file, file + size). The time is proportional to the size: some
 * instructions for each file of an archive, for each symbol of DEFLATE and for each block of the
 * others, and a few thousand for each block of DEFLATE, which describes its codes. */
struct initrd_finding initrd_look(const uint8_t *file, uint64_t size);
