/* Reading a file in pieces: see pieces.h. */
#include "boot/pieces.h"

#include <stddef.h>

const char *pieces_read(piece_reader *read, void *file, void *to, uint64_t size) {
    uint8_t *at = to;

    while (size) {
        uint64_t asked = size < PIECE_SIZE ? size : PIECE_SIZE, done = asked;

        if (!read(file, at, &done))
            return "the firmware reports a read error";
        if (done > asked)
            return "the firmware reports more bytes than it was asked for";
        if (done == 0)
            return "it is shorter than its directory entry says";
        at += done;
        size -= done;
    }
    return NULL;
}
