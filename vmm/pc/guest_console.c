/* A guest's console: see guest_console.h. */
#include "vmm/pc/guest_console.h"

#include "arch/instructions.h"
#include "drivers/console.h"
#include "drivers/tsc.h"
#include "lib/format.h"

/* An unfinished line is shown after this silence. It is longer than a guest that shares its CPU
 * usually waits for its turn. */
#define QUIET_US 50000

static void guest_line_show(struct guest_console *console) {
    console->position =
        console_line(console->prefix ? CONSOLE_SERIAL | CONSOLE_SCREEN : CONSOLE_SCREEN, console,
                     console->line, console->shown, console->length);
    console->shown = console->length;
}

static void guest_line_add(struct guest_console *console, char c) {
    if (!console->length && console->prefix)
        console->length =
            (uint32_t)format(console->line, sizeof(console->line), "[%s] ", console->prefix);
    console->line[console->length++] = c;
}

static void guest_line_end(struct guest_console *console) {
    guest_line_add(console, '\n');
    guest_line_show(console);
    console->length = console->shown = 0;
}

/* Whether the character belongs to an escape sequence: ESC and one character, or ESC [ and
 * parameters up to a letter. ECMA-48, "Control Sequences". */
static bool is_escape(struct guest_console *console, char c) {
    enum { NONE, BEGUN, PARAMETERS };
    uint8_t before = console->escape;

    if (c == '\x1b')
        console->escape = BEGUN;
    else if (before == BEGUN)
        console->escape = c == '[' ? PARAMETERS : NONE;
    else if (before == PARAMETERS && c >= '@')
        console->escape = NONE;
    return before != NONE || console->escape != NONE;
}

/* Control characters could change the state of the reader's terminal: those of ASCII, and U+0080 to
 * U+009F, one of which begins a sequence as ESC [ does. ISO 6429. */
static bool is_control(const struct utf8 *character) {
    uint8_t first = character->byte[0];

    if (character->size > 1)
        return first == 0xc2 && character->byte[1] < 0xa0;
    return (first < ' ' && first != '\t') || first == 0x7f;
}

static void guest_line_add_character(struct guest_console *console, const struct utf8 *character) {
    if (console->length + character->size >= GUEST_CONSOLE_LINE)
        guest_line_end(console);
    for (unsigned i = 0; i < character->size; i++)
        guest_line_add(console, (char)character->byte[i]);
}

static const struct utf8 replacement = {.byte = "?", .size = 1};

/* A byte alone from 80H on could be a control character for a terminal that does not read UTF-8. */
static void guest_line_put(struct guest_console *console, char c) {
    struct utf8 *character = &console->character;
    enum utf8_state state = utf8_read(character, (uint8_t)c);

    if (state == UTF8_BROKEN) {
        guest_line_add_character(console, &replacement);
        state = utf8_read(character, (uint8_t)c);
    }
    if (c == '\n')
        guest_line_end(console);
    else if (c == '\r' || is_escape(console, c) || state == UTF8_PART)
        return;
    else if (state == UTF8_INVALID || is_control(character))
        guest_line_add_character(console, &replacement);
    else
        guest_line_add_character(console, character);
}

bool guest_console_has_room(struct guest_console *console) {
    bool has_room = console_has_room(console->position);

    if (!has_room)
        console_step();
    return has_room;
}

void guest_console_put(struct guest_console *console, char c) {
    spin_lock(&console->lock);
    if (!console->prefix)
        console->position = console_line(CONSOLE_SERIAL, console, &c, 0, 1);
    guest_line_put(console, c);
    console->changed = rdtsc();
    spin_unlock(&console->lock);
    console_step();
}

void guest_console_tick(struct guest_console *console, uint64_t now, bool typed_to) {
    if (!spin_try_lock(&console->lock))
        return; /* a vCPU is printing, so the guest is not silent */
    if ((typed_to || !console->prefix) && console->length > console->shown &&
        now > console->changed + tsc_ticks(QUIET_US) && console_has_room(console->position))
        guest_line_show(console);
    spin_unlock(&console->lock);
}

void guest_console_again(struct guest_console *console) {
    spin_lock(&console->lock);
    console->shown = 0;
    spin_unlock(&console->lock);
}

void guest_console_flush(struct guest_console *console) {
    spin_lock(&console->lock);
    if (console->character.count)
        guest_line_add_character(console, &replacement);
    if (console->length)
        guest_line_end(console);
    spin_unlock(&console->lock);
}
