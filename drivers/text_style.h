/* The colour of a line of the console, by how it begins.
 *
 * A machine's screen is read from two metres away: results are green or red, what the hypervisor
 * says of itself has its own colour, and lines that are meant for programs step back. Pure. Read
 * next: text_screen.h. */
#pragma once
#include <stddef.h>

enum text_style {
    TEXT_PLAIN,
    TEXT_ACCENT, /* the hypervisor about itself */
    TEXT_GOOD,
    TEXT_BAD,
    TEXT_FAINT, /* counters, for programs */
    TEXT_STYLES,
};

/* `line` ends at its newline or at `size`, whichever comes first. A guest's name in brackets at the
 * beginning does not count. */
enum text_style text_style_of(const char *line, size_t size);
