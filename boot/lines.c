/* The lines of a configuration file: see lines.h. */
#include "boot/lines.h"

#include "lib/format.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

struct lines lines_of(const char *text, size_t size) {
    struct slice rest = slice_of(text, size);

    if (slice_begins_with(rest, BYTE_ORDER_MARK))
        rest.at += sizeof(BYTE_ORDER_MARK) - 1;
    return (struct lines){rest, 0};
}

/* The part of the slice from `at` on and before `end`, without blanks at both ends. */
static struct slice part(struct slice s, size_t at, size_t end) {
    return slice_trim((struct slice){s.text, at, end});
}

static struct line split(struct slice s) {
    struct line line = {LINE_WRONG, s, s, {0}};
    size_t equal = slice_find(s, "=");

    for (size_t i = s.at; i < s.end; i++) {
        if (s.text[i] != '\t' && (s.text[i] < ' ' || s.text[i] > '~')) {
            format(line.problem, LINE_PROBLEM_SIZE,
                   "byte 0x%02x outside a comment: only ASCII is allowed there",
                   (unsigned)(uint8_t)s.text[i]);
            return line;
        }
    }
    if (s.at >= s.end)
        line.kind = LINE_BLANK;
    else if (slice_begins_with(s, "[") && s.text[s.end - 1] == ']')
        line = (struct line){LINE_NAME, part(s, s.at + 1, s.end - 1), s, {0}};
    else if (equal < s.end)
        line = (struct line){LINE_ASSIGNMENT, part(s, s.at, equal), part(s, equal + 1, s.end), {0}};
    else
        format(line.problem, LINE_PROBLEM_SIZE, "neither '[name]' nor 'key = value'");
    return line;
}

bool lines_next(struct lines *lines, struct line *line) {
    struct slice rest = lines->rest;
    size_t end = slice_find(rest, "\n");

    *line = split(slice_trim(slice_without_comment((struct slice){rest.text, rest.at, end})));
    lines->rest.at = end + 1;
    lines->number++;
    return !slice_is_empty(rest);
}
