/* The machine's keyboard: see keyboard.h. */
#include "drivers/keyboard.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/instructions.h"
#include "drivers/scan_codes.h"
#include "drivers/tsc.h"

#define PORT_DATA                   0x60
#define PORT_STATUS                 0x64 /* written: a command */
#define STATUS_OUT                  0x01 /* a byte can be read */
#define STATUS_IN                   0x02 /* the last byte written has not been taken yet */
#define STATUS_MOUSE                0x20 /* the byte is the mouse's */
#define STATUS_NONE                 0xff /* no device answers */

#define COMMAND_READ_CONFIGURATION  0x20
#define COMMAND_WRITE_CONFIGURATION 0x60
#define CONFIGURATION_INTERRUPTS    0x03
#define CONFIGURATION_KEYBOARD_OFF  0x10
#define CONFIGURATION_MOUSE_OFF     0x20
#define CONFIGURATION_TRANSLATE     0x40 /* to scan code set 1 */
#define KEYBOARD_ENABLE             0xf4 /* for the keyboard, not for its controller */

#define BUFFERED                    16    /* bytes, at most, that are left from the firmware */
#define WAIT_US                     20000 /* for the controller */
#define POLL_US                     10000
#define POLL_MOST                   16 /* codes at once */

static bool present;
static uint64_t polled; /* TSC */
static struct scan_codes codes;
static char text[SCAN_CODES_TEXT]; /* of a key */
static unsigned length, taken;

/* Whether bits of the status take this value in time. */
static bool wait_for(uint8_t bit, uint8_t value) {
    uint64_t start = rdtsc();

    do {
        uint8_t status = in8(PORT_STATUS);

        if (status == STATUS_NONE)
            return false;
        if ((status & bit) == value)
            return true;
        cpu_pause();
    } while (rdtsc() - start < tsc_ticks(WAIT_US));
    return false;
}

static bool write(uint16_t port, uint8_t byte) {
    if (!wait_for(STATUS_IN, 0))
        return false;
    out8(port, byte);
    return true;
}

/* What the firmware has not read. */
static bool discard(void) {
    for (unsigned i = 0; i < BUFFERED; i++) {
        uint8_t status = in8(PORT_STATUS);

        if (status == STATUS_NONE)
            return false;
        if (!(status & STATUS_OUT))
            return true;
        in8(PORT_DATA);
    }
    return !(in8(PORT_STATUS) & STATUS_OUT);
}

/* No interrupt is needed, and nobody reads a mouse, whose bytes would keep the keyboard's back. */
static bool configure(void) {
    if (!write(PORT_STATUS, COMMAND_READ_CONFIGURATION) || !wait_for(STATUS_OUT, STATUS_OUT))
        return false;
    uint8_t configuration = in8(PORT_DATA);
    configuration &= (uint8_t) ~(CONFIGURATION_INTERRUPTS | CONFIGURATION_KEYBOARD_OFF);
    configuration |= CONFIGURATION_MOUSE_OFF | CONFIGURATION_TRANSLATE;
    return write(PORT_STATUS, COMMAND_WRITE_CONFIGURATION) && write(PORT_DATA, configuration);
}

/* The answer to the last command is read as if it were a key's code, which means nothing. */
void keyboard_init(void) {
    present = discard() && configure() && write(PORT_DATA, KEYBOARD_ENABLE);
    polled = rdtsc();
}

/* Reads codes until one means something. */
static void poll(void) {
    length = taken = 0;
    for (unsigned i = 0; i < POLL_MOST && !length; i++) {
        uint8_t status = in8(PORT_STATUS);

        if (status == STATUS_NONE)
            present = false;
        if (!present || !(status & STATUS_OUT))
            break;
        uint8_t code = in8(PORT_DATA);
        if (!(status & STATUS_MOUSE))
            length = scan_codes_read(&codes, code, text);
    }
}

int keyboard_read(void) {
    uint64_t now = rdtsc();

    if (taken == length && present && now - polled >= tsc_ticks(POLL_US)) {
        polled = now;
        poll();
    }
    return taken < length ? text[taken++] : KEYBOARD_NO_BYTE;
}
