/* UTF-8, byte by byte: which sequences are characters. Only well-formed ones are: no overlong
 * forms, no surrogates, nothing beyond U+10FFFF. The Unicode Standard, "Well-Formed UTF-8 Byte
 * Sequences". Pure. */
#pragma once
#include <stdint.h>

#define UTF8_SIZE_MAX 4

/* A character that is being read; all 0 before the first. */
struct utf8 {
    uint8_t byte[UTF8_SIZE_MAX];
    uint8_t count;                 /* of the bytes read so far */
    uint8_t size;                  /* of the character */
    uint8_t next_first, next_last; /* the range of the next byte */
};

enum utf8_state {
    UTF8_WHOLE,   /* the character is complete: `size` bytes */
    UTF8_PART,    /* more bytes are to come */
    UTF8_INVALID, /* this byte begins no character */
    UTF8_BROKEN,  /* the bytes before are no character; this one was not read: pass it again */
};

enum utf8_state utf8_read(struct utf8 *utf8, uint8_t byte);
