/* Reading files from the volume that BOOTX64.EFI was loaded from.
 *
 * A stick, a disk and the virtual FAT drive of an emulator all work; booting over the network does
 * not, since there is no such volume then. Each file gets memory of its own, which stays. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define FILE_SIZE_MAX (256ULL << 20)

struct file {
    uint64_t base; /* in memory of its own, page-aligned */
    uint64_t size;
};

/* Opens the volume. Returns NULL, or why it cannot be read, in words. */
const char *files_open(void);

/* Reads a whole file of at most `max` bytes. The path begins at the root of the volume; both
 * slashes part directories. Returns NULL, or why it cannot be read, in words. */
const char *files_read(const char *path, uint64_t max, struct file *file);
