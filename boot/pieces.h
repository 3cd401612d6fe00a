/* Reading a file in pieces, because much firmware cannot read a large one in one call.
 *
 * File-system drivers exist that fail, or return damaged data, when one call of Read() asks for
 * more than the transfer limit of their disk driver; a loop of calls of 1 MiB at most works
 * everywhere and costs nothing. Pure. UEFI 2.10, "EFI_FILE_PROTOCOL.Read()". Read next: files.c. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define PIECE_SIZE (1ULL << 20)

/* Reads the next *size bytes of the file to `to`, and stores in *size how many it has read: fewer,
 * even in the middle of a file, is no error. False: a read error. */
typedef bool piece_reader(void *file, void *to, uint64_t *size);

/* Reads `size` bytes to `to`. Returns NULL, or what failed, in words. */
const char *pieces_read(piece_reader *read, void *file, void *to, uint64_t size);
