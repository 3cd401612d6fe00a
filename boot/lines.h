/* The lines of a configuration file, pinwheel.cfg or menu.cfg, split without copying the text.
 *
 *     # a comment
 *     [name]                       # begins a block
 *     key = value
 *
 * Any bytes are accepted. Outside comments only printable ASCII is, so that every stored value can
 * be printed anywhere. Pure. Read next: config.c and menu.c, which say what the keys mean. */
#pragma once
#include <stdint.h>

#include "lib/text.h"

#define LINE_PROBLEM_SIZE 64

/* The rest of a file. */
struct lines {
    struct slice rest;
    uint32_t number; /* of the line that was read last, counted from 1 */
};

enum line_kind {
    LINE_BLANK,      /* nothing, or a comment */
    LINE_NAME,       /* [name] */
    LINE_ASSIGNMENT, /* name = value */
    LINE_WRONG,
};

struct line {
    enum line_kind kind;
    struct slice name, value;        /* without blanks at both ends */
    char problem[LINE_PROBLEM_SIZE]; /* what is wrong with it */
};

/* The whole file; a byte order mark at its beginning is ignored. */
struct lines lines_of(const char *text, size_t size);

/* Reads the next line. False if there are no more. */
bool lines_next(struct lines *lines, struct line *line);
