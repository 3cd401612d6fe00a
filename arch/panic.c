/* panic(): see panic.h. */
#include "arch/panic.h"

#include <stdarg.h>

#include "arch/instructions.h"
#include "lib/format.h"

static panic_handler *panic_report;

void panic_set_handler(panic_handler *handler) {
    panic_report = handler;
}

_Noreturn void panic(const char *fmt, ...) {
    char text[PANIC_TEXT_SIZE];
    va_list args;

    interrupts_off();
    va_start(args, fmt);
    format_va(text, sizeof(text), fmt, args);
    va_end(args);
    if (panic_report)
        panic_report(text, (uint64_t)__builtin_frame_address(0));
    for (;;)
        halt();
}
