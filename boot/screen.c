/* The firmware's console: see screen.h. */
#include "boot/screen.h"

#include <stdarg.h>

#include "boot/firmware.h"
#include "drivers/format.h"

#define TEXT_SIZE 8192 /* a full report, a mistake in each guest, and the advice */

static char text[TEXT_SIZE];
static size_t used;
static size_t shown;

void screen_print(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    int length = format_va(text + used, sizeof(text) - used, fmt, args);
    va_end(args);
    used += (size_t)length;
    if (used > sizeof(text) - 1)
        used = sizeof(text) - 1;
}

void screen_show(void)
{
    SIMPLE_TEXT_OUTPUT_INTERFACE *console = firmware_system->ConOut;
    static CHAR16 wide[2 * TEXT_SIZE];
    size_t length = 0;

    for (size_t i = shown; i < used; i++) {
        if (text[i] == '\n')
            wide[length++] = '\r';
        wide[length++] = (CHAR16)text[i];
    }
    wide[length] = 0;
    shown = used;
    if (console && length)
        console->OutputString(console, wide);
}

const char *screen_text(size_t *size)
{
    *size = used;
    return text;
}

void screen_clear(void)
{
    SIMPLE_TEXT_OUTPUT_INTERFACE *console = firmware_system->ConOut;

    if (console)
        console->ClearScreen(console);
}
