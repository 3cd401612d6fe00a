/* Test results as TAP (Test Anything Protocol), for the runner that reads the guest's console. */
#pragma once
#include <stdbool.h>

/* `ok N - text` or `not ok N - text`; gives the condition back. */
bool report(bool condition, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* `ok N - text # SKIP reason`. */
void report_skip(const char *text, const char *reason);

/* Prints the plan: for a guest that then ends in its own way. */
void report_plan(void);

/* Prints the plan and ends the guest: exit code 0 if all were ok, 1 if not. */
_Noreturn void report_done(void);

/* `1..0 # SKIP reason`: nothing here can run on this machine. Ends the guest with exit code 0. */
_Noreturn void report_skip_all(const char *reason);
