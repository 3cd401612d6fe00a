/* Test results as TAP: see report.h. Only the first vCPU reports. */
#include "guest/lib/report.h"

#include <stdarg.h>
#include <stdint.h>

#include "guest/lib/console.h"
#include "lib/format.h"

static struct report_counts counts;
static bool only_failures;

static uint32_t reported(void) {
    return counts.passed + counts.failed + counts.skipped;
}

struct report_counts report_counts(void) {
    return counts;
}

void report_only_failures(bool only) {
    only_failures = only;
}

bool report(bool condition, const char *fmt, ...) {
    char text[200];
    va_list args;
    va_start(args, fmt);
    format_va(text, sizeof text, fmt, args);
    va_end(args);

    if (condition)
        counts.passed++;
    else
        counts.failed++;
    if (!condition || !only_failures)
        print("%sok %u - %s\n", condition ? "" : "not ", reported(), text);
    return condition;
}

void report_skip(const char *text, const char *reason) {
    counts.skipped++;
    if (!only_failures)
        print("ok %u - %s # SKIP %s\n", reported(), text, reason);
}

void report_plan(void) {
    if (!only_failures)
        print("1..%u\n", reported());
}

_Noreturn void report_done(void) {
    report_plan();
    guest_exit(counts.failed ? 1 : 0);
}

_Noreturn void report_skip_all(const char *reason) {
    print("1..0 # SKIP %s\n", reason);
    guest_exit(0);
}
