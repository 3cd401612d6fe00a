/* The lines of a configuration file: see lines.h. */
#include "boot/lines.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"
#define MARK_SIZE       (sizeof(BYTE_ORDER_MARK) - 1)

struct lines lines_of(const char *text, size_t size) {
    size_t start =
        size >= MARK_SIZE && memcmp(text, BYTE_ORDER_MARK, MARK_SIZE) == 0 ? MARK_SIZE : 0;

    return (struct lines){{text + start, size - start}, 0};
}

static struct slice part(struct slice s, size_t from, size_t to) {
    return slice_trim((struct slice){s.text + from, to - from});
}

/* The position of the character; the size if there is none. */
static size_t find(struct slice s, char c) {
    size_t i = 0;

    while (i < s.size && s.text[i] != c)
        i++;
    return i;
}

static struct line split(struct slice s) {
    size_t equal = find(s, '=');

    if (s.size == 0)
        return (struct line){.kind = LINE_BLANK};
    for (size_t i = 0; i < s.size; i++) {
        if (s.text[i] != '\t' && (s.text[i] < ' ' || s.text[i] > '~'))
            return (struct line){.kind = LINE_NOT_ASCII, .name = {s.text + i, 1}};
    }
    if (s.text[0] == '[' && s.text[s.size - 1] == ']')
        return (struct line){.kind = LINE_NAME, .name = part(s, 1, s.size - 1)};
    if (equal == s.size)
        return (struct line){.kind = LINE_NEITHER, .name = s};
    return (struct line){LINE_ASSIGNMENT, part(s, 0, equal), part(s, equal + 1, s.size)};
}

bool lines_next(struct lines *lines, struct line *line) {
    struct slice *rest = &lines->rest;
    size_t end = find(*rest, '\n');
    size_t taken = end < rest->size ? end + 1 : end;

    if (rest->size == 0)
        return false;
    *line = split(slice_trim(slice_without_comment((struct slice){rest->text, end})));
    *rest = (struct slice){rest->text + taken, rest->size - taken};
    lines->number++;
    return true;
}
