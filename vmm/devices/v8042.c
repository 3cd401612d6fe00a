/* The keyboard controller: see v8042.h. */
#include "vmm/devices/v8042.h"

/* The status, port 64H: an answer waits; the controller has passed its self-test; the keyboard is
 * not locked. Bit 1, "input buffer full", is 0: a byte is consumed at once. */
#define STATUS_DATA      0x01
#define STATUS_TESTED    0x04
#define STATUS_UNLOCKED  0x10

#define READ_CONFIG      0x20
#define WRITE_CONFIG     0x60
#define TEST_AUXILIARY   0xa9
#define SELF_TEST        0xaa
#define TEST_KEYBOARD    0xab
#define READ_INPUT_PORT  0xc0
#define READ_OUTPUT_PORT 0xd0
#define WRITE_OUTPUT     0xd1
/* Command FxH: the output lines whose bit is 0 are pulsed; line 0 is the processor's reset. */
#define PULSE_MASK      0xf1
#define PULSE_RESET     0xf0

#define TEST_PASSED     0x55
#define NO_CLOCK        0x01 /* of a port's test: its clock line stays low, nothing is connected */
#define INPUT_PORT      0x80 /* the keyboard is not locked */
#define OUTPUT_PORT     0x03 /* address line 20 is enabled, no reset */
#define OUTPUT_NO_RESET 0x01

uint8_t v8042_read(struct v8042 *kbc, uint16_t port) {
    if (port == V8042_COMMAND)
        return STATUS_UNLOCKED | STATUS_TESTED | (kbc->has_data ? STATUS_DATA : 0);
    kbc->has_data = false;
    return kbc->data;
}

static void answer(struct v8042 *kbc, uint8_t data) {
    kbc->data = data;
    kbc->has_data = true;
}

static bool command(struct v8042 *kbc, uint8_t value) {
    kbc->awaits = 0;
    switch (value) {
    case READ_CONFIG:
        answer(kbc, kbc->config);
        break;
    case SELF_TEST:
        answer(kbc, TEST_PASSED);
        break;
    case TEST_KEYBOARD:
    case TEST_AUXILIARY:
        answer(kbc, NO_CLOCK);
        break;
    case READ_INPUT_PORT:
        answer(kbc, INPUT_PORT);
        break;
    case READ_OUTPUT_PORT:
        answer(kbc, OUTPUT_PORT);
        break;
    case WRITE_CONFIG:
    case WRITE_OUTPUT:
        kbc->awaits = value;
        break;
    default:
        return (value & PULSE_MASK) == PULSE_RESET;
    }
    return false;
}

bool v8042_write(struct v8042 *kbc, uint16_t port, uint8_t value) {
    uint8_t awaits = kbc->awaits;

    if (port == V8042_COMMAND)
        return command(kbc, value);
    kbc->awaits = 0;
    if (awaits == WRITE_CONFIG)
        kbc->config = value;
    return awaits == WRITE_OUTPUT && !(value & OUTPUT_NO_RESET);
}
