/* Reads files from the volume that BOOTX64.EFI was loaded from.
 *
 * That may be a USB stick, a disk or an emulator's virtual FAT drive; a network boot has no such
 * volume. Each file is placed in memory of its own, which is never freed: the hypervisor reads it
 * there. Read next: guests.h. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILE_SIZE_MAX (256ULL << 20)

struct file {
    uint64_t base; /* page-aligned */
    uint64_t size; /* bytes, not 0 */
};

/* Opens the volume; before files_read(). Returns NULL, or why it cannot be read, in words. */
const char *files_open(void);

/* Reads a whole file of at most `max` bytes. The path begins at the root of the volume; a slash or
 * a backslash separates directories. Returns NULL, or why the file cannot be read, in words. */
const char *files_read(const char *path, uint64_t max, struct file *file);

/* Whether there is such a file. */
bool files_exist(const char *path);
