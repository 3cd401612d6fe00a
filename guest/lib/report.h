/* Test results as TAP (Test Anything Protocol), which the runner reads from the guest's console. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Prints `ok N - text` or `not ok N - text`; returns the condition. */
bool report(bool condition, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* How many tests have been reported so far. */
struct report_counts {
    uint32_t passed, failed, skipped;
};
struct report_counts report_counts(void);

/* From now on only tests that fail are printed, and no plan: the output is no TAP any more. */
void report_only_failures(bool only);

/* Prints `ok N - text # SKIP reason`. */
void report_skip(const char *text, const char *reason);

/* Prints the plan, for a guest that ends in another way than report_done(). */
void report_plan(void);

/* Prints the plan and ends the guest, with exit code 0 if all tests passed, otherwise 1. */
_Noreturn void report_done(void);

/* Prints `1..0 # SKIP reason` and ends the guest with exit code 0: no test can run here. */
_Noreturn void report_skip_all(const char *reason);
