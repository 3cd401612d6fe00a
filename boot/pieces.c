/* Reading a file in pieces: see pieces.h. */
#include "boot/pieces.h"

#include <stddef.h>

const char *pieces_read(piece_reader *read, void *file, void *to, uint64_t size) {
    for (uint64_t at = 0, done; at < size; at += done) {
        uint64_t asked = size - at < PIECE_SIZE ? size - at : PIECE_SIZE;

        done = asked;
        if (!read(file, (uint8_t *)to + at, &done))
            return "the firmware reports a read error";
        if (done > asked)
            return "the firmware reports more bytes than it was asked for";
        if (done == 0)
            return "it is shorter than its directory entry says";
    }
    return NULL;
}
