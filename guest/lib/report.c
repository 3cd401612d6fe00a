/* Test results as TAP: see report.h. Only the first vCPU reports. */
#include "guest/lib/report.h"

#include <stdarg.h>
#include <stdint.h>

#include "guest/lib/console.h"
#include "lib/format.h"

static uint32_t count, failed;

bool report(bool condition, const char *fmt, ...) {
    char text[200];
    va_list args;
    va_start(args, fmt);
    format_va(text, sizeof text, fmt, args);
    va_end(args);

    failed += !condition;
    print("%sok %u - %s\n", condition ? "" : "not ", ++count, text);
    return condition;
}

void report_skip(const char *text, const char *reason) {
    print("ok %u - %s # SKIP %s\n", ++count, text, reason);
}

void report_plan(void) {
    print("1..%u\n", count);
}

_Noreturn void report_done(void) {
    report_plan();
    guest_exit(failed ? 1 : 0);
}

_Noreturn void report_skip_all(const char *reason) {
    print("1..0 # SKIP %s\n", reason);
    guest_exit(0);
}
