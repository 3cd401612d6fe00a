/* The lines of a configuration file: see lines.h. */
#include "boot/lines.h"

#include "lib/format.h"

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
    struct line line = {.kind = LINE_WRONG};
    size_t equal = find(s, '=');

    for (size_t i = 0; i < s.size; i++) {
        if (s.text[i] != '\t' && (s.text[i] < ' ' || s.text[i] > '~')) {
            format(line.problem, LINE_PROBLEM_SIZE,
                   "byte 0x%02x outside a comment: only ASCII is allowed there",
                   (unsigned)(uint8_t)s.text[i]);
            return line;
        }
    }
    if (s.size == 0)
        line.kind = LINE_BLANK;
    else if (s.text[0] == '[' && s.text[s.size - 1] == ']')
        line = (struct line){.kind = LINE_NAME, .name = part(s, 1, s.size - 1)};
    else if (equal < s.size)
        line = (struct line){.kind = LINE_ASSIGNMENT,
                             .name = part(s, 0, equal),
                             .value = part(s, equal + 1, s.size)};
    else
        format(line.problem, LINE_PROBLEM_SIZE, "neither '[name]' nor 'key = value'");
    return line;
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
