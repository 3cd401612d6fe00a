/* The firmware's console: see screen.h. */
#include "boot/screen.h"

#include "boot/firmware.h"
#include "lib/format.h"

#define TEXT_SIZE 8192 /* room for a full report, a mistake in each guest, and the advice */

static char buffer[TEXT_SIZE];
static struct text text = {.out = buffer, .size = TEXT_SIZE};
static size_t shown;

void screen_print(const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    text_add_va(&text, fmt, args);
    va_end(args);
}

const char *screen_text(size_t *size) {
    *size = text.length < TEXT_SIZE ? text.length : TEXT_SIZE - 1;
    return buffer;
}

void screen_draw(const char *bytes, size_t size) {
    static CHAR16 wide[2 * TEXT_SIZE + 1];
    size_t length = 0;

    for (size_t i = 0; i < size && i < TEXT_SIZE; i++) {
        if (bytes[i] == '\n')
            wide[length++] = '\r';
        wide[length++] = (CHAR16)bytes[i];
    }
    wide[length] = 0;
    if (ST->ConOut && length)
        ST->ConOut->OutputString(ST->ConOut, wide);
}

void screen_show(void) {
    size_t used;

    screen_text(&used);
    screen_draw(buffer + shown, used - shown);
    shown = used;
}

void screen_clear(void) {
    if (ST->ConOut)
        ST->ConOut->ClearScreen(ST->ConOut);
}
