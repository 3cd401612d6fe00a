/* The firmware's console: see screen.h. */
#include "boot/screen.h"

#include <stdarg.h>

#include "boot/firmware.h"
#include "drivers/format.h"

#define TEXT_SIZE 4096

static char text[TEXT_SIZE];
static size_t used;

void screen_print(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    int length = format_va(text + used, sizeof(text) - used, fmt, args);
    va_end(args);
    used += (size_t)length;
    if (used > sizeof(text) - 1)
        used = sizeof(text) - 1;
    if (used > sizeof(text) / 2)
        screen_show();
}

void screen_show(void)
{
    SIMPLE_TEXT_OUTPUT_INTERFACE *console = firmware_system->ConOut;
    static CHAR16 wide[2 * TEXT_SIZE];
    size_t length = 0;

    for (size_t i = 0; i < used; i++) {
        if (text[i] == '\n')
            wide[length++] = '\r';
        wide[length++] = (CHAR16)text[i];
    }
    wide[length] = 0;
    used = 0;
    if (console && length)
        console->OutputString(console, wide);
}

void screen_clear(void)
{
    SIMPLE_TEXT_OUTPUT_INTERFACE *console = firmware_system->ConOut;

    if (console)
        console->ClearScreen(console);
}
