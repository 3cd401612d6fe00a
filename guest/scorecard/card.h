/* The card: a row for each group of tests, in two columns, for a screen of 25 lines of 80
 * characters, with a checksum by which tools/check-scorecard knows that a copy of it is complete.
 *
 * It is printed like all output of a guest and, on a machine other than Pinwheel's, also written to
 * the text screen. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "guest/lib/report.h"

struct card_row {
    const char *number; /* of the invariant, or a letter */
    const char *name;   /* at most 22 characters */
    bool open;          /* a rule that the manuals leave open, and Pinwheel keeps */
    struct report_counts counts;
};

/* Begins the card with its first lines: what was tested, how the lines are raised. */
void card_begin(const char *modes, const char *lines);

/* The rows, those of the first column first. */
void card_rows(const struct card_row *rows, uint32_t count);

/* The sum: how many passed, failed, or failed where the manuals leave the rule open. */
void card_sum(const struct card_row *rows, uint32_t count);

/* One line of its own. */
void card_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The last line, with the checksum; then the whole is printed. */
void card_end(void);

/* Whether CPUID gives this as the hypervisor's name. */
bool card_hypervisor_is(const char *name);
