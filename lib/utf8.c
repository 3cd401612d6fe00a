/* UTF-8, byte by byte: see utf8.h. */
#include "lib/utf8.h"

#include <stddef.h>

/* By the range of the first byte: the size, and the range of the second byte. */
static const struct {
    uint8_t first, last, size, second_first, second_last;
} forms[] = {
    {0x00, 0x7f, 1, 0, 0},       {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf},
    {0xe1, 0xec, 3, 0x80, 0xbf}, {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf},
    {0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
};

static size_t form_of(uint8_t first) {
    size_t i = 0;

    while (i < sizeof(forms) / sizeof(forms[0]) &&
           (first < forms[i].first || first > forms[i].last))
        i++;
    return i;
}

enum utf8_state utf8_read(struct utf8 *utf8, uint8_t byte) {
    if (utf8->count == 0) {
        size_t form = form_of(byte);
        if (form == sizeof(forms) / sizeof(forms[0]))
            return UTF8_INVALID;
        utf8->size = forms[form].size;
        utf8->next_first = forms[form].second_first;
        utf8->next_last = forms[form].second_last;
    } else if (byte < utf8->next_first || byte > utf8->next_last) {
        utf8->count = 0;
        return UTF8_BROKEN;
    } else {
        utf8->next_first = 0x80;
        utf8->next_last = 0xbf;
    }
    utf8->byte[utf8->count++] = byte;
    if (utf8->count < utf8->size)
        return UTF8_PART;
    utf8->count = 0;
    return UTF8_WHOLE;
}
